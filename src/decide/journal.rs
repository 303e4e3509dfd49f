//! What the ledger says before an act: the little that a crashed run's successor cannot read off the cluster.

use jiff::SignedDuration;

use super::step::Act;
use crate::fleet::{EtcdVersion, Ordinal};
use crate::state::{ClaimPhase, Kube, Ledger, MemberId, ObjectKind, Observation, SeatRecord};

/// A learner that failed is tried again without a person after this long: what was wrong with its node may be mended.
pub(super) const ATTEMPTS_EXPIRE: SignedDuration = SignedDuration::from_hours(1);

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
    let answers = observed.etcd.statuses.values().filter_map(|s| s.known());
    if let Some(version) = answers
        .filter_map(|s| s.version.parse::<EtcdVersion>().ok())
        .max()
    {
        ledger.version = Some(version.to_string());
    }
    ledger.commit.clone_from(&run.commit);
    ledger.last_step = Some(format!("{} {}", act.verb(), act.subject()));
    ledger.last_step_at = Some(observed.at);
    note_volumes(observed, &mut ledger);
    note_copies(observed, &mut ledger);
    forget_halts(observed, &mut ledger);
    forget_removed(observed, &mut ledger);
    let kube = observed.kube.known();
    // A set that is made at once makes the claims that its seats miss.
    let template = match act {
        Act::CreateObject { object, body } if object.kind == ObjectKind::StatefulSet => {
            super::storage::asked_by(body.spot())
        }
        _ => kube.and_then(super::storage::asked),
    };
    if let (Some(kube), Some(asked)) = (kube, template) {
        note_asked(kube, &asked, &mut ledger);
    }
    match act {
        Act::AddLearner { ordinal, .. } => note_attempt(observed, *ordinal, &mut ledger),
        // The next claim of this seat is the template's.
        Act::ReleaseClaim { ordinal, uid, .. } => {
            let seat = ledger.seats.entry(*ordinal).or_default();
            seat.released_at = Some(observed.at);
            if seat.asked.is_some() {
                seat.claim_before = Some(uid.clone());
                seat.asked = kube.and_then(super::storage::asked);
            }
        }
        Act::HaltMember { ordinal, from, .. } => {
            let seat = ledger.seats.entry(*ordinal).or_default();
            seat.offline = Some(from.clone());
        }
        Act::MakeClaim { ordinal, body, .. } => {
            let seat = ledger.seats.entry(*ordinal).or_default();
            seat.asked = body.spot().field("spec").and_then(super::storage::asked_of);
        }
        Act::ReturnVolume { ordinal, .. } => {
            let seat = ledger.seats.entry(*ordinal).or_default();
            seat.offline = None;
        }
        Act::RemoveMember { ordinal, .. } => {
            let claim = kube.and_then(|k| k.claims.get(ordinal));
            let asks = claim.map(|c| super::storage::asks_for(c.class_name.as_deref(), &c.request));
            let seat = ledger.seats.entry(*ordinal).or_default();
            seat.leaving = true;
            seat.moved = asks.is_some() && asks != kube.and_then(super::storage::asked);
        }
        Act::ExpandClaim { ordinal, size, .. } => {
            let claim = kube.and_then(|k| k.claims.get(ordinal));
            let class = claim.and_then(|c| c.class_name.as_deref());
            let seat = ledger.seats.entry(*ordinal).or_default();
            seat.asked = Some(super::storage::asks_for(class, size));
        }
        _ => {}
    }
    ledger
}

/// A learner is added to this seat, for the first time or again.
fn note_attempt(observed: &Observation, ordinal: Ordinal, ledger: &mut Ledger) {
    let kube = observed.kube.known();
    let claim = kube.and_then(|k| Some(k.claims.get(&ordinal)?.uid.clone()));
    let stamp = kube.and_then(|k| k.stateful_set.as_ref()?.stamp.clone());
    let seat = ledger.seats.entry(ordinal).or_default();
    let age = seat.added_at.map(|at| observed.at.duration_since(at));
    let another = seat.stamp != stamp;
    let expired = another || age.is_some_and(|age| age >= ATTEMPTS_EXPIRE);
    *seat = SeatRecord {
        member: None,
        claim: None,
        claim_before: claim,
        // One that etcd would not even add is no try.
        attempts: match (expired, seat.leaving) {
            (true, _) => 1,
            (false, true) => seat.attempts + 1,
            (false, false) => seat.attempts.max(1),
        },
        added_at: Some(observed.at),
        stamp,
        asked: kube.and_then(super::storage::asked),
        leaving: false,
        moved: seat.moved,
        released_at: seat.released_at,
        offline: None,
    };
}

