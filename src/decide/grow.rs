//! P2: fill a seat with a voter, as a learner first. Keyed on the incarnation of the seat's claim: a member may run only
//! on another one than was there before it was added (2.8 #8).

use super::guard;
use super::leave;
use super::loss;
use super::mend::start;
use super::procedure::{About, Condition, Focus, Procedure, Row, Then};
use super::repair::delete_pod;
use super::step::{Act, FileLife};
use super::watchdog;
use crate::manifest::member_file;
use crate::state::{ClaimPhase, MemberFile, ObjectKind};

pub(super) const GROW: Procedure = Procedure {
    name: "grow",
    title: "every ordinal that Git wants has a voter",
    source: "etcd-operations.md P2, P4, G5, G6, 2.7, 2.8 #8, #11",
    // One at a time: the learner on its way, else the lowest vacancy, a spare last.
    subjects: |view| {
        if view.membership().is_none() {
            return Vec::new();
        }
        let wanted = || view.seats().filter(|s| s.wanted);
        let next = wanted()
            .find(|s| s.is_learner())
            .or_else(|| wanted().find(|s| !s.is_listed()));
        next.map(|s| About::Seat(s.ordinal)).into_iter().collect()
    },
    rows: &[
        Row {
            name: "refill",
            observed: "the ordinal is wanted, its URL is not in the list, and the StatefulSet keeps a pod on it",
            step: "add it as a learner; the ledger notes the claim that is there",
            why: "a pod that comes up empty without being listed crash-loops; what is on the seat is given up by its incarnation (P4, P5-a)",
            guards: &[
                &guard::ONE_LIST,
                &guard::NO_LEARNER,
                &guard::ALL_HEALTHY,
                &guard::ATTEMPTS_LEFT,
                &guard::STABLE,
            ],
            undo: "remove the learner: quorum is not touched",
            hides: false,
            when: |f| !f.seat().is_listed() && f.seat().in_set,
            then: add,
        },
        Row {
            name: "not-listed",
            observed: "the ordinal is wanted, and its URL is not in the list",
            step: "add it as a learner",
            why: "a voter that never starts would count against quorum (etcd-io/etcd#7820)",
            guards: &[
                &guard::ONE_LIST,
                &guard::NO_LEARNER,
                &guard::ALL_HEALTHY,
                &guard::NO_ALARM,
                &guard::ATTEMPTS_LEFT,
                &guard::SEAT_EMPTY,
                &guard::ROOM,
                &guard::STABLE,
            ],
            undo: "remove the learner: quorum is not touched",
            hides: false,
            when: |f| !f.seat().is_listed(),
            then: add,
        },
        Row {
            name: "volume-not-retained",
            observed: "the learner has not started, and the volume of the claim that was there before it would be deleted with it, or does not tell whose data it holds",
            step: "set the volume's reclaim policy to Retain, and note the etcd cluster on it",
            why: "no data is lost with a claim, whoever deletes it (G13)",
            guards: &[&guard::EARLIER_LIFE],
            undo: "set the policy back",
            hides: false,
            when: |f| {
                let volume = f.seat().claim.and_then(|c| c.volume.as_ref()?.known());
                is_earlier(f) && volume.is_some_and(|v| !f.view.is_kept(v))
            },
            then: super::vacate::retain,
        },
        Row {
            name: "volume-unreadable",
            observed: "the learner has not started, and the volume of the claim that was there before it could not be read",
            step: "wait until it can be",
            why: "what is given up must be known to be kept",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| {
                let volume = f.seat().claim.and_then(|c| c.volume.as_ref());
                // What is lost cannot be read, and there is nothing to keep.
                let lost = f.seat().claim.is_some_and(|c| c.phase == ClaimPhase::Lost);
                is_earlier(f) && !lost && volume.is_some_and(|v| v.known().is_none())
            },
            then: |f| Then::Wait(Condition::ClaimSettled(f.seat().ordinal)),
        },
        Row {
            name: "claim-of-earlier-life",
            observed: "the learner has not started, and its claim is the one that was there before it",
            step: "delete the claim, bound to its UID",
            why: "a joiner that boots on an old log breaks the rejoin (etcd-io/etcd#14805)",
            guards: &[
                &guard::ONE_LIST,
                &guard::EARLIER_LIFE,
                &guard::VOLUME_RETAINED,
            ],
            undo: "the volume is kept; its data is a removed member's and must not be re-attached as that member",
            hides: false,
            when: |f| is_earlier(f) && f.seat().claim.is_some_and(|c| !c.deleting),
            then: super::vacate::release,
        },
        Row {
            name: "claim-of-another-class",
            observed: "the learner has not started, its claim was never bound and is not of the class or size that Git says, and the next one will be",
            step: "delete the claim, bound to its UID",
            why: "a class that cannot give a volume is mended in Git, and a claim never changes its class (2.8 #5)",
            guards: &[&guard::ONE_LIST, &guard::EARLIER_LIFE],
            undo: "nothing to undo: there is no volume",
            hides: false,
            when: |f| {
                let pending = f
                    .seat()
                    .claim
                    .is_some_and(|c| c.phase == ClaimPhase::Pending && !c.deleting);
                let helps = f.view.would_make_another_claim(f.seat());
                !f.seat().has_started() && pending && helps && f.view.drifts(f.seat())
            },
            then: super::vacate::release,
        },
        Row {
            name: "learner-loses-claim",
            observed: "the learner has started, and its claim is gone, going, or another one than it started on",
            step: "remove it from the list",
            why: "an ID that has started never boots on an empty volume (2.8 #2); a learner's removal never touches quorum",
            guards: &[&guard::ONE_LIST],
            undo: "add it again",
            hides: false,
            when: |f| {
                let seat = f.seat();
                let goes = seat.claim.is_none_or(|c| c.deleting);
                seat.has_started() && (goes || seat.is_on_another_claim())
            },
            then: leave::remove,
        },
        Row {
            name: "learner-fails",
            observed: "the learner has not started within 15 minutes, or is not in sync within 30 and behind",
            step: "remove it from the list, to try again on a fresh volume",
            why: "one learner that never comes blocks every other (cozystack/etcd-operator#352); removing it never touches quorum",
            guards: &[&guard::ONE_LIST],
            undo: "add it again",
            hides: false,
            when: watchdog::expired,
            then: leave::remove,
        },
        Row {
            name: "file-not-written",
            observed: "the learner has not started, its file is not exactly the live member list, and no pod would start with it on an empty volume that goes",
            step: "write its file: `existing` and the live list with itself",
            why: "on an empty directory the list must equal the live one, or etcd exits (2.6)",
            guards: &[&guard::ONE_LIST],
            undo: "nothing to undo: the file is read only by a member that starts",
            hides: false,
            when: |f| {
                let seat = f.seat();
                let goes = seat.claim.is_some_and(|c| c.deleting);
                let would_start = goes && loss::has_no_log(seat);
                !seat.has_started() && seat.file != Some(&join_life(f)) && !would_start
            },
            then: write_join,
        },
        Row {
            name: "pod-on-old-claim",
            observed: "the learner has not started, and its pod holds a claim that is being deleted, or waits for one that is gone",
            step: "delete the pod, bound to its UID",
            why: "the claim goes only when its pod ends, and a pod made before the new claim hangs on the old (kubernetes#74374)",
            guards: &[&guard::ONE_LIST],
            undo: "nothing to undo: its process serves nobody",
            hides: false,
            when: |f| {
                let seat = f.seat();
                let ends = seat
                    .pod
                    .is_some_and(|p| p.deleting && !f.view.is_pod_stranded(seat));
                let hangs = match seat.claim {
                    Some(claim) => claim.deleting,
                    None => seat.pod.is_some_and(crate::state::Pod::is_stuck),
                };
                !seat.has_started() && seat.pod.is_some() && !ends && hangs
            },
            then: |f| delete_pod(f, f.seat().ordinal),
        },
        Row {
            name: "claim-going",
            observed: "the learner has not started, and the claim that was there before it is still going",
            step: "wait until it is gone",
            why: "the StatefulSet makes the new claim, then the pod, once the old one is gone",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| !f.seat().has_started() && f.seat().claim.is_some_and(|c| c.deleting),
            then: |f| Then::Wait(Condition::ClaimGone(f.seat().ordinal)),
        },
        Row {
            name: "old-template",
            observed: "the learner does not answer, and its pod cannot start and is older than the template",
            step: "delete the pod, bound to its UID",
            why: "a template mended in Git reaches a pod only when it is made again (2.8 #5)",
            guards: &[&guard::ONE_LIST],
            undo: "nothing to undo: its process was not running",
            hides: false,
            when: |f| {
                let seat = f.seat();
                let stuck = seat.pod.is_some_and(|p| p.is_stuck() && !p.deleting);
                !seat.answers() && stuck && f.view.is_old(seat)
            },
            then: |f| delete_pod(f, f.seat().ordinal),
        },
        Row {
            name: "not-started",
            observed: "the learner is listed, its file is written, and replicas does not reach its ordinal",
            step: "raise replicas to this ordinal",
            why: "its claim and pod are made fresh by the StatefulSet",
            guards: &[&guard::ONE_LIST],
            undo: "remove the learner, then lower replicas",
            hides: false,
            when: |f| f.view.replicas() <= f.seat().ordinal.0,
            then: |f| start(f, f.seat().ordinal),
        },
        Row {
            name: "starting",
            observed: "its pod is made, and its client port does not answer yet",
            step: "wait until it answers",
            why: "Ready is not serving: the client port may come up seconds later (2.7)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| !f.seat().answers(),
            then: |f| Then::Wait(Condition::Started(f.seat().ordinal)),
        },
        Row {
            name: "catching-up",
            observed: "the learner answers, and three probes within 1,000 entries are not yet had",
            step: "wait until it has caught up",
            why: "etcd's own rule promotes 10 % behind, and even a dead learner (G6)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| !f.view.is_in_sync(f.seat()),
            then: |f| Then::Wait(Condition::InSync(f.seat().ordinal)),
        },
        Row {
            name: "in-sync",
            observed: "the learner has caught up and answers on its own client port",
            step: "promote it",
            why: "serve, then promote: planned work then costs clients 0.2 s (2.7)",
            guards: &[
                &guard::ONE_LIST,
                &guard::IN_SYNC,
                &guard::CLAIM_STEADY,
                &guard::QUORUM_TOLERANCE,
            ],
            undo: "shrink by one",
            hides: false,
            when: |f| f.seat().is_learner(),
            then: |f| {
                let seat = f.seat();
                seat.member.map_or(Then::Pass, |m| {
                    Then::act(Act::Promote {
                        ordinal: seat.ordinal,
                        member: m.id,
                    })
                })
            },
        },
    ],
};

