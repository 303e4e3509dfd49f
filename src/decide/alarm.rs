//! What etcd itself raises: reported as what it is.

use super::procedure::{About, Facts, Focus, Procedure, Row, Then};
use crate::state::AlarmKind;

pub(super) const ALARM: Procedure = Procedure {
    name: "alarm",
    title: "no alarm stands",
    source: "etcd-operations.md P8, G1, 2.8 (more facts)",
    subjects: |view| {
        if view.membership().is_some() {
            vec![About::Cluster]
        } else {
            Vec::new()
        }
    },
    rows: &[
        Row {
            name: "corrupt",
            observed: "a CORRUPT alarm stands",
            step: "refuse everything below",
            why: "until it is known which members hold the same data, whoever is removed may be the one that is right",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| !raised(f, AlarmKind::Corrupt).is_empty(),
            then: |f| {
                Then::Refuse(Facts {
                    code: "corrupt",
                    found: format!("alarm CORRUPT of {}", raised(f, AlarmKind::Corrupt).join(", ")),
                    unblock: "compare the members' hashes at one revision (`etcdctl endpoint hashkv --cluster`); the minority is replaced, then the alarm disarmed".into(),
                })
            },
        },
        Row {
            name: "nospace",
            observed: "a NOSPACE alarm stands",
            step: "refuse: it is not cleared yet, and nothing planned begins",
            why: "etcd refuses writes until a person has made room: compact, defragment, then disarm",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| !raised(f, AlarmKind::NoSpace).is_empty(),
            then: |f| {
                Then::Refuse(Facts {
                    code: "nospace",
                    found: format!(
                        "alarm NOSPACE of {}: etcd refuses writes",
                        raised(f, AlarmKind::NoSpace).join(", ")
                    ),
                    unblock: "compact, defragment every member (`etcdctl defrag --cluster`), see that each is below its quota, then `etcdctl alarm disarm`".into(),
                })
            },
        },
    ],
};

/// Names of the members for which it stands.
fn raised(f: &Focus, kind: AlarmKind) -> Vec<String> {
    let alarms = f.view.observed.etcd.alarms.known();
    let all = alarms.iter().copied().flatten();
    all.filter(|a| a.kind == kind)
        .map(|a| {
            let seat = f
                .view
                .seats()
                .find(|s| s.member.is_some_and(|m| m.id == a.member));
            seat.map_or_else(
                || format!("member {}", a.member),
                |s| f.view.spec.pod_name(s.ordinal),
            )
        })
        .collect()
}
