//! What differs, field by field: live beside Git.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::decide::View;
use crate::fleet::Origin;
use crate::manifest::Difference;
use crate::state::{FieldManager, ObjectKind};

/// One field that is not as Git wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// A spec field (`members`), or object and pointer (`Service/orders-client/spec/ports`).
    pub path: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub class: Class,
    /// Where Git says it.
    pub origin: Option<Origin>,
    /// Who holds it live.
    pub manager: Option<FieldManager>,
}

/// Why a field differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Git moved.
    Pending,
    /// Someone else moved the cluster.
    Drift,
    /// Our own unfinished procedure.
    InFlight,
}

impl Class {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Drift => "drift",
            Self::InFlight => "in-flight",
        }
    }
}

pub(super) fn changes(view: &View) -> Vec<FieldChange> {
    let mut changes: Vec<FieldChange> = members(view).into_iter().collect();
    changes.extend(super::storage::changes(view));
    changes.extend(objects(view));
    changes.extend(scaled(view));
    changes.extend(not_yet_possible(view));
    changes.extend(settings(view));
    changes.extend(old_pods(view));
    changes
}

fn members(view: &View) -> Option<FieldChange> {
    // A voter that no ordinal owns is one all the same.
    let foreign = view.foreign_members().filter(|m| !m.learner).count();
    let voters = view.voter_count() + foreign;
    let in_place = view.spec.target().all(|o| view.seat(o).is_voter());
    if in_place && voters == view.spec.members as usize {
        return None;
    }
    if view.is_born() && view.membership().is_none() {
        return None; // not known, and so not a difference
    }
    Some(FieldChange {
        path: "members".into(),
        before: view.is_born().then(|| json!(voters)),
        after: Some(json!(view.spec.members)),
        class: if is_under_way(view) {
            Class::InFlight
        } else {
            Class::Pending
        },
        origin: view.spec.origins.get("/spec/members").cloned(),
        manager: None,
    })
}

/// A procedure of ours has begun and not ended: a learner, or something left on a seat without a member.
fn is_under_way(view: &View) -> bool {
    let left_over = |s: &crate::decide::Seat| !s.is_listed() && s.is_occupied();
    let foreign = view.foreign_members().any(|m| !m.learner);
    view.learner().is_some()
        || (!foreign && view.membership().is_some() && view.seats().any(left_over))
}

/// Why a field of a live object differs. What somebody else holds, somebody else wrote. Of what is ours or nobody's, the
/// stamp of what Git rendered last tells whether Git has moved since; fields that follow the cluster are not in it.
fn class_of(view: &View, kind: ObjectKind, pointer: &str) -> (Class, Option<FieldManager>) {
    let Some(live) = view.kube.objects.get(&kind) else {
        return (Class::Pending, None);
    };
    if let Some(holder) = live.holder(pointer) {
        return (Class::Drift, Some(holder.clone()));
    }
    let class = match kind {
        ObjectKind::PodDisruptionBudget if pointer == "/spec/minAvailable" => {
            if is_under_way(view) {
                Class::InFlight
            } else {
                Class::Pending
            }
        }
        ObjectKind::ConfigMap if pointer.starts_with("/data") => {
            if view.objects.settings_moved() || !view.is_born() {
                Class::Pending
            } else if is_under_way(view) {
                Class::InFlight
            } else {
                Class::Drift
            }
        }
        _ if view.objects.git_moved(kind) => Class::Pending,
        _ => Class::Drift,
    };
    (class, None)
}

/// `replicas` that somebody else set: it is rendered as it is, and moved by steps of its own.
fn scaled(view: &View) -> Option<FieldChange> {
    let pointer = "/spec/replicas";
    let kind = ObjectKind::StatefulSet;
    let holder = view.kube.objects.get(&kind)?.holder(pointer)?;
    let at_rest = view.top_needed().filter(|_| view.is_born())?.0 + 1;
    (view.replicas() != at_rest).then(|| FieldChange {
        path: format!("{}{pointer}", view.object_key(kind)),
        before: Some(json!(view.replicas())),
        after: Some(json!(at_rest)),
        class: Class::Drift,
        origin: None,
        manager: Some(holder.clone()),
    })
}

