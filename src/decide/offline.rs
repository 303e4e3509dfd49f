//! P5-b, a copy: the only member is stopped, its data copied to a new volume, and it is started there. Its ID, its log
//! and every revision stay; what it costs is downtime.
//!
//! What was begun is told by the ledger (written before the process is stopped), the claim that the old volume is lent to,
//! and the pod that copies. Until the copy is done the data is on the old volume alone, and the member's poisoned file
//! keeps a process that someone starts too soon from making a life of its own on the new one.

use super::guard;
use super::halt::halt;
use super::procedure::{About, Condition, Facts, Focus, Procedure, Row, Then};
use super::step::Act;
use super::view::{Seat, View};
use crate::fleet::MigrationStrategy;
use crate::manifest;
use crate::state::{
    Claim, ClaimPhase, Copying, LentClaim, OfflineMove, Pod, PodPhase, ReleasedVolume, copy_stamp,
    writes_to,
};

pub(super) const OFFLINE: Procedure = Procedure {
    name: "offline",
    title: "a member that was stopped for its data's sake runs again, on the copy of it",
    source: "etcd-operations.md P5-b, G13",
    subjects: |view| {
        let begun = |s: &&Seat| view.moving(s).is_some() || view.copying(s).is_some();
        let seats = view.seats().filter(begun);
        seats.map(|s| About::Seat(s.ordinal)).collect()
    },
    rows: &[
        Row {
            name: "copy-left",
            observed: "a claim or a pod of a copy is there, and nothing says that one is under way",
            step: "delete the pod, then the claim; the volume stays",
            why: "a run that ended between its ledger and its act leaves them",
            guards: &[],
            undo: "nothing to undo: nobody needs them",
            hides: false,
            when: |f| moving(f).is_none(),
            then: give_back,
        },
        Row {
            name: "where-it-was",
            observed: "the member is stopped, its data is still on its own claim, and Git does not ask for this move any more",
            step: "start it again where it was",
            why: "nothing has been given up yet: going back costs one start",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| {
                let stays = f.seat().claim.is_some_and(|c| !c.deleting);
                f.view.is_stopped() && is_before_release(f) && stays && !wants_move(f)
            },
            then: |f| super::mend::start(f, f.seat().ordinal),
        },
        Row {
            name: "stopping",
            observed: "the member is to be stopped, and its pod is still there",
            step: "wait until it is gone",
            why: "two processes never write to one log",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| {
                let moves = is_before_release(f) || is_copying(f);
                f.view.is_stopped() && moves && f.seat().pod.is_some()
            },
            then: |f| Then::Wait(Condition::PodGone(f.seat().ordinal)),
        },
        Row {
            name: "stopped",
            observed: "the member is stopped, and its data is on its own claim",
            step: "delete the claim, bound to its UID; its volume is Retain",
            why: "the new claim has the same name, which is the StatefulSet's to choose",
            guards: &[&guard::VOLUME_RETAINED],
            undo: "the volume is lent to another claim and copied from",
            hides: false,
            when: |f| {
                let there = f.seat().claim.is_some_and(|c| c.phase != ClaimPhase::Lost);
                f.view.is_stopped() && is_before_release(f) && there
            },
            then: release,
        },
        Row {
            name: "copied",
            observed: "all of the data is on the new volume, and the ledger does not say so yet",
            step: "note that, and start the member there",
            why: "from here on clients write to the new volume",
            guards: &[],
            undo: "stop it, and move back",
            hides: false,
            when: |f| {
                let noted = is_past(f) || f.seat().is_on_noted_claim();
                !noted && is_copied(f) && f.view.kube.stateful_set.is_some()
            },
            then: |f| super::mend::start(f, f.seat().ordinal),
        },
        Row {
            name: "started-too-soon",
            observed: "the StatefulSet runs the member again before its data is copied",
            step: "lower replicas once more",
            why: "on an empty volume its process ends at once, and in the middle of a copy it must not begin",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| is_copying(f) && !is_copied(f) && f.view.replicas() > f.seat().ordinal.0,
            then: |f| moving(f).map_or(Then::Pass, |from| halt(f, from)),
        },
        Row {
            name: "pod-without-set",
            observed: "nothing is copied yet, a pod of the member is there, and no StatefulSet",
            step: "delete the pod, bound to its UID",
            why: "as above; nobody else would",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| {
                let pod = f.seat().pod.is_some_and(|p| !p.deleting);
                is_copying(f) && !is_copied(f) && pod
            },
            then: |f| super::repair::delete_pod(f, f.seat().ordinal),
        },
        Row {
            name: "copy-stale",
            observed: "the pod that copies writes to a claim that is not the member's any more, was evicted, or cannot run, and Git names another image by now",
            step: "delete it, bound to its UID",
            why: "what it has done is not on the volume that the member will start on",
            guards: &[],
            undo: "another one is made",
            hides: false,
            when: |f| is_copying(f) && is_stale(f),
            then: stop_copy,
        },
        Row {
            name: "claim-going",
            observed: "nothing is copied yet, and a claim that is needed for it, or the pod, is being deleted",
            step: "wait until it is gone",
            why: "its successor has the same name",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| is_copying(f) && is_going(f),
            then: |f| Then::Wait(Condition::Copied(f.seat().ordinal)),
        },
        Row {
            name: "volumes-unreadable",
            observed: "nothing is copied yet, the old volume is not lent, and released volumes cannot be read",
            step: "refuse",
            why: "whether the data is still there must be known before anything is made for it",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                let unknown = f.view.kube.released_volumes.known().is_none();
                is_copying(f) && unknown && !is_lent(f)
            },
            then: |f| {
                let why = f.view.kube.released_volumes.why_unknown();
                Then::Refuse(Facts {
                    code: "volume-unreadable",
                    found: why.unwrap_or_default().to_owned(),
                    unblock: "grant `list persistentvolumes`".into(),
                })
            },
        },
        Row {
            name: "volume-gone",
            observed: "nothing is copied yet, and the old volume is not there any more",
            step: "refuse, with where the last snapshot is",
            why: "the data is gone: a member that is started now has none",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| is_copying(f) && !is_lent(f) && old_volume(f).is_none(),
            then: volume_gone,
        },
        Row {
            name: "volume-lost",
            observed: "nothing is copied yet, and the volume of the member's new claim is gone",
            step: "delete the claim, bound to its UID",
            why: "nothing is on it; another one is made and copied to",
            guards: &[&guard::VOLUME_RETAINED],
            undo: "",
            hides: false,
            when: |f| {
                let lost = f.seat().claim.is_some_and(|c| c.phase == ClaimPhase::Lost);
                is_copying(f) && lost
            },
            then: super::vacate::release,
        },
        Row {
            name: "class-missing",
            observed: "nothing is copied yet, no volume is there for it, and Git names a StorageClass that does not exist",
            step: "refuse",
            why: "a claim of it would wait for ever, and the member with it",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                let bound = f.seat().claim.is_some_and(|c| c.phase == ClaimPhase::Bound);
                is_copying(f) && !bound && f.view.is_class_missing()
            },
            then: class_missing,
        },
        Row {
            name: "claim-not-wanted",
            observed: "nothing is copied yet, and the member's new claim has no volume and is not as Git says by now",
            step: "delete the claim, bound to its UID",
            why: "what it waits for may never come, and nothing is on it",
            guards: &[&guard::VOLUME_RETAINED],
            undo: "",
            hides: false,
            when: |f| {
                let git = &f.view.spec.storage;
                let met = |c: &Claim| git.is_met_by(c.class_name.as_deref(), &c.request);
                let claim = f.seat().claim.filter(|c| c.phase == ClaimPhase::Pending);
                is_copying(f) && claim.is_some_and(|c| !met(c))
            },
            then: super::vacate::release,
        },
        Row {
            name: "claim-absent",
            observed: "nothing is copied yet, and the member has no claim",
            step: "make it as Git says, by the name that the StatefulSet gives it",
            why: "the pod that copies needs it before the member's does",
            guards: &[],
            undo: "delete it: nothing is on it",
            hides: false,
            when: |f| is_copying(f) && f.seat().claim.is_none(),
            then: make_claim,
        },
        Row {
            name: "not-lent",
            observed: "nothing is copied yet, and the old volume is bound to no claim",
            step: "make a claim for it under another name, and bind it",
            why: "a pod reads from a volume only by a claim",
            guards: &[],
            undo: "delete that claim: the volume is Retain",
            hides: false,
            when: |f| is_copying(f) && !is_lent(f),
            then: lend,
        },
        Row {
            name: "not-copying",
            observed: "both claims are there, and no pod copies",
            step: "make one: it copies the data directory, compares checksums, and renames it when it is whole",
            why: "a log and its database belong together: half of them is never seen under their name",
            guards: &[],
            undo: "delete the pod and empty the new volume",
            hides: false,
            when: |f| is_copying(f) && pod_of(f).is_none(),
            then: copy,
        },
        Row {
            name: "copying",
            observed: "the pod that copies has not ended",
            step: "wait for it",
            why: "the member starts when all of its data is there",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| is_copying(f) && !is_copied(f),
            then: |f| Then::Wait(Condition::Copied(f.seat().ordinal)),
        },
        Row {
            name: "copy-behind",
            observed: "the member runs on the copy, and knows less than it did before",
            step: "refuse",
            why: "acknowledged writes would be lost: whatever was copied was not what it had",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| f.view.is_healthy(f.seat()) && is_behind(f),
            then: behind,
        },
        Row {
            name: "running",
            observed: "the member runs on the copy and knows all that it did before",
            step: "delete the pod that copied, then the claim that the old volume was lent to; the volume stays",
            why: "the old volume is kept like any other that a member left",
            guards: &[],
            undo: "nothing to undo: the volume is Retain",
            hides: false,
            when: |f| f.view.is_healthy(f.seat()) && moving(f).is_some_and(|m| m.copied),
            then: give_back,
        },
    ],
};

