//! I1 to I4 of etcd-operations.md 2.8, counted on the truth.

use std::collections::{BTreeMap, BTreeSet};

use reconcile::decide::{Act, quorum, tolerance};
use reconcile::fleet::Ordinal;
use reconcile::state::{
    Contents, Kube, MemberConfig, MemberId, Membership, ObjectKind, Observation, Reading, Uid,
};

use super::World;

/// What the invariants remember of the past.
#[derive(Clone, Default)]
pub(super) struct Laws {
    cluster: Option<MemberId>,
    /// IDs that have had data, and the claim it was on.
    data: BTreeMap<MemberId, Uid>,
    /// IDs whose file was seen poisoned after they had started, and which nobody re-armed since.
    poisoned: BTreeSet<MemberId>,
    retired: BTreeSet<MemberId>,
}

impl Laws {
    /// I4: one cluster ID for ever; and no member ID comes back.
    fn one_cluster(&mut self, before: &Observation, list: Option<&Membership>) -> Option<String> {
        let Some(list) = list else {
            let was = self.cluster;
            return was.map(|id| format!("I4: the list of {id} is gone"));
        };
        let first = *self.cluster.get_or_insert(list.cluster_id);
        if first != list.cluster_id {
            return Some(format!("I4: {} where {first} was", list.cluster_id));
        }
        let was = before.etcd.membership.known();
        for gone in was.iter().flat_map(|m| &m.members) {
            if !list.members.iter().any(|m| m.id == gone.id) {
                self.retired.insert(gone.id);
            }
        }
        let back = list.members.iter().find(|m| self.retired.contains(&m.id));
        back.map(|m| format!("the ID {} came back", m.id))
    }

    /// I2: data under an ID whose file has been poisoned is never on another volume than before.
    fn one_life(
        &mut self,
        id: MemberId,
        claim: &Uid,
        file: Option<&MemberConfig>,
    ) -> Option<String> {
        let home = self.data.insert(id, claim.clone());
        if home.is_some_and(|home| home != *claim) && self.poisoned.contains(&id) {
            return Some(format!("I2: {id} booted an empty volume"));
        }
        match file.map(MemberConfig::is_poisoned) {
            Some(true) => self.poisoned.insert(id),
            // Someone else's hand: `check_files` watches ours.
            Some(false) => self.poisoned.remove(&id),
            None => false,
        };
        None
    }
}

impl World {
    /// I1.
    pub(super) fn check_quorum(
        &mut self,
        (n, h): (usize, usize),
        (n_after, h_after): (usize, usize),
    ) {
        let left = tolerance(h_after, n_after);
        if n_after > 0 {
            self.lowest = Some(self.lowest.map_or(left, |lowest| lowest.min(left)));
        }
        // One or two members that may be down: Git asked for it.
        if n == 0 || (n <= 2 && self.spec.policy.allow_downtime) {
            return;
        }
        let had = h >= quorum(n);
        assert!(
            !had || h_after >= quorum(n_after),
            "I1: quorum lost\n{}",
            self.tale()
        );
        let floor = tolerance(h, n).min(i64::from(self.spec.policy.min_tolerance));
        assert!(
            left >= floor,
            "I1: tolerance {left} under {floor}\n{}",
            self.tale()
        );
    }

    /// I3, before the act: what it would give up belongs to no listed member; and without a list nothing is touched.
    pub(super) fn check_before(&self, act: &Act) {
        let listed = |id: MemberId| self.is_listed(id);
        match act {
            Act::ReleaseClaim { ordinal, uid, .. } => {
                let claim = self
                    .kube_ref()
                    .claims
                    .get(ordinal)
                    .filter(|c| c.uid == *uid);
                let Some(claim) = claim else { return };
                if let Some(Contents::Of(id)) = claim.contents {
                    assert!(
                        !listed(id) || self.is_halted(*ordinal),
                        "I3: data of a listed member given up\n{}",
                        self.tale()
                    );
                }
                let kept = claim.volume.as_ref().and_then(Reading::known);
                let kept = kept.is_none_or(|v| v.reclaim_policy == "Retain");
                assert!(
                    kept,
                    "I3: released a volume that is not Retain\n{}",
                    self.tale()
                );
            }
            Act::StopMember { replicas, .. } => {
                let list = self.truth.etcd.membership.known();
                let outside = list.iter().flat_map(|m| &m.members).find(|m| {
                    let ordinal = m
                        .peer_urls
                        .iter()
                        .find_map(|u| self.spec.ordinal_of_peer_url(u));
                    ordinal.is_some_and(|o| o.0 >= *replicas)
                        && ordinal.is_some_and(|o| self.kube_ref().pods.contains_key(&o))
                });
                assert!(
                    outside.is_none(),
                    "I3: a listed member put outside replicas\n{}",
                    self.tale()
                );
            }
            Act::RemoveMember { member, .. } => {
                let leads = |s: &reconcile::state::MemberStatus| s.leader == Some(*member);
                let all = self.truth.etcd.statuses.values().filter_map(Reading::known);
                let leads = all.into_iter().any(leads);
                assert!(
                    !leads || !self.blind.is_empty(),
                    "removed the leader\n{}",
                    self.tale()
                );
            }
            _ => {}
        }
        // Restarting what is down is the way back to a quorum; before the birth there is none to ask for.
        let changes_members = self.is_born()
            && matches!(
                act,
                Act::AddLearner { .. }
                    | Act::Promote { .. }
                    | Act::RemoveMember { .. }
                    | Act::MoveLeader { .. }
                    | Act::StopMember { .. }
                    | Act::ReleaseClaim { .. }
            )
            && !matches!(act, Act::ReleaseClaim { ordinal, .. } if self.is_halted(*ordinal));
        assert!(
            !changes_members || self.has_quorum(),
            "2.8 #17: {} without a quorum\n{}",
            act.verb(),
            self.tale()
        );
    }

