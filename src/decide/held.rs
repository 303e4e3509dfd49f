//! Fields of ours that somebody else holds: what is taken back, and what is left to the controller that holds it.

use jiff::{SignedDuration, Timestamp};

use super::procedure::{Facts, Focus, Then};
use super::view::View;
use crate::state::{FieldManager, ManagerKind, ObjectKind};

/// A field that is not as Git wants it, and who holds it.
struct Held<'a> {
    pointer: &'a str,
    by: &'a FieldManager,
}

const REPLICAS: &str = "/spec/replicas";
const AUTOSCALER: &str = "kube-controller-manager";

fn held<'a>(view: &'a View, kind: ObjectKind) -> Vec<Held<'a>> {
    let Some(live) = view.kube.objects.get(&kind) else {
        return Vec::new();
    };
    let differing = view.objects.mendable(kind).into_iter();
    let differing = differing.map(|d| d.pointer.as_str());
    let by = |pointer| {
        let by = live.holder(pointer)?;
        Some(Held { pointer, by })
    };
    let scaled = (kind == ObjectKind::StatefulSet && is_scaled(view))
        .then(|| by(REPLICAS))
        .flatten()
        // An autoscaler that is there is an actor of its own; one that is gone leaves its name behind.
        .filter(|held| held.by.name != AUTOSCALER);
    differing.filter_map(by).chain(scaled).collect()
}

/// At rest `replicas` ends at the top voter. A rendered StatefulSet has the live number, so that no difference shows it.
fn is_scaled(view: &View) -> bool {
    view.is_born()
        && view
            .top_needed()
            .is_some_and(|top| view.replicas() != top.0 + 1)
}

/// Fields that an update of this object takes from persons' tools.
pub(super) fn takes(view: &View, kind: ObjectKind) -> Vec<String> {
    held(view, kind)
        .into_iter()
        .filter(|h| h.by.kind() == ManagerKind::Person && h.pointer != REPLICAS)
        .map(|h| h.pointer.to_owned())
        .collect()
}

fn by_controllers<'a>(view: &'a View, kind: ObjectKind) -> Vec<Held<'a>> {
    let mut held = held(view, kind);
    held.retain(|h| h.by.kind() == ManagerKind::Controller);
    held
}

/// A controller holds a field of this object that is not as Git wants it.
pub(super) fn by_a_controller(f: &Focus) -> bool {
    !by_controllers(f.view, f.object()).is_empty()
}

pub(super) fn refuse_held(f: &Focus) -> Then {
    let object = f.view.object_key(f.object());
    let held = by_controllers(f.view, f.object());
    let fields: Vec<String> = held
        .iter()
        .map(|h| {
            let age = since(f.view.now(), h.by.time);
            format!("{} of {object} is held by {}{age}", h.pointer, h.by.name)
        })
        .collect();
    Then::Refuse(Facts {
        code: "held-by-controller",
        found: fields.join("; "),
        unblock: format!(
            "take {object} out of what that controller manages, or say in Git what it writes; it would write again what is taken from it"
        ),
    })
}

/// ` since 2026-11-20T16:02:00Z (17 h)`, or nothing where no time is noted.
pub(super) fn since(now: Timestamp, time: Option<Timestamp>) -> String {
    time.map_or_else(String::new, |time| {
        format!(" since {time} ({})", age(now.duration_since(time)))
    })
}

/// One unit, rounded down: it is told for its order of magnitude.
fn age(span: SignedDuration) -> String {
    match span.as_secs() {
        ..60 => "under a minute".to_owned(),
        seconds @ 60..3600 => format!("{} min", seconds / 60),
        seconds @ 3600..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} d", seconds / 86_400),
    }
}
