//! What differs, field by field: live beside Git.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::decide::View;
use crate::fleet::{ClusterSpec, Origin};
use crate::manifest::Difference;
use crate::state::{Evidence, FieldManager, ObjectKind, Observation};

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

pub(super) fn changes(spec: &ClusterSpec, observed: &Observation) -> Vec<FieldChange> {
    let Some(kube) = observed.kube.known() else {
        return Vec::new();
    };
    let evidence = Evidence::default();
    let view = View::new(spec, observed, kube, &evidence);
    let mut changes: Vec<FieldChange> = members(&view).into_iter().collect();
    changes.extend(objects(&view));
    changes.extend(not_yet_possible(&view));
    changes.extend(settings(&view));
    changes.extend(old_pods(&view));
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
    let left_over = |s: &crate::decide::Seat| !s.is_listed() && s.is_occupied();
    let under_way = view.learner().is_some()
        || (foreign == 0 && view.membership().is_some() && view.seats().any(left_over));
    Some(FieldChange {
        path: "members".into(),
        before: view.is_born().then(|| json!(voters)),
        after: Some(json!(view.spec.members)),
        class: if under_way {
            Class::InFlight
        } else {
            Class::Pending
        },
        origin: view.spec.origins.get("/spec/members").cloned(),
        manager: None,
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
        let desired = view.objects.desired(kind);
        let all = view.objects.mendable(kind);
        // The content stamp follows from the fields; it is worth a line only where it is all there is.
        let is_stamp = |d: &&Difference| d.pointer.ends_with("/reconcile~1content");
        let only_stamp = all.iter().all(|d| is_stamp(&d));
        // Shown once for all members, key by key.
        let by_key = |d: &Difference| {
            let moved = view.is_born() && view.objects.settings_moved();
            let own =
                d.pointer.starts_with("/data/") || d.pointer.ends_with("/reconcile~1settings");
            let held = live.managers.iter().any(|m| m.fields.contains(&d.pointer));
            moved && own && !held
        };
        let shown = |d: &&Difference| (only_stamp || !is_stamp(d)) && !by_key(d);
        for difference in all.iter().copied().filter(shown) {
            let manager = live
                .managers
                .iter()
                .find(|m| m.fields.contains(&difference.pointer));
            changes.push(FieldChange {
                path: format!("{}{}", desired.key, difference.pointer),
                before: difference.live.clone(),
                after: difference.desired.clone(),
                class: if manager.is_some() {
                    Class::Drift
                } else {
                    Class::Pending
                },
                origin: None,
                manager: manager.cloned(),
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
    let key = &view.objects.desired(ObjectKind::StatefulSet).key;
    let fields = view.objects.not_yet_possible();
    let ours = fields
        .into_iter()
        .filter(|d| !d.pointer.contains("reconcile~1"));
    ours.map(|d| FieldChange {
        path: format!("{key}{}", d.pointer),
        before: d.live.clone(),
        after: d.desired.clone(),
        class: Class::Pending,
        origin: said(view, &d.pointer),
        manager: None,
    })
    .collect()
}

/// Where Git says what a field of the StatefulSet is made from.
fn said(view: &View, pointer: &str) -> Option<Origin> {
    let field = match pointer.rsplit('/').next()? {
        "image" => "/spec/version",
        "storageClassName" => "/spec/storage/className",
        "storage" => "/spec/storage/size",
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
            class: Class::Pending,
            origin: None,
            manager: None,
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
