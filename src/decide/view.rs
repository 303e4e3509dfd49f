//! What the rows look at: one cluster's observation, seen seat by seat, with the arithmetic of quorum.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::{SignedDuration, Timestamp};

use super::leave::Leave;
use super::objects::Objects;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{
    AlarmKind, Claim, ClaimPhase, Evidence, Kube, Member, MemberConfig, MemberFile, MemberId,
    MemberStatus, Membership, Observation, Pod, SeatRecord,
};

/// Entries a learner may lack and still be promoted (G6): far under the 5,000 that etcd keeps for catching up.
pub(super) const IN_SYNC_LAG: u64 = 1000;
const IN_SYNC_PROBES: usize = 3;
/// How long members that were all made anew may take to find each other: a name server's cache (`CoreDNS` keeps an
/// answer for 30 s), and again.
const FOUND_BY_NAME: SignedDuration = SignedDuration::from_mins(1);

pub struct View<'a> {
    pub spec: &'a ClusterSpec,
    pub observed: &'a Observation,
    pub kube: &'a Kube,
    pub evidence: &'a Evidence,
    pub objects: Rc<Objects>,
    /// By ordinal.
    seats: Vec<Seat<'a>>,
    foreign: Vec<&'a Member>,
    leader: Option<MemberId>,
}

/// One ordinal and everything that sits on it.
pub struct Seat<'a> {
    pub ordinal: Ordinal,
    /// Git wants a member here, or a spare stands in here while another is replaced.
    pub wanted: bool,
    target: bool,
    /// Below `replicas`.
    pub in_set: bool,
    pub pod: Option<&'a Pod>,
    pub claim: Option<&'a Claim>,
    pub file: Option<&'a MemberFile>,
    /// Found in the linearizable list by its peer URL.
    pub member: Option<&'a Member>,
    /// Its own answer.
    pub status: Option<&'a MemberStatus>,
    pub record: Option<&'a SeatRecord>,
}

impl Seat<'_> {
    pub fn is_listed(&self) -> bool {
        self.member.is_some()
    }

    pub fn is_voter(&self) -> bool {
        self.member.is_some_and(|m| !m.learner)
    }

    pub fn is_learner(&self) -> bool {
        self.member.is_some_and(|m| m.learner)
    }

    /// Git wants a member here, and not for a while only.
    pub const fn in_target(&self) -> bool {
        self.target
    }

    /// The member that the list has here answers itself. A removed one may go on answering for a moment.
    pub fn answers(&self) -> bool {
        let (member, status) = (self.member, self.status);
        member.is_some_and(|m| status.is_some_and(|s| s.member_id == m.id))
    }

    /// It has published itself or answers: from now on its volume is its life.
    pub fn has_started(&self) -> bool {
        self.answers() || self.member.is_some_and(Member::has_started)
    }

    pub fn is_poisoned(&self) -> bool {
        self.file.is_some_and(MemberFile::is_poisoned)
    }

    /// Its last member was removed.
    pub fn is_left(&self) -> bool {
        self.record.is_some_and(|r| r.leaving)
    }

    /// The claim is another one than this member's data was seen on.
    pub fn is_on_another_claim(&self) -> bool {
        let noted = self
            .record
            .filter(|r| r.member.is_some() && r.member == self.member.map(|m| m.id))
            .and_then(|r| r.claim.as_ref());
        noted.is_some_and(|noted| self.claim.is_some_and(|c| c.uid != *noted))
    }

    /// The claim that the seat had before its member was added: what is on it is not this member's.
    pub fn is_on_earlier_claim(&self) -> bool {
        let before = self.record.and_then(|r| r.claim_before.as_ref());
        before.is_some_and(|before| self.claim.is_some_and(|c| c.uid == *before))
    }

    /// Something is left of a member: a pod or a claim, or `replicas` that will make both in a moment.
    pub fn is_occupied(&self) -> bool {
        self.pod.is_some() || self.claim.is_some() || self.in_set
    }
}

impl<'a> View<'a> {
    pub fn new(
        spec: &'a ClusterSpec,
        observed: &'a Observation,
        kube: &'a Kube,
        evidence: &'a Evidence,
    ) -> Self {
        let objects = Rc::new(Objects::new(spec, observed, kube));
        Self::with(spec, observed, kube, evidence, objects)
    }

    /// The same observation with other evidence: what takes the longest is not made again.
    pub(super) fn beside(&self, evidence: &'a Evidence) -> Self {
        let objects = Rc::clone(&self.objects);
        Self::with(self.spec, self.observed, self.kube, evidence, objects)
    }

