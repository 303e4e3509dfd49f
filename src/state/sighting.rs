//! Objects that say that a cluster of the fleet lives somewhere, found by the fleet's label wherever they are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Ledger, ObjectKind, Observation, Reading};
use crate::fleet::ClusterSpec;

/// On every object of ours: the cluster's name, as far as a label's value can hold it.
pub const CLUSTER_LABEL: &str = "reconcile/cluster";

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

impl Sighting {
    /// It is where this cluster lives.
    pub fn is_home(&self, spec: &ClusterSpec) -> bool {
        let ledger = Ledger::object_name(spec);
        self.namespace == spec.namespace && (self.name == spec.name || self.name == ledger)
    }

    /// The StatefulSet that an observation holds.
    pub fn of(observed: &Observation) -> Option<Self> {
        let set = observed
            .kube
            .known()?
            .objects
            .get(&ObjectKind::StatefulSet)?;
        let metadata = set.content.spot().field("metadata")?;
        let said = |path: &[&str]| metadata.at(path)?.as_str().map(str::to_owned);
        Some(Self {
            cluster: said(&["labels", CLUSTER_LABEL])?,
            kind: ObjectKind::StatefulSet.kind().to_owned(),
            namespace: said(&["namespace"])?,
            name: said(&["name"])?,
        })
    }

    /// Those of many observations, for these contexts.
    pub fn of_all<'o>(
        observed: impl IntoIterator<Item = &'o Observation>,
        contexts: &[&str],
    ) -> Sightings {
        let none = |context: &&str| ((*context).to_owned(), Vec::new());
        let mut found: BTreeMap<String, Vec<Self>> = contexts.iter().map(none).collect();
        for observation in observed {
            if let Some(seen) = found.get_mut(&observation.cluster.context) {
                seen.extend(Self::of(observation));
            }
        }
        let known = found.into_iter();
        known
            .map(|(context, seen)| (context, Reading::Known(seen)))
            .collect()
    }
}

impl std::fmt::Display for Sighting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}/{}", self.kind, self.namespace, self.name)
    }
}

/// By context.
pub type Sightings = BTreeMap<String, Reading<Vec<Sighting>>>;
