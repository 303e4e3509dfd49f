//! What 2.8 and P5-a promise about volumes that are given up, grown or kept.

use jiff::SignedDuration;

use super::laws::{Violation, broken};
use super::stage::Stage;
use super::volumes;
use crate::decide::{Act, RowId};
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{Claim, ClaimPhase, Contents, ObjectKind, SnapshotFacts};

/// A snapshot that something is given up on is no older (G9).
const FRESH: SignedDuration = SignedDuration::from_mins(15);
/// Between the look that found it fresh enough and the act: a drain, a leader that moves, a pod that sleeps.
const GRACE: SignedDuration = SignedDuration::from_mins(2);

/// Before an act reaches its server.
pub(super) fn may_do(
    stage: &Stage,
    spec: &ClusterSpec,
    act: &Act,
    row: Option<RowId>,
) -> Option<Violation> {
    match act {
        Act::RemoveMember { ordinal, .. } => match row?.procedure {
            "replace" => gives_up(stage, *ordinal).or_else(|| unkept(stage, *ordinal)),
            // Its volume is kept once nobody needs it.
            "shrink" => gives_up(stage, *ordinal),
            _ => None,
        },
        Act::HaltMember { ordinal, .. } => halts(stage, spec, *ordinal),
        Act::DiscardVolume { volume, .. } => discards(stage, spec, volume),
        Act::ExpandClaim { ordinal, size, .. } => {
            let claim = stage.kube().claims.get(ordinal)?;
            (*size < claim.request)
                .then(|| broken("P6", format!("claim {ordinal} was asked to shrink")))
                .flatten()
        }
        _ => None,
    }
}

/// The only member is stopped where Git says so by name, with a snapshot and with its volume kept. One whose data is not on
/// its claim runs for nothing, and is stopped again.
fn halts(stage: &Stage, spec: &ClusterSpec, ordinal: Ordinal) -> Option<Violation> {
    steady(stage, ordinal)?;
    let (voters, _) = stage.voters();
    if voters != 1 || !spec.policy.allow_downtime {
        let what = format!("member {ordinal} of {voters} was stopped, and nobody asked for that");
        return broken("I1", what);
    }
    gives_up(stage, ordinal).or_else(|| unkept(stage, ordinal))
}

/// The only member was stopped so that its volume can be copied from.
pub(super) fn is_copied_from(stage: &Stage, ordinal: Ordinal) -> bool {
    let ledger = stage.kube().ledger.as_ref();
    let moving = ledger.and_then(|l| l.seats.get(&ordinal)?.offline.as_ref());
    moving.is_some_and(|m| !m.copied) && stage.voters().0 == 1
}

/// The claim of a member that could have stayed on it: what goes anyway waits for no store.
fn steady(stage: &Stage, ordinal: Ordinal) -> Option<&Claim> {
    let claim = stage.kube().claims.get(&ordinal)?;
    let holds_data = matches!(claim.contents, Some(Contents::Of(id)) if stage.is_listed(id));
    (holds_data && !claim.deleting && claim.phase == ClaimPhase::Bound).then_some(claim)
}

/// A verified snapshot of now is there before a member leaves its volume.
fn gives_up(stage: &Stage, ordinal: Ordinal) -> Option<Violation> {
    steady(stage, ordinal)?;
    let backup = stage.truth.backup.as_ref();
    let newest = backup.and_then(|b| b.snapshots.known()?.newest.as_ref());
    let ours = stage.truth.etcd.membership.known().map(|m| m.cluster_id);
    let is_fresh = |n: &SnapshotFacts| {
        let age = stage.truth.at.duration_since(n.taken);
        n.verified && Some(n.cluster_id) == ours && age <= FRESH + GRACE
    };
    if newest.is_some_and(is_fresh) {
        return None;
    }
    let taken = newest.map(|n| n.taken.to_string());
    let what = format!("member {ordinal} was given up with no fresh snapshot: {taken:?}");
    broken("G9", what)
}

/// The volume that a member leaves outlives its claim.
fn unkept(stage: &Stage, ordinal: Ordinal) -> Option<Violation> {
    let volume = steady(stage, ordinal)?.volume.as_ref()?.known()?;
    let kept = volume.reclaim_policy == volumes::RETAIN;
    (!kept)
        .then(|| {
            broken(
                "G13",
                format!("member {ordinal} was given up before its volume was Retain"),
            )
        })
        .flatten()
}

/// An old volume stays for as long as Git says, and for ever where it says nothing.
fn discards(stage: &Stage, spec: &ClusterSpec, name: &str) -> Option<Violation> {
    let released = stage.kube().released_volumes.known()?;
    let volume = released.iter().find(|v| v.name == *name)?;
    let kept = volume.since.map(|s| stage.truth.at.duration_since(s));
    let keep = spec.storage.migration.keep_old_volumes;
    let due = keep.is_some_and(|keep| kept.is_some_and(|kept| kept >= keep));
    (!due)
        .then(|| {
            broken(
                "P5-a",
                format!("volume {name} was deleted after {kept:?}, Git keeps it {keep:?}"),
            )
        })
        .flatten()
}

/// What in sync means for volumes, counted on the truth.
pub(super) fn in_place(stage: &Stage, spec: &ClusterSpec) -> Option<Violation> {
    let kube = stage.kube();
    let differs = |what: String| broken("I5", format!("said to be in sync, but {what}"));
    for (ordinal, claim) in &kube.claims {
        if let Some(what) = volumes::differs(claim, spec) {
            return differs(format!("the claim of member {ordinal} has {what}"));
        }
    }
    let set = kube.objects.get(&ObjectKind::StatefulSet)?;
    if stage.is_moving(spec) {
        let template = set.content.pointer("/spec/volumeClaimTemplates/0/spec");
        return differs(format!("the claim template is {template:?}"));
    }
    None
}