    fn with(
        spec: &'a ClusterSpec,
        observed: &'a Observation,
        kube: &'a Kube,
        evidence: &'a Evidence,
        objects: Rc<Objects>,
    ) -> Self {
        let (listed, foreign) = listed(spec, observed);
        let mut view = Self {
            spec,
            observed,
            kube,
            evidence,
            objects,
            seats: seats(spec, observed, kube, &listed),
            foreign,
            leader: leader(observed),
        };
        let spare = Ordinal(spec.members);
        if view.needs_spare(spare) {
            let at = view.place(spare).unwrap_or_else(|at| {
                let seat = seat_at(spare, spec, observed, kube, &listed);
                view.seats.insert(at, seat);
                at
            });
            view.seats[at].wanted = true;
        }
        view
    }

    /// A spare keeps tolerance where it is while a member is replaced; and it stays until no seat is vacant (2.8 #12).
    fn needs_spare(&self, spare: Ordinal) -> bool {
        if self.membership().is_none() {
            return false;
        }
        let mut target = self.seats().filter(|s| s.target);
        let there = self.place(spare).is_ok_and(|at| self.seats[at].is_listed());
        // One that is there stays also while the member it stands in for is silent for a moment.
        let keeps = |s: &Seat| !s.is_voter() || self.unsteady(s).is_some() || self.may_move(s);
        let in_place = self.is_in_place();
        let stands_in = |s: &Seat| {
            let unsteady = self.unsteady(s).is_some();
            self.is_mismatched(s) && (unsteady || !in_place)
        };
        target.any(|s| stands_in(s) || (there && keeps(s)))
    }

    pub fn now(&self) -> Timestamp {
        self.observed.at
    }

