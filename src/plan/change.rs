//! What differs, field by field: live beside Git.

use serde_json::{Value, json};

use crate::decide::View;
use crate::fleet::{ClusterSpec, Origin};
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
    members(&view).into_iter().chain(objects(&view)).collect()
}

fn members(view: &View) -> Option<FieldChange> {
    let voters = view.voter_count();
    let in_place = view.spec.target().all(|o| view.seat(o).is_voter());
    if in_place && voters == view.spec.members as usize {
        return None;
    }
    if view.is_born() && view.membership().is_none() {
        return None; // not known, and so not a difference
    }
    let under_way = view.learner().is_some()
        || view
            .seats()
            .any(|s| view.membership().is_some() && !s.is_listed() && s.is_occupied());
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
        let Some(live) = view.kube.objects.get(&kind) else {
            continue;
        };
        let desired = view.objects.desired(kind);
        for difference in view.objects.mendable(kind) {
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
