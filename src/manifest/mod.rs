//! Desired state as Kubernetes objects: one file per kind, typed builders, nothing that changes from run to run.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::fleet::Ordinal;
use crate::state::ObjectKey;

/// Field manager of every server-side apply.
pub const FIELD_MANAGER: &str = "reconcile";

/// An object as we want it.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    pub key: ObjectKey,
    pub body: Value,
}

/// What the rendering of an object takes from the live cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveInputs {
    /// Each member's configuration file, complete text.
    pub member_files: BTreeMap<Ordinal, String>,
    pub replicas: u32,
    /// Of the PodDisruptionBudget: `max(q(live voters), q(target))`; `None` at one member, where it would only block.
    pub min_available: Option<u32>,
}