impl Seat<'_> {
    /// The claim that its data was last noted on.
    fn is_on_noted_claim(&self) -> bool {
        let noted = self.record.and_then(|r| r.claim.as_ref());
        self.claim.is_some_and(|c| noted == Some(&c.uid))
    }
}

impl<'v> View<'v> {
    /// It was stopped, or was to be, for its data's sake. With another member beside it, listed or noted, that is of
    /// another time: nothing may be stopped for it.
    fn moving(&self, seat: &Seat<'v>) -> Option<&'v OfflineMove> {
        let others = || self.seats().filter(|s| s.ordinal != seat.ordinal);
        let noted = |s: &Seat| s.record.is_some_and(|r| r.member.is_some());
        let alone = !others().any(|s| s.is_listed() || noted(s));
        seat.record?.offline.as_ref().filter(|_| alone)
    }

    /// A run may not be left here: nobody serves.
    pub(super) fn is_offline_under_way(&self) -> bool {
        self.seats().any(|s| {
            self.copying(s).is_some() || self.moving(s).is_some_and(|_| !self.is_healthy(s))
        })
    }

    fn copying(&self, seat: &Seat) -> Option<&'v Copying> {
        self.kube.copies.get(&seat.ordinal)
    }

    /// The StatefulSet is there and runs nobody.
    fn is_stopped(&self) -> bool {
        self.kube
            .stateful_set
            .as_ref()
            .is_some_and(|s| s.replicas == 0)
    }
}

