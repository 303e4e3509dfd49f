//! P3: shrink by one voter at a time, from the top: drain, move, remove.

use super::guard::{self, Guard, Verdict};
use super::procedure::{About, Condition, Facts, Focus, Procedure, Row, Then};
use super::step::Act;
use super::view::Seat;
use crate::state::Pod;

/// All that the removal will ask, and more: a member that may not leave keeps serving.
const BEFORE_DRAIN: &[&Guard] = &[
    &guard::ONE_LIST,
    &guard::UNPROTECTED,
    &guard::ALL_HEALTHY,
    &guard::NO_LEARNER,
    &guard::TOP_ONLY,
    &guard::SERVING_LEFT,
    &guard::LEADER_HAS_HEIR,
    &guard::STABLE,
    &guard::QUORUM_TOLERANCE,
];

/// The pod of this seat is drained for a shrink that is refused as things are.
pub(super) fn is_refused(f: &Focus, pod: &Pod) -> bool {
    let act = Act::Drain {
        ordinal: f.seat().ordinal,
        pod: pod.uid.clone(),
    };
    // A voter that is coming up is waited for: drained and put back for a hiccup is two interruptions for clients.
    let recovers = |s: &Seat| !f.view.is_healthy(s) && s.pod.is_none_or(|p| !p.is_stuck());
    if f.view.voters().any(recovers) {
        return false;
    }
    // A change that is not yet possible hides the removal that the drain was for.
    super::change::is_pending(f.view)
        || BEFORE_DRAIN
            .iter()
            .any(|guard| matches!(guard.ask(f, &act), Verdict::No(_)))
}

pub(super) const SHRINK: Procedure = Procedure {
    name: "shrink",
    title: "no voter sits on an ordinal that Git does not want",
    source: "etcd-operations.md P3, G4, G8, 2.7, 2.8 #7",
    subjects: |view| {
        let victim = view.victim().filter(|_| view.membership().is_some());
        victim.map(|s| About::Seat(s.ordinal)).into_iter().collect()
    },
    rows: &[
        Row {
            name: "serving",
            observed: "the top voter is not wanted, and its pod takes part in the client Service",
            step: "drain: take its serving label off",
            why: "clients that move away first lose nothing when it goes (2.7: 0.20 s longest gap, no failed put)",
            guards: BEFORE_DRAIN,
            undo: "put the label back",
            hides: false,
            when: |f| f.seat().pod.is_some_and(|p| p.serving_label && !p.deleting),
            then: |f| {
                let seat = f.seat();
                seat.pod.map_or(Then::Pass, |pod| {
                    Then::act(Act::Drain {
                        ordinal: seat.ordinal,
                        pod: pod.uid.clone(),
                    })
                })
            },
        },
        Row {
            name: "endpoint-left",
            observed: "its pod is drained, and still an endpoint of the client Service",
            step: "wait until the endpoint is gone",
            why: "a new connection to a dead pod costs its client a time-out (2.7)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.view.kube.serving.contains(&f.seat().ordinal),
            then: |f| Then::Wait(Condition::NotServing(f.seat().ordinal)),
        },
        Row {
            name: "leader",
            observed: "it is drained, and it is the leader",
            step: "move leadership to the voter furthest ahead that stays",
            why: "removing the leader directly stops writes for 2 s (2.7)",
            guards: &[&guard::ONE_LIST],
            undo: "nothing to undo: any healthy voter may lead",
            hides: false,
            when: |f| f.view.leader().is_some() && f.view.leader() == f.seat().member.map(|m| m.id),
            then: |f| {
                let from = f.seat().ordinal;
                let to = f.view.transferee();
                match to.and_then(|s| Some((s.ordinal, s.member?.id))) {
                    Some((to, transferee)) => Then::act(Act::MoveLeader { from, to, transferee }),
                    None => Then::Refuse(Facts {
                        code: "no-transferee",
                        found: "no other voter that stays is healthy, serves clients and owns a steady claim".into(),
                        unblock: "bring another voter back first".into(),
                    }),
                }
            },
        },
        Row {
            name: "listed",
            observed: "it is drained, does not lead, and is in the list",
            step: "remove it from the list",
            why: "before its pod goes: the reverse order spends one tolerance for nothing",
            guards: &[
                &guard::ONE_LIST,
                &guard::UNPROTECTED,
                &guard::ALL_HEALTHY,
                &guard::NO_LEARNER,
                &guard::TOP_ONLY,
                &guard::STABLE,
                &guard::QUORUM_TOLERANCE,
            ],
            undo: "grow by one: a fresh member on a fresh volume",
            hides: false,
            when: |f| f.seat().is_voter(),
            then: |f| {
                let seat = f.seat();
                seat.member.map_or(Then::Pass, |m| {
                    Then::act(Act::RemoveMember {
                        ordinal: seat.ordinal,
                        member: m.id,
                    })
                })
            },
        },
    ],
};
