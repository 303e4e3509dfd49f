//! Where the acknowledged writes are: what no observation tells, and I4 is counted on.

use std::collections::{BTreeMap, BTreeSet};

use crate::decide::quorum;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::model;
use crate::state::{ClaimPhase, Contents, Kube, Member, MemberId, Observation, Reading, Uid};

/// The log that is on each volume, by the UID of its claim.
#[derive(Debug, Clone, Default)]
pub(super) struct Data {
    /// The last write that a client was told is safe.
    acknowledged: u64,
    logs: BTreeMap<Uid, Log>,
}

#[derive(Debug, Clone, Copy)]
struct Log {
    of: MemberId,
    up_to: u64,
}

impl Data {
    /// A moment of a living cluster: every member that is up holds all that is acknowledged. A quorum that has come up
    /// without the last writes says so.
    pub(super) fn follow(&mut self, truth: &Observation, writes: bool) {
        let Some(kube) = truth.kube.known() else {
            return;
        };
        self.copy(kube);
        let released = kube.released_volumes.known().into_iter().flatten();
        let lent = kube.copies.values().filter_map(|c| c.claim.as_ref());
        let kept: BTreeSet<Uid> = released
            .map(|v| v.uid.clone())
            .chain(lent.map(|c| model::volume_uid(&c.volume)))
            .collect();
        self.logs
            .retain(|uid, _| kept.contains(uid) || kube.claims.values().any(|c| c.uid == *uid));
        for claim in kube.claims.values() {
            match claim.contents {
                Some(Contents::Of(id)) => {
                    let log = self.logs.entry(claim.uid.clone());
                    let log = log.or_insert(Log { of: id, up_to: 0 });
                    if log.of != id {
                        *log = Log { of: id, up_to: 0 };
                    }
                }
                _ => {
                    self.logs.remove(&claim.uid);
                }
            }
        }
        let Some(list) = truth.etcd.membership.known() else {
            return;
        };
        let up: Vec<(Uid, bool)> = list
            .members
            .iter()
            .filter_map(|m| {
                let (ordinal, _) = truth.etcd.statuses.iter().find(|(o, s)| {
                    s.known().is_some_and(|s| s.member_id == m.id) && kube.pods.contains_key(o)
                })?;
                Some((kube.claims.get(ordinal)?.uid.clone(), !m.learner))
            })
            .collect();
        let voters = list.members.iter().filter(|m| !m.learner).count();
        let holds = |uid: &Uid| {
            self.logs
                .get(uid)
                .is_some_and(|l| l.up_to >= self.acknowledged)
        };
        let leads = up.iter().any(|(uid, votes)| *votes && holds(uid));
        if up.iter().filter(|(_, votes)| *votes).count() < quorum(voters) || !leads {
            return;
        }
        self.acknowledged += u64::from(writes);
        for (uid, _) in up {
            if let Some(log) = self.logs.get_mut(&uid) {
                log.up_to = self.acknowledged;
            }
        }
    }

    /// What was copied is as far as what it was copied from.
    fn copy(&mut self, kube: &Kube) {
        for (ordinal, copying) in &kube.copies {
            let to = kube.claims.get(ordinal).filter(|c| copying.is_done_to(c));
            if let (Some(from), Some(to)) = (&copying.claim, to)
                && let Some(log) = self.logs.get(&model::volume_uid(&from.volume)).copied()
            {
                self.logs.entry(to.uid.clone()).or_insert(log);
            }
        }
    }

    /// Voters that count and could come up and vote without holding every acknowledged write, and how many a quorum takes.
    fn ignorant(
        &self,
        truth: &Observation,
        spec: &ClusterSpec,
        counts: impl Fn(MemberId) -> bool,
    ) -> Option<(usize, usize)> {
        let (list, kube) = (truth.etcd.membership.known()?, truth.kube.known()?);
        let voters = list.members.iter().filter(|m| !m.learner);
        let (mut count, mut ignorant) = (0, 0);
        for voter in voters {
            count += 1;
            let log = self.log_of(kube, spec, voter.id, &voter.peer_urls);
            let lacks = log.is_some_and(|l| l.up_to < self.acknowledged);
            ignorant += usize::from(lacks && counts(voter.id));
        }
        Some((ignorant, quorum(count)))
    }

    /// I4: a quorum could be made of members that lack an acknowledged write.
    pub(super) fn could_be_lost(
        &self,
        truth: &Observation,
        spec: &ClusterSpec,
        counts: impl Fn(MemberId) -> bool,
    ) -> Option<String> {
        let (ignorant, quorum) = self.ignorant(truth, spec, counts)?;
        (ignorant >= quorum).then(|| {
            format!("{ignorant} voters can vote without the last acknowledged write, and {quorum} are a quorum")
        })
    }

    /// The member's log is there, on a volume that can be used.
    pub(super) fn is_intact(&self, truth: &Observation, spec: &ClusterSpec, id: MemberId) -> bool {
        let (list, kube) = (truth.etcd.membership.known(), truth.kube.known());
        let mut members = list.iter().flat_map(|l| &l.members);
        let member = members.find(|m| m.id == id);
        let log = |m: &Member| self.log_of(kube?, spec, id, &m.peer_urls);
        member.and_then(log).is_some()
    }

    /// Voters, and those of them that have their data and whose pod can run: what a cluster that lost its quorum could
    /// come back with.
    pub(super) fn intact(
        &self,
        truth: &Observation,
        spec: &ClusterSpec,
        can_run: impl Fn(Ordinal) -> bool,
    ) -> (usize, usize) {
        let (Some(list), Some(kube)) = (truth.etcd.membership.known(), truth.kube.known()) else {
            return (0, 0);
        };
        let voters: Vec<_> = list.members.iter().filter(|m| !m.learner).collect();
        let has_data = |m: &&&Member| {
            let ordinal = m.peer_urls.iter().find_map(|u| spec.ordinal_of_peer_url(u));
            ordinal.is_some_and(&can_run) && self.log_of(kube, spec, m.id, &m.peer_urls).is_some()
        };
        let intact = voters.iter().filter(has_data).count();
        (voters.len(), intact)
    }

    /// The log of a member on a volume that can be used.
    fn log_of(
        &self,
        kube: &Kube,
        spec: &ClusterSpec,
        id: MemberId,
        urls: &[String],
    ) -> Option<Log> {
        let ordinal = urls.iter().find_map(|u| spec.ordinal_of_peer_url(u))?;
        let claim = kube.claims.get(&ordinal)?;
        let reachable = claim
            .volume
            .as_ref()
            .and_then(Reading::known)
            .is_none_or(|v| {
                let nodes = kube.nodes.known();
                v.node
                    .as_ref()
                    .is_none_or(|n| nodes.is_none_or(|all| all.contains_key(n)))
            });
        let log = self.logs.get(&claim.uid).filter(|l| l.of == id);
        log.copied()
            .filter(|_| claim.phase != ClaimPhase::Lost && reachable)
    }

    /// What no listed member holds any more is not asked for again.
    pub(super) fn concede(&mut self, listed: impl Fn(MemberId) -> bool) {
        let held = self.logs.values().filter(|l| listed(l.of));
        self.acknowledged = held.map(|l| l.up_to).max().unwrap_or(0);
    }

    /// The volume of this claim is empty now.
    pub(super) fn wipe(&mut self, claim: &Uid) {
        self.logs.remove(claim);
    }
}
