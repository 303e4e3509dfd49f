//! Objects that say that a cluster of the fleet lives somewhere, found by the fleet's label wherever they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Reading;

/// A StatefulSet or a ledger that carries a cluster's labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Sighting {
    /// The cluster's name as its label has it.
    pub cluster: String,
    pub kind: String,
    pub namespace: String,
    pub name: String,
}

impl std::fmt::Display for Sighting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// By context.
pub type Sightings = BTreeMap<String, Reading<Vec<Sighting>>>;
