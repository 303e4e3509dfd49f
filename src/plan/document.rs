//! A fleet's plan as one document.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::hash::intent_hash;
use super::orphan::Orphans;
use super::unroll::{ClusterPlan, Verdict};

/// The plan of every selected cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    pub fleet: String,
    pub now: Timestamp,
    pub source: SourceFacts,
    pub intent_hash: String,
    /// Sorted by id.
    pub clusters: Vec<ClusterPlan>,
    pub orphans: Orphans,
    /// What a check of it fails on, in the words of `--fail-on`; `None`: nobody has said.
    pub fail_on: Option<Vec<String>>,
}

/// Where the desired state came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceFacts {
    /// Full commit id, if the documents are in Git.
    pub commit: Option<String>,
    /// Some of the files read differ from that commit.
    pub dirty: bool,
    /// Selectors given on the command line; a filtered plan says so.
    pub filters: Vec<String>,
    /// Directory of the fleet, as it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// Clusters by verdict, steps in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    pub clusters: usize,
    pub in_sync: usize,
    pub changes: usize,
    pub blocked: usize,
    pub deferred: usize,
    pub unreadable: usize,
    pub steps: usize,
}

impl Plan {
    pub fn new(
        fleet: String,
        now: Timestamp,
        source: SourceFacts,
        mut clusters: Vec<ClusterPlan>,
    ) -> Self {
        clusters.sort_by(|a, b| a.id.cmp(&b.id));
        Self {
            fleet,
            now,
            source,
            intent_hash: intent_hash(&clusters),
            clusters,
            orphans: Orphans::default(),
            fail_on: None,
        }
    }

    #[must_use]
    pub fn with_orphans(self, orphans: Orphans) -> Self {
        Self { orphans, ..self }
    }

    pub fn counts(&self) -> Counts {
        let of = |verdict| {
            self.clusters
                .iter()
                .filter(|c| c.verdict == verdict)
                .count()
        };
        Counts {
            clusters: self.clusters.len(),
            in_sync: of(Verdict::InSync),
            changes: of(Verdict::Changes),
            blocked: of(Verdict::Blocked),
            deferred: of(Verdict::Deferred),
            unreadable: of(Verdict::Unreadable),
            steps: self.clusters.iter().map(|c| c.intents.len()).sum(),
        }
    }
}

/// The exit codes that hold for `--check` (plan-apply-tools.md 2.0), in the order of their table; empty is 0.
pub fn outcome_codes(plan: &Plan) -> Vec<u8> {
    let any = |test: fn(&ClusterPlan) -> bool| plan.clusters.iter().any(test);
    // What waits for its time as a whole (suspended) is no change found: a gate would be red until then.
    let changes = |c: &ClusterPlan| {
        c.verdict != Verdict::Deferred && !(c.intents.is_empty() && c.changes.is_empty())
    };
    let codes = [
        (2, any(changes)),
        (
            3,
            any(|c| c.verdict == Verdict::Blocked) || !plan.orphans.found.is_empty(),
        ),
        (5, any(|c| c.verdict == Verdict::Unreadable)),
    ];
    codes
        .into_iter()
        .filter_map(|(code, holds)| holds.then_some(code))
        .collect()
}
