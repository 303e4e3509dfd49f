//! P4 and P13: a voter that does not answer. What is merely down comes back, what is proven lost is removed, and
//! nothing is taken for lost.

use super::guard;
use super::leave;
use super::procedure::{About, Condition, Facts, Focus, Procedure, Row, Then};
use super::quorum_lost;
use super::step::Act;
use super::view::Seat;

pub(super) const REPAIR: Procedure = Procedure {
    name: "repair",
    title: "every voter answers and sees the leader",
    source: "etcd-operations.md G1, P4, P13, 2.8 #4, #10, #14, #17",
    subjects: |view| {
        if !view.is_born() {
            return Vec::new();
        }
        if view.membership().is_none() {
            return vec![About::Cluster];
        }
        // All whose data is lost before any other: added to, a cluster with dead voters only has more to lose.
        let sick = || view.voters().filter(|s| !view.is_healthy(s));
        let lost = sick().filter(|s| view.data_lost(s).is_some());
        let others = sick().filter(|s| view.data_lost(s).is_none());
        lost.chain(others).map(|s| About::Seat(s.ordinal)).collect()
    },
    rows: &[
        Row {
            name: "lists-disagree",
            observed: "members that answer give different member lists",
            step: "wait until they agree",
            why: "a change reaches each member a moment later; lists that stay apart are split brain or a broken store (etcd-io/etcd#18347)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.about == About::Cluster && f.view.observed.etcd.disagreement.is_some(),
            then: |_| Then::Wait(Condition::OneList),
        },
        Row {
            name: "no-list",
            observed: "the cluster has lived, and its member list cannot be read linearizably, but pods are coming up, or all answer and may yet elect a leader",
            step: "wait for a quorum",
            why: "starting what is merely down is the only loss-free way back (P13)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.about == About::Cluster && coming_up(f),
            then: |_| Then::Wait(Condition::Quorum),
        },
        Row {
            name: "quorum-old-template",
            observed: "no list can be read, and a pod that cannot start is older than the template",
            step: "delete that pod, bound to its UID",
            why: "a template mended in Git reaches a pod only when it is made again; its volume stays (2.8 #5)",
            guards: &[],
            undo: "nothing to undo: its process was not running",
            hides: false,
            when: |f| f.about == About::Cluster && quorum_lost::stuck_on_old(f.view).is_some(),
            then: |f| {
                let stuck = quorum_lost::stuck_on_old(f.view);
                stuck.map_or(Then::Pass, |ordinal| delete_pod(f, ordinal))
            },
        },
        Row {
            name: "quorum-unknown",
            observed: "the cluster has lived, its member list cannot be read linearizably, and no pod is coming up: one cannot, or all answer and have known no leader for a minute (ten election timeouts, if that is longer)",
            step: "refuse, with what is known of every member and the ways back",
            why: "without a linearizable list nothing about members may be changed (2.8 #17)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| f.about == About::Cluster,
            then: |f| Then::Refuse(quorum_lost::facts(f.view)),
        },
        Row {
            name: "data-lost",
            observed: "a voter does not answer, and its data is proven to be gone: its claim is absent, Lost, another one, or going under a pod that cannot run, or no voter is connected to it and its node is gone or its volume is seen to be empty",
            step: "remove it from the list",
            why: "first out, then in: added first, its successor would raise quorum above the living (P4, etcd-io/etcd#6103); all that are lost before any is added (2.8 #10)",
            guards: &[&guard::ONE_LIST, &guard::QUORUM_TOLERANCE],
            undo: "nothing to undo: its seat is filled again from a healthy voter's data",
            hides: false,
            when: |f| f.view.data_lost(f.seat()).is_some(),
            then: leave::remove,
        },
        Row {
            name: "old-template",
            observed: "a voter's process does not run, no voter is connected to it, and its pod is older than the template",
            step: "delete its pod, bound to its UID",
            why: "it is down already, and comes back on its volume with what Git says now (2.8 #4, #5)",
            guards: &[&guard::CLAIM_STEADY],
            undo: "nothing to undo: its process was not running",
            hides: false,
            when: |f| {
                let seat = f.seat();
                let down = seat
                    .pod
                    .is_some_and(|p| p.is_stuck() && !p.ready && !p.deleting);
                down && f.view.is_old(seat) && f.view.is_connected(seat) != Some(true)
            },
            then: |f| delete_pod(f, f.seat().ordinal),
        },
        Row {
            name: "coming-up",
            observed: "a voter does not answer, and its pod is starting",
            step: "wait for it",
            why: "a process that is merely down loses nothing by being waited for",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| {
                f.seat().pod.is_none_or(|p| !p.is_stuck()) && f.seat().ordinal.0 < f.view.replicas()
            },
            then: |f| Then::Wait(Condition::MemberUp(f.seat().ordinal)),
        },
        Row {
            name: "member-down",
            observed: "a voter does not answer, its pod cannot start, and nothing proves that its data is lost",
            step: "refuse",
            why: "a member is given up only when its data is proven lost (2.8 #4)",
            guards: &[],
            undo: "",
            hides: false,
            when: |_| true,
            then: member_down,
        },
    ],
};

fn member_down(f: &Focus) -> Then {
    let seat = f.seat();
    let waiting = seat.pod.and_then(|p| p.waiting.clone());
    let words = seat.pod.and_then(|p| p.last_words.clone());
    Then::Refuse(Facts {
        code: "member-down",
        found: format!(
            "{} does not answer: {}{}",
            f.view.spec.pod_name(seat.ordinal),
            waiting.unwrap_or_else(|| "it has no pod".into()),
            words.map_or_else(String::new, |w| format!("; its last words: {w}")),
        ),
        unblock:
            "mend what keeps the pod from starting; its volume and its member stay as they are"
                .into(),
    })
}

/// So that it is made again; waiting for nobody's word where its node is gone.
pub(super) fn delete_pod(f: &Focus, ordinal: crate::fleet::Ordinal) -> Then {
    let seat = f.view.seat(ordinal);
    seat.pod.map_or(Then::Pass, |pod| {
        Then::act(Act::DeletePod {
            ordinal,
            pod: pod.uid.clone(),
            force: f.view.is_pod_stranded(seat),
        })
    })
}

/// Pods exist, and none of those that do not answer is stuck; or all answer, and may be about to elect a leader.
fn coming_up(f: &Focus) -> bool {
    let silent = || f.view.seats().filter(|s| s.status.is_none());
    let comes = |s: &Seat| s.pod.is_none_or(|p| !p.is_stuck()) && !f.view.is_pod_stranded(s);
    let hope = !f.view.elects_nobody() || silent().any(|s| s.in_set || s.pod.is_some());
    f.view.replicas() > 0 && hope && silent().all(comes)
}