/// Fields of objects that are there already; an absent object is a step, not a field.
fn objects(view: &View) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for kind in ObjectKind::ALL {
        let ours = view.kube.objects.get(&kind).filter(|o| o.ours);
        let Some(live) = ours else {
            continue; // somebody else's object is no field of ours
        };
        let key = view.object_key(kind);
        let all = view.objects.mendable(kind);
        // The content stamp follows from the fields; it is worth a line only where it is all there is.
        let is_stamp = |d: &&Difference| d.pointer.ends_with("/reconcile~1content");
        let only_stamp = all.iter().all(is_stamp);
        // Shown once for all members, key by key.
        let by_key = |d: &Difference| {
            let moved = view.is_born() && view.objects.settings_moved();
            let own =
                d.pointer.starts_with("/data/") || d.pointer.ends_with("/reconcile~1settings");
            moved && own && live.holder(&d.pointer).is_none()
        };
        let shown = |d: &&Difference| (only_stamp || !is_stamp(d)) && !by_key(d);
        for difference in all.iter().copied().filter(shown) {
            let (class, manager) = class_of(view, kind, &difference.pointer);
            changes.push(FieldChange {
                path: format!("{key}{}", difference.pointer),
                before: difference.live.clone(),
                after: difference.desired.clone(),
                class,
                origin: None,
                manager,
            });
        }
    }
    changes
}

/// Fields of the StatefulSet that differ and that no step can change yet, but our own stamps.
fn not_yet_possible(view: &View) -> Vec<FieldChange> {
    if !view.is_born() {
        return Vec::new(); // nothing runs yet: the object is only mended
    }
    let key = view.object_key(ObjectKind::StatefulSet);
    let fields = view.objects.not_yet_possible();
    let ours = fields
        .into_iter()
        .filter(|d| !d.pointer.contains("reconcile~1"));
    ours.map(|d| {
        let (class, manager) = class_of(view, ObjectKind::StatefulSet, &d.pointer);
        FieldChange {
            path: format!("{key}{}", d.pointer),
            before: d.live.clone(),
            after: d.desired.clone(),
            class,
            origin: said(view, &d.pointer),
            manager,
        }
    })
    .collect()
}

/// Where Git says what a field of the StatefulSet is made from.
fn said(view: &View, pointer: &str) -> Option<Origin> {
    let field = match pointer.rsplit('/').next()? {
        "image" => "/spec/version",
        _ => return None,
    };
    view.spec.origins.get(field).cloned()
}

/// Settings in the members' files, which follow Git only with a restart: the first member's stands for all.
fn settings(view: &View) -> Vec<FieldChange> {
    let first = view.kube.member_files.iter().next();
    let Some((ordinal, live)) = first.filter(|_| view.is_born() && view.objects.settings_moved())
    else {
        return Vec::new();
    };
    let file = format!("/data/{}.yaml", view.spec.pod_name(*ordinal));
    let config_map = view.kube.objects.get(&ObjectKind::ConfigMap);
    let holder = config_map.and_then(|live| live.holder(&file)).cloned();
    let wanted = crate::manifest::member_file::poisoned(view.spec, *ordinal);
    let (live, wanted) = (keys(live), keys(&wanted));
    let names: BTreeSet<&str> = live.keys().chain(wanted.keys()).copied().collect();
    let moved = names
        .into_iter()
        .filter(|name| live.get(name) != wanted.get(name));
    moved
        .map(|name| FieldChange {
            path: format!("etcd/{name}"),
            before: live.get(name).map(|v| json!(v)),
            after: wanted.get(name).map(|v| json!(v)),
            class: if holder.is_some() {
                Class::Drift
            } else {
                Class::Pending
            },
            origin: None,
            manager: holder.clone(),
        })
        .collect()
}

/// Pods that run with an older template than the one that is there: the rest of a roll.
fn old_pods(view: &View) -> Vec<FieldChange> {
    if !view.is_born() || view.objects.settings_moved() {
        return Vec::new(); // nothing to restart for yet, or shown by what moved
    }
    let old = view.voters().filter(|s| view.is_old(s));
    old.filter_map(|seat| {
        let stamp = seat.pod?.stamp.as_ref();
        Some(FieldChange {
            path: format!("Pod/{}/settings", view.spec.pod_name(seat.ordinal)),
            before: stamp.map(|s| json!(s)),
            after: Some(json!(view.objects.stamp)),
            class: Class::InFlight,
            origin: None,
            manager: None,
        })
    })
    .collect()
}

/// The top keys of a member's file, but those that follow the member list.
fn keys(text: &str) -> BTreeMap<&str, &str> {
    let pairs = text.lines().filter_map(|line| line.split_once(": "));
    pairs
        .filter(|(key, _)| !key.starts_with("initial-cluster"))
        .collect()
}
