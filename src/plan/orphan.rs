//! Clusters that run and that Git does not name: a file that went, was renamed, or moved to another context or namespace.

use std::collections::BTreeMap;

use crate::fleet::{ClusterSpec, Fleet};
use crate::manifest::label_value;
use crate::state::{Reading, Sighting, Sightings};

/// A cluster's objects where Git has no such cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// `<context>/<name>`, as its labels have them.
    pub id: String,
    pub sighted: Vec<Sighting>,
    /// What Git says instead.
    pub why: String,
}

/// What was found in the fleet's contexts, and where nothing could be looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Orphans {
    /// Sorted by id.
    pub found: Vec<Orphan>,
    /// By context.
    pub unknown: BTreeMap<String, String>,
}

impl Orphan {
    pub const CODE: &'static str = "orphan";
    pub const UNBLOCK: &'static str = "bring its file back, or put its name and namespace back; where its data is not wanted any more, delete what was found by hand: nothing is ever deleted because a file went";

    pub fn found(&self) -> String {
        let objects: Vec<String> = self.sighted.iter().map(ToString::to_string).collect();
        format!("found {}; {}", objects.join(", "), self.why)
    }
}

/// Everything that was seen and that no cluster of the fleet is.
pub fn orphans(fleet: &Fleet, sightings: &Sightings) -> Orphans {
    let mut orphans = Orphans::default();
    for (context, seen) in sightings {
        match seen {
            Reading::Unknown(why) => {
                orphans.unknown.insert(context.clone(), why.clone());
            }
            Reading::Known(seen) => orphans.found.extend(in_context(fleet, context, seen)),
        }
    }
    orphans.found.sort_by(|a, b| a.id.cmp(&b.id));
    orphans
}

fn in_context(fleet: &Fleet, context: &str, seen: &[Sighting]) -> Vec<Orphan> {
    let mut by_cluster: BTreeMap<&str, Vec<&Sighting>> = BTreeMap::new();
    for sighting in seen {
        by_cluster
            .entry(&sighting.cluster)
            .or_default()
            .push(sighting);
    }
    let here = fleet.clusters.iter().filter(|c| c.id.context == context);
    // Two names may share a label's value: the first stands for it.
    let mut named: BTreeMap<String, &ClusterSpec> = BTreeMap::new();
    for spec in here {
        named.entry(label_value(&spec.id.name)).or_insert(spec);
    }
    let orphan = |(cluster, sighted): (&str, Vec<&Sighting>)| {
        let spec = named.get(cluster).copied();
        let away = |sighting: &&Sighting| spec.is_none_or(|spec| !sighting.is_home(spec));
        let mut sighted: Vec<Sighting> = sighted.into_iter().filter(away).cloned().collect();
        sighted.sort();
        sighted.dedup();
        let why = spec.map_or_else(
            || "Git names no such cluster".to_owned(),
            |spec| format!("Git says {}/{}", spec.namespace, spec.name),
        );
        (!sighted.is_empty()).then(|| Orphan {
            id: format!("{context}/{cluster}"),
            sighted,
            why,
        })
    };
    by_cluster.into_iter().filter_map(orphan).collect()
}
