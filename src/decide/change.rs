//! Changes to a running cluster that later tables will bring about: refused with the live value, never ignored.

use super::objects::Held;
use super::procedure::{About, Facts, Focus, Procedure, Row, Then};
use super::view::View;
use crate::fleet::EtcdVersion;

pub(super) const CHANGE: Procedure = Procedure {
    name: "change",
    title: "minor version and TLS of a running cluster are as Git says",
    source: "etcd-operations.md P10, P11, P18, which are not there yet",
    subjects: |view| {
        if view.kube.stateful_set.is_some() && view.is_born() && !view.is_half_done() {
            vec![About::Cluster]
        } else {
            Vec::new()
        }
    },
    rows: &[
        not_yet(
            "minor-upgrade",
            "Git asks for a higher minor version than members run",
            |f| matches!(f.view.objects.held, Some(Held::MinorUpgrade(_))),
            held,
        ),
        not_yet(
            "minor-downgrade",
            "Git asks for a lower minor version than members run",
            |f| matches!(f.view.objects.held, Some(Held::MinorDowngrade(_))),
            held,
        ),
        not_yet(
            "tls-switch",
            "Git switches TLS of a running cluster on or off",
            |f| matches!(f.view.objects.held, Some(Held::TlsSwitch(_))),
            held,
        ),
        not_yet(
            "immutable",
            "a field of the StatefulSet that cannot change in place differs from Git",
            |f| !f.view.objects.not_yet_possible().is_empty(),
            immutable,
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

/// Why files and template do not follow Git, as a refusal.
pub(super) fn held(f: &Focus) -> Then {
    let hop = |code, running: EtcdVersion, unblock: &str| Facts {
        code,
        found: format!("members run {running}, Git says {}", f.view.spec.version),
        unblock: unblock.into(),
    };
    Then::Refuse(match f.view.objects.held {
        None => return Then::Pass,
        Some(Held::MinorUpgrade(running)) => hop(
            "minor-upgrade",
            running,
            "stay within the minor version; the hop to a higher one is not yet possible",
        ),
        Some(Held::MinorDowngrade(running)) => hop(
            "minor-downgrade",
            running,
            "put version back: an older binary refuses a newer store, and leading etcd through its own downgrade is not yet possible",
        ),
        Some(Held::TlsSwitch(listener)) => Facts {
            code: "tls-switch",
            found: format!(
                "`{listener}` of the members' files would change between http and https"
            ),
            unblock:
                "put tls back as it was: members with and without it cannot talk to each other"
                    .into(),
        },
    })
}

pub(super) fn immutable(f: &Focus) -> Then {
    let show = |value: &Option<serde_json::Value>| {
        value
            .as_ref()
            .map_or_else(|| "(none)".into(), ToString::to_string)
    };
    let differences = f.view.objects.immutable();
    let shown: Vec<String> = differences
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