/// The cluster's ID by its list, or by any member that answers: one that does has started.
fn born_as(observed: &Observation) -> Option<MemberId> {
    let list = observed.etcd.membership.known().map(|m| m.cluster_id);
    let mut answers = observed.etcd.statuses.values().filter_map(|s| s.known());
    list.or_else(|| answers.next().map(|s| s.cluster_id))
}

/// What the template asks for the claims that are still to be made.
fn note_asked(kube: &Kube, asked: &str, ledger: &mut Ledger) {
    for (ordinal, seat) in &mut ledger.seats {
        let claim = kube.claims.get(ordinal).map(|c| &c.uid);
        if seat.asked.is_some() && (claim.is_none() || claim == seat.claim_before.as_ref()) {
            seat.asked = Some(asked.to_owned());
        }
    }
}

/// Which claim the data of each member that answers is on. Noted once per member ID: a claim that takes another's place
/// later must be told from it (2.8 #2).
fn note_volumes(observed: &Observation, ledger: &mut Ledger) {
    let Some(kube) = observed.kube.known() else {
        return;
    };
    let list = observed.etcd.membership.known();
    for (ordinal, status) in &observed.etcd.statuses {
        let (Some(status), Some(claim)) = (status.known(), kube.claims.get(ordinal)) else {
            continue;
        };
        let steady = claim.phase == ClaimPhase::Bound && !claim.deleting;
        let seat = ledger.seats.entry(*ordinal).or_default();
        let listed = list.is_some_and(|m| m.members.iter().any(|m| m.id == status.member_id));
        if listed && status.learner {
            seat.added_at.get_or_insert(observed.at); // by someone else, or by a ledger that was lost
        } else if listed {
            // It came up on the claim that its seat had before: that one was never asked for as its template said.
            if seat.claim_before.as_ref() == Some(&claim.uid) {
                seat.asked = None;
            }
            (seat.claim_before, seat.attempts, seat.added_at) = (None, 0, None);
            seat.leaving = false;
        }
        let its_own = listed || (list.is_none() && !seat.leaving);
        if steady && its_own && seat.member != Some(status.member_id) {
            seat.member = Some(status.member_id);
            seat.claim = Some(claim.uid.clone());
        }
    }
}

/// A member's data has come to another claim while it was stopped: from now on that is its volume.
fn note_copies(observed: &Observation, ledger: &mut Ledger) {
    let Some(kube) = observed.kube.known() else {
        return;
    };
    for (ordinal, copying) in &kube.copies {
        let claim = kube.claims.get(ordinal).filter(|c| copying.is_done_to(c));
        let seat = ledger.seats.get_mut(ordinal);
        if let (Some(claim), Some(seat)) = (claim, seat)
            && let Some(moving) = &mut seat.offline
        {
            moving.copied = true;
            seat.claim = Some(claim.uid.clone());
        }
    }
}

/// A member that runs on the claim that is noted for it, with no copy beside it, is on no way to another: a run ended before
/// it was stopped, or after all was done.
fn forget_halts(observed: &Observation, ledger: &mut Ledger) {
    let Some(kube) = observed.kube.known() else {
        return;
    };
    for (ordinal, status) in &observed.etcd.statuses {
        let claim = kube.claims.get(ordinal).map(|c| &c.uid);
        let copies = kube.copies.contains_key(ordinal);
        let seat = ledger.seats.get_mut(ordinal);
        let runs = status.known().is_some() && !copies && claim.is_some();
        if let Some(seat) = seat.filter(|s| runs && s.claim.as_ref() == claim) {
            seat.offline = None;
        }
    }
}

/// A removal that timed out may not have committed, and then its member is needed for a quorum: it is forgotten once a
/// list without it was seen.
fn forget_removed(observed: &Observation, ledger: &mut Ledger) {
    let Some(list) = observed.etcd.membership.known() else {
        return;
    };
    for seat in ledger.seats.values_mut().filter(|s| s.leaving) {
        let listed = |id| list.members.iter().any(|m| m.id == id);
        if seat.member.is_some_and(|id| !listed(id)) {
            (seat.member, seat.claim) = (None, None);
        }
    }
}