    pub fn seat(&self, ordinal: Ordinal) -> &Seat<'a> {
        let at = self.place(ordinal);
        &self.seats[at.expect("rows are asked for seats of the view")]
    }

    fn place(&self, ordinal: Ordinal) -> Result<usize, usize> {
        self.seats.binary_search_by_key(&ordinal, |s| s.ordinal)
    }

    pub fn seats(&self) -> impl DoubleEndedIterator<Item = &Seat<'a>> {
        self.seats.iter()
    }

    pub fn membership(&self) -> Option<&'a Membership> {
        self.observed.etcd.membership.known()
    }

    /// The cluster has been born: nothing may bootstrap here any more.
    pub fn is_born(&self) -> bool {
        self.membership().is_some()
            || self
                .kube
                .ledger
                .as_ref()
                .is_some_and(|l| l.cluster_id.is_some())
    }

    /// Members whose peer URL belongs to no ordinal of ours.
    pub fn foreign_members(&self) -> impl Iterator<Item = &'a Member> {
        self.foreign.iter().copied()
    }

    pub fn voters(&self) -> impl DoubleEndedIterator<Item = &Seat<'a>> {
        self.seats().filter(|s| s.is_voter())
    }

    /// `n`.
    pub fn voter_count(&self) -> usize {
        self.voters().count()
    }

    /// `h`.
    pub fn healthy_count(&self) -> usize {
        self.voters().filter(|s| self.is_healthy(s)).count()
    }

    /// `h - q(n)`; negative without quorum.
    pub fn tolerance(&self) -> i64 {
        tolerance(self.healthy_count(), self.voter_count())
    }

    /// G1, as far as one look can tell.
    pub fn is_healthy(&self, seat: &Seat) -> bool {
        let (Some(member), Some(status)) = (seat.member, seat.status) else {
            return false;
        };
        let alarms = self.observed.etcd.alarms.known();
        let corrupt = |id| {
            alarms.is_some_and(|all| {
                all.iter()
                    .any(|a| a.member == id && a.kind == AlarmKind::Corrupt)
            })
        };
        // One whose pod is ending is as good as gone.
        seat.pod.is_some_and(|p| !p.deleting)
            && status.member_id == member.id
            && status.leader.is_some()
            && status.leader == self.leader()
            && status
                .linearizable_read
                .as_ref()
                .is_some_and(|read| read.known().is_some())
            && !corrupt(member.id)
    }

    pub const fn leader(&self) -> Option<MemberId> {
        self.leader
    }

    pub fn leader_seat(&self) -> Option<&Seat<'a>> {
        let leader = self.leader()?;
        self.seats()
            .find(|s| s.member.is_some_and(|m| m.id == leader))
    }

    /// The learner in the list, ours or not in the target.
    pub fn learner(&self) -> Option<&Seat<'a>> {
        self.seats().find(|s| s.is_learner())
    }

    /// `replicas`, 0 while there is no StatefulSet.
    pub fn replicas(&self) -> u32 {
        self.kube.stateful_set.as_ref().map_or(0, |s| s.replicas)
    }

    /// The highest ordinal that must have a pod: a voter's, or, while no list can be read, a claim's (2.8 #1), but one
    /// that a member left whose removal was seen to be committed.
    pub fn top_needed(&self) -> Option<Ordinal> {
        let known = self.membership().is_some();
        let noted = |s: &Seat| s.record.is_some_and(|r| r.member.is_some());
        let needed = |s: &&Seat| {
            if known {
                s.is_voter()
            } else {
                s.claim.is_some() && (noted(s) || s.wanted && !s.is_left())
            }
        };
        self.seats().rev().find(needed).map(|s| s.ordinal)
    }

    /// A learner, or a seat that lost its member: it is filled whatever Git asks for besides, its members are of one kind
    /// with the template that is there (2.8 #9).
    pub fn is_half_done(&self) -> bool {
        let vacated = |s: &Seat| s.wanted && !s.is_listed() && (s.in_set || s.is_left());
        self.learner().is_some() || self.seats().any(vacated)
    }

    /// Nothing is half done: no learner, nothing left on a seat without a member, no pod drained, no birth under way.
    pub fn is_safe_point(&self) -> bool {
        let drained = self
            .seats()
            .any(|s| s.pod.is_some_and(|p| !p.serving_label && !p.deleting));
        let left_over = self.seats().any(|s| !s.is_listed() && s.is_occupied());
        let quiet = self.learner().is_none() && !drained && !self.is_offline_under_way();
        match self.membership() {
            Some(_) => quiet && !left_over,
            None => quiet && (self.is_born() || self.kube.stateful_set.is_none()),
        }
    }

    /// The voter that leaves next when the cluster shrinks: the top one, if Git does not want it.
    pub fn victim(&self) -> Option<&Seat<'a>> {
        let top = self
            .seats()
            .rev()
            .find(|s| s.is_listed() || s.is_occupied())?;
        (!top.wanted && top.is_voter()).then_some(top)
    }

    /// A leader's new home: a healthy voter that serves clients and owns a steady claim; one that stays before one that
    /// leaves, one that is done before one that is not, the furthest ahead, then the lowest (2.8 #21).
    pub fn transferee(&self) -> Option<&Seat<'a>> {
        let rank = |s: &&Seat| {
            let done = s.target && !self.is_old(s);
            let applied = s.status.map(|s| s.applied);
            (s.wanted, done, applied, std::cmp::Reverse(s.ordinal))
        };
        let serves = |s: &&Seat| self.kube.serving.contains(&s.ordinal);
        self.heirs().into_iter().filter(serves).max_by_key(rank)
    }

    /// Voters that could lead as soon as they serve clients.
    pub fn heirs(&self) -> Vec<&Seat<'a>> {
        let leader = self.leader();
        let able = self.voters().filter(|s| {
            let bound = |c: &Claim| !c.deleting && c.phase == ClaimPhase::Bound;
            let serving = s.pod.is_some_and(|p| p.serving_label && !p.deleting);
            let leads = s.member.map(|m| m.id) == leader;
            self.is_healthy(s) && s.claim.is_some_and(bound) && serving && !leads
        });
        // A leader that only restarts may leave its place to any; one that leaves for good to one that stays, where
        // there is one.
        let restarts = matches!(self.leaving(), Some((_, Leave::Restart)));
        let (stay, leave): (Vec<_>, Vec<_>) = able.partition(|s| s.wanted || restarts);
        if stay.is_empty() { leave } else { stay }
    }

    /// G6: three probes, at least a second apart, each within the lag; advancing if the leader advanced.
    pub fn is_in_sync(&self, seat: &Seat) -> bool {
        let (Some(member), Some(_)) = (seat.member, seat.status) else {
            return false;
        };
        let probes = self.evidence.probes(member.id);
        let Some(recent) = probes
            .len()
            .checked_sub(IN_SYNC_PROBES)
            .map(|from| &probes[from..])
        else {
            return false;
        };
        let (first, last) = (recent[0], recent[IN_SYNC_PROBES - 1]);
        let advanced = last.leader_index == first.leader_index || last.applied > first.applied;
        recent.iter().all(|p| p.lag <= IN_SYNC_LAG) && (advanced || last.lag == 0)
    }

    /// G11: ten election timeouts.
    pub fn stable_at(&self) -> Option<Timestamp> {
        self.after_ten_elections(self.evidence.stable_since()?)
    }

    /// Those that answer have not come to elect a leader, and had the time to.
    pub fn elects_nobody(&self) -> bool {
        let since = self.evidence.leaderless_since();
        let until = since.and_then(|s| Some(self.after_ten_elections(s)?.max(s + FOUND_BY_NAME)));
        until.is_some_and(|until| until <= self.now())
    }

    fn after_ten_elections(&self, since: Timestamp) -> Option<Timestamp> {
        let timeout = i64::try_from(self.spec.etcd.election_timeout_ms).unwrap_or(i64::MAX);
        let span = SignedDuration::from_millis(timeout.saturating_mul(10));
        since.checked_add(span).ok()
    }
}

