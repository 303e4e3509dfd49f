//! A voter that does not answer: wait for one that is coming up, refuse to plan around one that is not.

use super::procedure::{About, Condition, Facts, Focus, Procedure, Row, Then};

pub(super) const REPAIR: Procedure = Procedure {
    name: "repair",
    title: "every voter answers and sees the leader",
    source: "etcd-operations.md G1, P4, P13, 2.8 #4, #17",
    subjects: |view| {
        if !view.is_born() {
            return Vec::new();
        }
        if view.membership().is_none() {
            return vec![About::Cluster];
        }
        let voters = view.voters().filter(|s| !view.is_healthy(s));
        voters.map(|s| About::Seat(s.ordinal)).collect()
    },
    rows: &[
        Row {
            name: "no-list",
            observed: "the cluster has lived, and its member list cannot be read linearizably, but pods are coming up",
            step: "wait for a quorum",
            why: "starting what is merely down is the only loss-free way back (P13)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.about == About::Cluster && coming_up(f),
            then: |_| Then::Wait(Condition::Quorum),
        },
        Row {
            name: "quorum-unknown",
            observed: "the cluster has lived, its member list cannot be read linearizably, and no pod is coming up",
            step: "refuse",
            why: "without a linearizable list nothing about members may be changed (2.8 #17)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| f.about == About::Cluster,
            then: |f| {
                Then::Refuse(Facts {
                    code: "quorum-unknown",
                    found: format!(
                        "the member list cannot be read: {}",
                        f.view.observed.etcd.membership.why_unknown().unwrap_or("no reason given")
                    ),
                    unblock: "bring the pods back on the volumes they have; nothing here is wiped or removed without a list".into(),
                })
            },
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
            observed: "a voter does not answer, and its pod cannot start",
            step: "refuse: replacing it is not yet possible",
            why: "a member is given up only when its data is proven lost (2.8 #4)",
            guards: &[],
            undo: "",
            hides: false,
            when: |_| true,
            then: |f| {
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
                    unblock: "mend what keeps the pod from starting; its volume and its member stay as they are".into(),
                })
            },
        },
    ],
};

/// Pods exist, and none of those that do not answer is stuck.
fn coming_up(f: &Focus) -> bool {
    let silent = || f.view.seats().filter(|s| s.status.is_none());
    f.view.replicas() > 0 && silent().all(|s| s.pod.is_none_or(|p| !p.is_stuck()))
}
