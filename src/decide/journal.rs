//! What the ledger says before an act: the little that a crashed run's successor cannot read off the cluster.

use super::step::Act;
use crate::state::{Ledger, MemberId, Observation};

/// The run that acts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Run {
    /// Full Git commit of the documents, if they are in Git.
    pub commit: Option<String>,
}

/// The ledger as it must stand before `act` is begun.
pub fn ledger_before(observed: &Observation, act: &Act, run: &Run) -> Ledger {
    let mut ledger = observed
        .kube
        .known()
        .and_then(|k| k.ledger.clone())
        .unwrap_or_default();
    if let Some(id) = born_as(observed) {
        ledger.cluster_id.get_or_insert(id);
    }
    ledger.commit.clone_from(&run.commit);
    ledger.last_step = Some(format!("{} {}", act.verb(), act.subject()));
    ledger.last_step_at = Some(observed.at);
    match act {
        Act::AddLearner { ordinal, .. } => {
            let claim = observed
                .kube
                .known()
                .and_then(|k| Some(k.claims.get(ordinal)?.uid.clone()));
            let seat = ledger.seats.entry(*ordinal).or_default();
            seat.claim_before = claim;
            seat.attempts += 1;
        }
        Act::Promote { ordinal, .. } => {
            ledger.seats.remove(ordinal);
        }
        _ => {}
    }
    ledger
}

/// The cluster's ID by its list, or by any member that answers: one that does has started.
fn born_as(observed: &Observation) -> Option<MemberId> {
    let list = observed.etcd.membership.known().map(|m| m.cluster_id);
    let mut answers = observed.etcd.statuses.values().filter_map(|s| s.known());
    list.or_else(|| answers.next().map(|s| s.cluster_id))
}
