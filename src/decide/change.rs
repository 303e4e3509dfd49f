//! Changes to a running cluster that later tables will bring about: refused with the live value, never ignored.

use super::procedure::{About, Facts, Focus, Procedure, Row, Then};
use crate::state::ObjectKind;

pub(super) const CHANGE: Procedure = Procedure {
    name: "change",
    title: "version, image, settings, class and size of a running cluster are as Git says",
    source: "design.md 1 (orders 6 and 7), which are not there yet",
    subjects: |view| {
        if view.kube.stateful_set.is_some() && view.is_born() {
            vec![About::Cluster]
        } else {
            Vec::new()
        }
    },
    rows: &[
        not_yet(
            "template",
            "a field of the template that takes a restart, or one that cannot change in place, differs from Git",
            |f| !template_fields(f).is_empty(),
            template,
        ),
        not_yet(
            "settings",
            "only the members' configuration files differ from Git",
            |f| f.view.objects.settings_moved(),
            settings,
        ),
        not_yet(
            "claims",
            "a member's claim has another class or asks for another size than Git says",
            |f| !claims(f).is_empty(),
            |f| {
                Then::Refuse(Facts {
                    code: "not-yet-possible",
                    found: claims(f).join("; "),
                    unblock: "put storage back as it is live; moving a running member to another volume is not yet possible".into(),
                })
            },
        ),
        not_yet(
            "pods",
            "a pod runs with another settings stamp than the template's",
            |f| !old_pods(f).is_empty(),
            |f| {
                Then::Refuse(Facts {
                    code: "not-yet-possible",
                    found: format!("{} run with settings older than the template's", old_pods(f).join(", ")),
                    unblock: "restart them one by one when it suits; a rolling restart is not yet possible".into(),
                })
            },
        ),
    ],
};

const fn not_yet(
    name: &'static str,
    observed: &'static str,
    when: fn(&Focus) -> bool,
    then: fn(&Focus) -> Then,
) -> Row {
    Row {
        name,
        observed,
        step: "refuse, and hide growing and shrinking",
        why: "members added or removed in the middle of a change would be of two kinds",
        guards: &[],
        undo: "",
        when,
        then,
        hides: true,
    }
}

/// What differs besides our own stamps: the settings' stamp alone is the next row's.
fn template_fields<'v>(f: &Focus<'v>) -> Vec<&'v crate::manifest::Difference> {
    let mut fields = f.view.objects.not_yet_possible();
    fields.retain(|d| !d.pointer.contains("reconcile~1"));
    fields
}

fn template(f: &Focus) -> Then {
    let show = |v: &Option<serde_json::Value>| {
        v.as_ref()
            .map_or_else(|| "(none)".into(), ToString::to_string)
    };
    let shown: Vec<String> = template_fields(f)
        .into_iter()
        .map(|d| {
            format!(
                "{}: live {}, Git {}",
                d.pointer,
                show(&d.live),
                show(&d.desired)
            )
        })
        .collect();
    Then::Refuse(Facts {
        code: "not-yet-possible",
        found: shown.join("; "),
        unblock: "put these back as they are live; changing them on a running cluster is not yet possible".into(),
    })
}

/// The lines of the first member's file that Git would write otherwise.
fn settings(f: &Focus) -> Then {
    let ordinals = f.view.kube.member_files.iter();
    let changed = ordinals.take(1).flat_map(|(ordinal, live)| {
        let wanted = crate::manifest::member_file::poisoned(f.view.spec, *ordinal);
        let differs = |a: &str, b: &str| -> Vec<String> {
            let theirs: Vec<&str> = b.lines().collect();
            a.lines()
                .filter(|l| !theirs.contains(l) && !l.starts_with("initial-cluster"))
                .map(str::to_owned)
                .collect()
        };
        let (was, shall) = (differs(live, &wanted), differs(&wanted, live));
        [format!(
            "live [{}], Git [{}]",
            was.join(", "),
            shall.join(", ")
        )]
    });
    Then::Refuse(Facts {
        code: "not-yet-possible",
        found: format!("etcd settings: {}", changed.collect::<String>()),
        unblock: "put the settings back as they are live; changing them on a running cluster is not yet possible".into(),
    })
}

fn claims(f: &Focus) -> Vec<String> {
    let storage = &f.view.spec.storage;
    let members = f.view.seats().filter(|s| s.is_listed());
    members
        .filter_map(|seat| {
            let claim = seat.claim?;
            let class = storage
                .class_name
                .as_ref()
                .filter(|c| claim.class_name.as_ref() != Some(c));
            let name = f.view.spec.claim_name(seat.ordinal);
            match class {
                Some(class) => Some(format!(
                    "claim {name}: live class {:?}, Git {class:?}",
                    claim.class_name.as_deref().unwrap_or("")
                )),
                None if claim.request != storage.size => Some(format!(
                    "claim {name}: live size {}, Git {}",
                    claim.request, storage.size
                )),
                None => None,
            }
        })
        .collect()
}

fn old_pods(f: &Focus) -> Vec<String> {
    let stamp = f
        .view
        .kube
        .objects
        .get(&ObjectKind::StatefulSet)
        .map(|_| &f.view.objects.stamp);
    let members = f.view.seats().filter(|s| s.is_listed());
    members
        .filter(|s| s.pod.is_some_and(|p| p.stamp.as_ref() != stamp))
        .map(|s| f.view.spec.pod_name(s.ordinal))
        .collect()
}