/// `q(n) = n/2 + 1`.
pub const fn quorum(voters: usize) -> usize {
    voters / 2 + 1
}

/// `h - q(n)`.
pub fn tolerance(healthy: usize, voters: usize) -> i64 {
    let (healthy, quorum) = (i64::try_from(healthy), i64::try_from(quorum(voters)));
    healthy.unwrap_or(i64::MAX) - quorum.unwrap_or(i64::MAX)
}

/// The leader by its own word; of several, the one of the newest term.
fn leader(observed: &Observation) -> Option<MemberId> {
    let answers = observed.etcd.statuses.values();
    let claims = answers
        .filter_map(|s| s.known())
        .filter(|s| s.leader == Some(s.member_id));
    claims.max_by_key(|s| s.term).map(|s| s.member_id)
}

/// The ordinal whose peer URL this member has.
fn seat_of(spec: &ClusterSpec, member: &Member) -> Option<Ordinal> {
    member
        .peer_urls
        .iter()
        .find_map(|url| spec.ordinal_of_peer_url(url))
}

/// The members of ours, by their seats, the first of two that have the same; and those that have none.
fn listed<'a>(
    spec: &ClusterSpec,
    observed: &'a Observation,
) -> (BTreeMap<Ordinal, &'a Member>, Vec<&'a Member>) {
    let (mut listed, mut foreign) = (BTreeMap::new(), Vec::new());
    let list = observed.etcd.membership.known();
    for member in list.into_iter().flat_map(|m| &m.members) {
        match seat_of(spec, member) {
            Some(ordinal) => drop(listed.entry(ordinal).or_insert(member)),
            None => foreign.push(member),
        }
    }
    (listed, foreign)
}

/// Every ordinal that Git wants or on which something sits.
fn seats<'a>(
    spec: &ClusterSpec,
    observed: &'a Observation,
    kube: &'a Kube,
    listed: &BTreeMap<Ordinal, &'a Member>,
) -> Vec<Seat<'a>> {
    let replicas = kube.stateful_set.as_ref().map_or(0, |s| s.replicas);
    let in_set = (0..replicas).map(Ordinal);
    let occupied = kube.pods.keys().chain(kube.claims.keys()).copied();
    let mut all: Vec<Ordinal> = spec
        .target()
        .chain(in_set)
        .chain(occupied)
        .chain(listed.keys().copied())
        .collect();
    all.sort_unstable();
    all.dedup();
    all.into_iter()
        .map(|o| seat_at(o, spec, observed, kube, listed))
        .collect()
}

fn seat_at<'a>(
    ordinal: Ordinal,
    spec: &ClusterSpec,
    observed: &'a Observation,
    kube: &'a Kube,
    listed: &BTreeMap<Ordinal, &'a Member>,
) -> Seat<'a> {
    let replicas = kube.stateful_set.as_ref().map_or(0, |s| s.replicas);
    let target = ordinal.0 < spec.members;
    let file = kube.member_files.get(&ordinal);
    Seat {
        ordinal,
        wanted: target,
        target,
        in_set: ordinal.0 < replicas,
        pod: kube.pods.get(&ordinal),
        claim: kube.claims.get(&ordinal),
        file: file.and_then(MemberConfig::life),
        member: listed.get(&ordinal).copied(),
        status: observed.etcd.statuses.get(&ordinal).and_then(|s| s.known()),
        record: kube.ledger.as_ref().and_then(|l| l.seats.get(&ordinal)),
    }
}