fn moving<'v>(f: &Focus<'v>) -> Option<&'v OfflineMove> {
    f.view.moving(f.seat())
}

fn lent<'v>(f: &Focus<'v>) -> Option<&'v LentClaim> {
    f.view.copying(f.seat())?.claim.as_ref()
}

fn pod_of<'v>(f: &Focus<'v>) -> Option<&'v Pod> {
    f.view.copying(f.seat())?.pod.as_ref()
}

/// The data has been on the new volume: it is never copied again.
fn is_past(f: &Focus) -> bool {
    moving(f).is_some_and(|m| m.copied)
}

/// The member's data is on the claim it was on when it was stopped.
fn is_before_release(f: &Focus) -> bool {
    !is_past(f) && f.seat().is_on_noted_claim()
}

/// The member's own claim is given up, and what it had is not known to be on another.
fn is_copying(f: &Focus) -> bool {
    let begun = moving(f).is_some_and(|m| !m.copied);
    begun && !f.seat().is_on_noted_claim() && !f.seat().answers()
}

/// Git asks for it, and for another volume than the one it left.
fn wants_move(f: &Focus) -> bool {
    let storage = &f.view.spec.storage;
    let asked = storage.migration.strategy == MigrationStrategy::Offline
        && f.view.spec.members == 1
        && f.view.spec.policy.allow_downtime
        && !f.view.is_class_missing();
    let met = |m: &OfflineMove| storage.is_met_by(m.class_name.as_deref(), &m.size);
    asked && moving(f).is_some_and(|m| !met(m))
}