fn add(f: &Focus) -> Then {
    let ordinal = f.seat().ordinal;
    Then::act(Act::AddLearner {
        ordinal,
        peer_url: f.view.spec.peer_url(ordinal),
    })
}

fn is_earlier(f: &Focus) -> bool {
    !f.seat().has_started() && f.seat().is_on_earlier_claim()
}

/// The live list as the joiner must see it: a member that has not started has no name yet, so its seat gives it.
fn join_text(f: &Focus) -> String {
    let spec = f.view.spec;
    let members: Vec<(String, String)> = f
        .view
        .seats()
        .filter(|s| s.is_listed())
        .map(|s| (spec.pod_name(s.ordinal), spec.peer_url(s.ordinal)))
        .collect();
    member_file::join(spec, f.seat().ordinal, &members)
}

fn join_life(f: &Focus) -> MemberFile {
    MemberFile::parse(&join_text(f)).expect("a file we render has its membership keys")
}

fn write_join(f: &Focus) -> Then {
    let ordinal = f.seat().ordinal;
    let Some(live) = f.view.kube.objects.get(&ObjectKind::ConfigMap) else {
        return Then::Pass;
    };
    Then::act(Act::WriteMemberFile {
        ordinal,
        life: FileLife::Join,
        uid: live.uid.clone(),
        object: f.view.object_key(ObjectKind::ConfigMap),
        text: join_text(f),
    })
}
