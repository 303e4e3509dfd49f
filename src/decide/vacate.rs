//! Finish what is half done: what is left on a seat whose member is gone, and learners that Git does not want.

use super::guard;
use super::procedure::{About, Condition, Focus, Procedure, Row, Then};
use super::step::Act;
use crate::state::ClaimPhase;

pub(super) const VACATE: Procedure = Procedure {
    name: "vacate",
    title: "a seat without a member holds no pod and no claim; its volume is kept",
    source: "etcd-operations.md P3 rows 3 and 4, 2.8 #8, #13, #15",
    // From the top: a StatefulSet can let go only of its top ordinal.
    subjects: |view| {
        if view.membership().is_none() {
            return Vec::new();
        }
        let unwanted_learner = |s: &&super::view::Seat| s.is_learner() && !s.wanted;
        view.seats()
            .rev()
            .filter(|s| unwanted_learner(s) || (!s.is_listed() && s.is_occupied()))
            .map(|s| About::Seat(s.ordinal))
            .collect()
    },
    rows: &[
        Row {
            name: "learner-unwanted",
            observed: "a learner is listed whose ordinal Git does not want",
            step: "remove it from the list",
            why: "promoting it would raise quorum for a member that leaves again (2.8 #13); a learner's removal never touches quorum",
            guards: &[&guard::ONE_LIST],
            undo: "add it again",
            hides: false,
            when: |f| f.seat().is_learner(),
            then: super::leave::remove,
        },
        Row {
            name: "pod-of-removed",
            observed: "the seat's URL is not in the list, and the StatefulSet still has the ordinal on top",
            step: "lower replicas to this ordinal",
            why: "the process exits and is restarted for ever on the directory of a removed member",
            guards: &[&guard::ONE_LIST, &guard::NOT_LISTED, &guard::TOP_ONLY],
            undo: "add a member to the seat again (grow)",
            hides: false,
            when: |f| f.view.replicas() == f.seat().ordinal.0 + 1,
            then: |f| {
                let ordinal = f.seat().ordinal;
                f.view.kube.stateful_set.as_ref().map_or(Then::Pass, |set| {
                    Then::act(Act::StopMember {
                        ordinal,
                        replicas: ordinal.0,
                        stateful_set: set.uid.clone(),
                        resource_version: set.resource_version.clone(),
                    })
                })
            },
        },
        Row {
            name: "gap-in-the-middle",
            observed: "the seat's URL is not in the list, and the StatefulSet has ordinals above it",
            step: "leave it: a wanted seat is filled again, and an unwanted one is let go of once it is on top",
            why: "a StatefulSet can let go only of its top ordinal (2.8 #7)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.view.replicas() > f.seat().ordinal.0,
            then: |_| Then::Pass,
        },
        Row {
            name: "pod-stranded",
            observed: "the seat's pod waits to end on a node that is gone, and its URL is not in the list",
            step: "delete it without waiting for its node, bound to its UID",
            why: "nobody on that node will ever say that it has ended; its ID is out of the list, so it can do no harm (2.8 #14)",
            guards: &[&guard::ONE_LIST, &guard::NOT_LISTED],
            undo: "nothing to undo",
            hides: false,
            when: |f| f.view.is_pod_stranded(f.seat()),
            then: |f| super::repair::delete_pod(f, f.seat().ordinal),
        },
        Row {
            name: "pod-going",
            observed: "the seat's pod is still there, and the StatefulSet has let go of it",
            step: "wait until it is gone",
            why: "a claim goes only after the pod that mounts it",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.seat().pod.is_some(),
            then: |f| wait(f, Condition::PodGone(f.seat().ordinal)),
        },
        Row {
            name: "claim-going",
            observed: "the claim is being deleted",
            step: "wait until it is gone",
            why: "a pod made meanwhile would hang on the old claim's name",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.seat().claim.is_some_and(|c| c.deleting),
            then: |f| wait(f, Condition::ClaimGone(f.seat().ordinal)),
        },
        Row {
            name: "volume-not-retained",
            observed: "the claim is bound, and its volume would be deleted with it, or does not tell whose data it holds",
            step: "set the volume's reclaim policy to Retain, and note the etcd cluster on it",
            why: "the keep time is the volume's: no removed member's data is lost with its claim (G13)",
            guards: &[&guard::NOT_LISTED],
            undo: "set the policy back",
            hides: false,
            when: |f| {
                let volume = f.seat().claim.and_then(|c| c.volume.as_ref()?.known());
                volume.is_some_and(|v| !f.view.is_kept(v))
            },
            then: retain,
        },
        Row {
            name: "claim-binding",
            observed: "the claim is bound, but its volume could not be read",
            step: "wait until it can be",
            why: "what is given up must be known to be kept",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| {
                f.seat().claim.is_some_and(|c| {
                    c.phase == ClaimPhase::Bound
                        && c.volume.as_ref().is_none_or(|v| v.known().is_none())
                })
            },
            then: |f| wait(f, Condition::ClaimSettled(f.seat().ordinal)),
        },
        Row {
            name: "claim-left",
            observed: "the claim is left, its volume Retain or never bound",
            step: "delete the claim, bound to its UID",
            why: "a later member of this ordinal would boot the removed member's log (2.8 #15, etcd-io/etcd#14805)",
            guards: &[
                &guard::ONE_LIST,
                &guard::NOT_LISTED,
                &guard::VOLUME_RETAINED,
                &guard::UNPROTECTED,
            ],
            undo: "the volume is kept; its data is a removed member's and must not be re-attached as that member",
            hides: false,
            when: |f| f.seat().claim.is_some(),
            then: release,
        },
    ],
};

/// The volume of the seat's claim outlives it.
pub(super) fn retain(f: &Focus) -> Then {
    let seat = f.seat();
    let volume = seat.claim.and_then(|c| c.volume.as_ref()?.known());
    volume.map_or(Then::Pass, |v| {
        Then::act(Act::RetainVolume {
            ordinal: seat.ordinal,
            volume: v.name.clone(),
            uid: v.uid.clone(),
            etcd_cluster: f.view.membership().map(|m| m.cluster_id),
        })
    })
}

/// Gives the seat's claim up.
pub(super) fn release(f: &Focus) -> Then {
    let seat = f.seat();
    seat.claim.map_or(Then::Pass, |claim| {
        Then::act(Act::ReleaseClaim {
            ordinal: seat.ordinal,
            claim: f.view.spec.claim_name(seat.ordinal),
            uid: claim.uid.clone(),
        })
    })
}

/// Not while a voter is unwell: what is left of a removed member can wait, a repair cannot.
fn wait(f: &Focus, condition: Condition) -> Then {
    if f.view.voters().all(|s| f.view.is_healthy(s)) {
        Then::Wait(condition)
    } else {
        Then::Pass
    }
}