fn is_lent(f: &Focus) -> bool {
    let volume = moving(f).map(|m| &m.volume);
    lent(f).is_some_and(|claim| claim.bound && Some(&claim.volume) == volume)
}

/// The old volume as it is listed once its claim is gone.
fn old_volume<'v>(f: &Focus<'v>) -> Option<&'v ReleasedVolume> {
    let uid = &moving(f)?.volume_uid;
    let mut released = f.view.kube.released_volumes.known()?.iter();
    released.find(|v| v.uid == *uid)
}

/// The claim is there, and the volume has its name: released since then it would say since when.
fn is_binding(f: &Focus, volume: &ReleasedVolume) -> bool {
    let named = volume.claim == f.view.spec.copy_claim_name(f.seat().ordinal);
    named && volume.since.is_none() && lent(f).is_some()
}

fn is_stale(f: &Focus) -> bool {
    // What is copied to one that is going goes with it, and it goes only after the pod.
    let stays = |c: &&Claim| c.phase != ClaimPhase::Lost && !c.deleting;
    let claim = f.seat().claim.filter(stays);
    pod_of(f).is_some_and(|pod| {
        let ours = claim.is_some_and(|c| writes_to(pod, &c.uid));
        let wanted = claim.zip(image(f)).map(|(c, i)| copy_stamp(&c.uid, i));
        // One that cannot run is made again when Git names another image.
        let stuck = pod.is_stuck() && pod.stamp != wanted;
        !pod.deleting && (!ours || stuck || pod.phase == PodPhase::Failed)
    })
}

fn is_going(f: &Focus) -> bool {
    let claim = f.seat().claim.is_some_and(|c| c.deleting);
    let pod = pod_of(f).or(f.seat().pod).is_some_and(|p| p.deleting);
    claim || pod || lent(f).is_some_and(|c| c.deleting)
}

fn is_copied(f: &Focus) -> bool {
    let copying = f.view.copying(f.seat());
    let claim = f.seat().claim;
    copying.is_some_and(|copying| claim.is_some_and(|c| copying.is_done_to(c)))
}

fn is_behind(f: &Focus) -> bool {
    let known = f.seat().status.map(|s| s.revision);
    let had = moving(f).filter(|m| m.copied).map(|m| m.revision);
    known.is_some() && known < had
}

fn release(f: &Focus) -> Then {
    if f.seat().claim.is_some_and(|c| c.deleting) {
        return Then::Wait(Condition::ClaimGone(f.seat().ordinal));
    }
    super::vacate::release(f)
}

fn stop_copy(f: &Focus) -> Then {
    let ordinal = f.seat().ordinal;
    pod_of(f).map_or(Then::Pass, |pod| {
        Then::act(Act::StopCopy {
            ordinal,
            pod: f.view.spec.copy_pod_name(ordinal),
            uid: pod.uid.clone(),
        })
    })
}

fn make_claim(f: &Focus) -> Then {
    let ordinal = f.seat().ordinal;
    Then::act(Act::MakeClaim {
        ordinal,
        claim: f.view.spec.claim_name(ordinal),
        body: manifest::member_claim(f.view.spec, ordinal),
    })
}

