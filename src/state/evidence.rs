//! What needs more than one look: probes of a learner, how long a leader has held.
//!
//! The engine carries it beside the observation; a crash loses it and it is earned again (design.md, section 11).

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::{MemberId, Observation};
use crate::fleet::Ordinal;

/// One look at a learner beside its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    pub at: Timestamp,
    /// The leader's committed index less the learner's applied one.
    pub lag: u64,
    pub leader_index: u64,
    pub applied: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    leader: Option<(MemberId, u64, Timestamp)>,
    /// We asked for the next leader change ourselves.
    moved_by_us: bool,
    probes: BTreeMap<MemberId, Vec<Probe>>,
    /// Drained pods that are no endpoint of the client Service, since the first look at which they were none.
    unserved: BTreeMap<Ordinal, Timestamp>,
    leaderless: Option<Timestamp>,
}

/// Probes closer together than this count once (G6).
const PROBE_SPACING: SignedDuration = SignedDuration::from_secs(1);
/// More than any rule asks for.
const PROBES_KEPT: usize = 16;

impl Evidence {
    /// Adds what this observation shows. Call once per observation, in order.
    pub fn record(&mut self, observation: &Observation) {
        self.record_unserved(observation);
        let statuses = || observation.etcd.statuses.values().filter_map(|s| s.known());
        let leaderless = statuses().next().is_some() && statuses().all(|s| s.leader.is_none());
        self.leaderless = leaderless.then(|| self.leaderless.unwrap_or(observation.at));
        let Some(leader) = statuses().find(|s| s.leader == Some(s.member_id)) else {
            return;
        };
        match &self.leader {
            Some((id, term, _)) if (*id, *term) == (leader.member_id, leader.term) => {}
            Some((_, _, since)) if self.moved_by_us => {
                self.leader = Some((leader.member_id, leader.term, *since));
                self.moved_by_us = false;
            }
            _ => self.leader = Some((leader.member_id, leader.term, observation.at)),
        }
        for learner in statuses().filter(|s| s.learner) {
            let probes = self.probes.entry(learner.member_id).or_default();
            let due = probes
                .last()
                .is_none_or(|last| observation.at.duration_since(last.at) >= PROBE_SPACING);
            if due {
                probes.push(Probe {
                    at: observation.at,
                    lag: leader.index.saturating_sub(learner.applied),
                    leader_index: leader.index,
                    applied: learner.applied,
                });
                if probes.len() > PROBES_KEPT {
                    probes.remove(0);
                }
            }
        }
    }

    fn record_unserved(&mut self, observation: &Observation) {
        let Some(kube) = observation.kube.known() else {
            return;
        };
        let drained = kube.pods.iter().filter(|(_, pod)| !pod.serving_label);
        let unserved = drained.filter(|(ordinal, _)| !kube.serving.contains(ordinal));
        let since = |ordinal: &Ordinal| self.unserved.get(ordinal).copied();
        self.unserved = unserved
            .map(|(ordinal, _)| (*ordinal, since(ordinal).unwrap_or(observation.at)))
            .collect();
    }

    /// Since when a drained pod has been seen to be no endpoint.
    pub fn unserved_since(&self, ordinal: Ordinal) -> Option<Timestamp> {
        self.unserved.get(&ordinal).copied()
    }

    /// Since when members have answered and none of them has known a leader.
    pub fn leaderless_since(&self) -> Option<Timestamp> {
        self.leaderless
    }

    /// The next leader change is ours and does not make the cluster unstable.
    pub fn expect_leader_change(&mut self) {
        self.moved_by_us = true;
    }

    /// It was refused: a change that comes now is somebody else's.
    pub fn expect_no_leader_change(&mut self) {
        self.moved_by_us = false;
    }

    /// Since when the present leader holds without a change that was not ours.
    pub fn stable_since(&self) -> Option<Timestamp> {
        self.leader.map(|(_, _, since)| since)
    }

    pub fn probes(&self, learner: MemberId) -> &[Probe] {
        self.probes.get(&learner).map_or(&[], Vec::as_slice)
    }
}
