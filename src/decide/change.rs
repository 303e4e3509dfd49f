//! Changes to a running cluster that later tables will bring about: refused with the live value, never ignored.

use super::procedure::{About, Facts, Focus, Procedure, Row, Then};
use super::view::View;
use crate::manifest::Difference;
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
            "a field of the StatefulSet that takes a restart or cannot change in place differs from Git",
            |f| !beside_the_stamp(f).is_empty(),
            template,
        ),
        not_yet(
            "settings",
            "only the settings stamp of the template differs: the members' configuration files would",
            |f| !f.view.objects.not_yet_possible().is_empty(),
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

/// One of the rows matches: growing and shrinking are hidden.
pub(super) fn is_pending(view: &View) -> bool {
    let about = About::Cluster;
    let focus = Focus { view, about };
    (CHANGE.subjects)(view).contains(&about)
        && CHANGE
            .rows
            .iter()
            .any(|row| row.matches(CHANGE.name, &focus))
}

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

/// What differs in the StatefulSet, our own stamps left out.
fn beside_the_stamp<'v>(f: &Focus<'v>) -> Vec<&'v Difference> {
    let mut all = f.view.objects.not_yet_possible();
    all.retain(|d| !d.pointer.contains("reconcile~1"));
    all
}

fn template(f: &Focus) -> Then {
    let show = |value: &Option<serde_json::Value>| {
        value
            .as_ref()
            .map_or_else(|| "(none)".into(), ToString::to_string)
    };
    let shown: Vec<String> = beside_the_stamp(f)
        .iter()
        .map(|d| {
            let (live, desired) = (show(&d.live), show(&d.desired));
            format!("{}: live {live}, Git {desired}", d.pointer)
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