fn lend(f: &Focus) -> Then {
    let ordinal = f.seat().ordinal;
    match (moving(f), old_volume(f)) {
        (Some(from), Some(volume)) if !is_binding(f, volume) => Then::act(Act::LendVolume {
            ordinal,
            volume: volume.name.clone(),
            uid: volume.uid.clone(),
            resource_version: volume.resource_version.clone(),
            claim: f.view.spec.copy_claim_name(ordinal),
            body: manifest::lent_claim(f.view.spec, ordinal, from),
        }),
        // Kubernetes has not bound it yet.
        _ => Then::Wait(Condition::Copied(ordinal)),
    }
}

fn copy(f: &Focus) -> Then {
    let ordinal = f.seat().ordinal;
    let (Some(to), Some(from), Some(image)) = (f.seat().claim, lent(f), image(f)) else {
        return Then::Pass;
    };
    Then::act(Act::CopyData {
        ordinal,
        pod: f.view.spec.copy_pod_name(ordinal),
        body: manifest::copy_pod(f.view.spec, ordinal, (&from.uid, &to.uid), image),
    })
}

/// What Git names, or named when the member was stopped.
fn image<'v>(f: &Focus<'v>) -> Option<&'v str> {
    let git = f.view.spec.storage.migration.copy_image.as_deref();
    git.or_else(|| Some(moving(f)?.image.as_str()))
}

/// A claim goes only after the last pod that names it, one that has ended as well.
fn give_back(f: &Focus) -> Then {
    if pod_of(f).is_some_and(|pod| !pod.deleting) {
        return stop_copy(f);
    }
    let ordinal = f.seat().ordinal;
    lent(f).filter(|c| !c.deleting).map_or(Then::Pass, |claim| {
        Then::act(Act::ReturnVolume {
            ordinal,
            claim: f.view.spec.copy_claim_name(ordinal),
            uid: claim.uid.clone(),
        })
    })
}

fn class_missing(f: &Focus) -> Then {
    let class = f.view.spec.storage.class_name.as_deref();
    let from = moving(f).map(|m| m.volume.as_str());
    Then::Refuse(Facts {
        code: "class-missing",
        found: format!(
            "no StorageClass {:?}; {} is stopped, and its data is on volume {}",
            class.unwrap_or_default(),
            f.view.spec.pod_name(f.seat().ordinal),
            from.unwrap_or_default(),
        ),
        unblock: "create the class, or name another in storage.className, also the one it had: the copy goes on".into(),
    })
}

fn volume_gone(f: &Focus) -> Then {
    let from = moving(f);
    let backup = f.view.observed.backup.as_ref();
    let newest = backup.and_then(|b| b.snapshots.known()?.newest.as_ref());
    let snapshot = newest.map_or_else(
        || "no snapshot is known".to_owned(),
        |s| {
            format!(
                "the newest snapshot is of {}, revision {}",
                s.taken, s.revision
            )
        },
    );
    Then::Refuse(Facts {
        code: "old-volume-gone",
        found: format!(
            "{} was stopped at revision {}, and volume {}, which has its data, is not there; {snapshot}",
            f.view.spec.pod_name(f.seat().ordinal),
            from.map(|m| m.revision).unwrap_or_default(),
            from.map(|m| m.volume.as_str()).unwrap_or_default(),
        ),
        unblock: "bring the volume back (its PersistentVolume, if its disk is still there), or restore from the snapshot".into(),
    })
}

fn behind(f: &Focus) -> Then {
    let from = moving(f);
    Then::Refuse(Facts {
        code: "copy-behind",
        found: format!(
            "{} is at revision {}, expected at least {}",
            f.view.spec.pod_name(f.seat().ordinal),
            f.seat().status.map(|s| s.revision).unwrap_or_default(),
            from.map(|m| m.revision).unwrap_or_default(),
        ),
        unblock: format!(
            "stop what writes, and look at both: the data it had is on volume {}, which is kept",
            from.map(|m| m.volume.as_str()).unwrap_or_default()
        ),
    })
}