    /// Stopped so that its volume can be copied from.
    fn is_halted(&self, ordinal: Ordinal) -> bool {
        let ledger = self.kube_ref().ledger.as_ref();
        let moving = ledger.and_then(|l| l.seats.get(&ordinal)?.offline.as_ref());
        moving.is_some_and(|m| !m.copied) && !self.has_quorum()
    }

    fn is_listed(&self, id: MemberId) -> bool {
        let list = self.truth.etcd.membership.known();
        list.is_some_and(|m| m.members.iter().any(|m| m.id == id))
    }

    /// I2, I4 and the rest of I3: what has come about between two moments.
    pub(super) fn check_passage(&mut self, before: &Observation) {
        let kube = self.truth.kube.known().expect("the truth is known");
        let list = self.truth.etcd.membership.known();
        let mut broken = self.laws.one_cluster(before, list);
        for (ordinal, claim) in &kube.claims {
            let Some(Contents::Of(id)) = claim.contents else {
                continue;
            };
            let file = kube.member_files.get(ordinal);
            if kube
                .copies
                .get(ordinal)
                .is_some_and(|c| c.is_done_to(claim))
            {
                self.laws.data.insert(id, claim.uid.clone());
            }
            broken = broken.or(self.laws.one_life(id, &claim.uid, file));
        }
        if let Some(law) = broken {
            panic!("{law}\n{}", self.tale());
        }
    }

    /// I2: no act of ours takes the poison out of the file of a listed member that has started.
    pub(super) fn check_files(&self, before: &Observation) {
        let was = before.kube.known().expect("the truth is known");
        for (ordinal, claim) in &was.claims {
            let Some(Contents::Of(id)) = claim.contents else {
                continue;
            };
            let is_poisoned = |kube: &Kube| {
                kube.member_files
                    .get(ordinal)
                    .map(MemberConfig::is_poisoned)
            };
            let (then, now) = (is_poisoned(was), is_poisoned(self.kube_ref()));
            let disarmed = then == Some(true) && now != Some(true);
            assert!(
                !disarmed || !self.is_listed(id),
                "I2: file {ordinal} of a started member was armed again\n{}",
                self.tale()
            );
        }
    }

    /// What in sync means, counted on the truth.
    pub(crate) fn assert_in_place(&mut self) {
        self.pass();
        let tale = self.tale();
        let members = self.spec.members;
        let all: BTreeSet<Ordinal> = self.spec.target().collect();
        assert_eq!(
            self.voters(),
            (members as usize, members as usize),
            "{tale}"
        );
        let kube = self.kube_ref();
        assert_eq!(
            kube.pods.keys().copied().collect::<BTreeSet<_>>(),
            all,
            "{tale}"
        );
        assert_eq!(
            kube.claims.keys().copied().collect::<BTreeSet<_>>(),
            all,
            "{tale}"
        );
        assert_eq!(kube.serving, all, "{tale}");
        assert_eq!(kube.objects.len(), ObjectKind::ALL.len(), "{tale}");
        let list = self.truth.etcd.membership.known().expect("a list");
        assert_eq!(list.members.len(), members as usize, "{tale}");
        for ordinal in all {
            let file = kube.member_files.get(&ordinal);
            let poisoned = file.is_some_and(MemberConfig::is_poisoned);
            // At one member `new` with itself and `existing` with itself are both one name; only the latter is right.
            assert!(poisoned, "file {ordinal} is {file:?}\n{tale}");
        }
    }
}
