//! P9, P10 within one minor: members come into a new template one by one.

use super::guard::{self, Guard};
use super::leave::{self, Leave};
use super::procedure::{Focus, Procedure, Row, Then};
use super::step::{Act, RestartBy};
use super::view::quorum;

pub(super) const ROLL: Procedure = Procedure {
    name: "roll",
    title: "every member runs with the settings that Git says",
    source: "etcd-operations.md P9, P10, G3, G8, 2.7, 2.8 #16, #20",
    subjects: |view| leave::subjects(view, Leave::Restart),
    rows: &[
        Row {
            name: "no-quorum-without",
            observed: "a voter's pod is older than the template, and without it there is no quorum",
            step: "delete its pod, bound to its UID",
            why: "one or two members cannot be restarted without a moment in which nobody can write",
            guards: RESTART_ALONE,
            undo: "put the settings back, and it restarts once more",
            hides: false,
            when: |f| !quorum_stays(f),
            then: |f| restart(f, RestartBy::Deletion),
        },
        leave::serving(
            "a voter's pod is older than the template, and takes part in the client Service",
            Leave::Restart,
        ),
        leave::endpoint_left(),
        leave::leader(),
        Row {
            name: "drained",
            observed: "it is drained, does not lead, and its pod is older than the template",
            step: "evict its pod, bound to its UID",
            why: "eviction is atomic against the PodDisruptionBudget, whoever else drains nodes (2.8 #16)",
            guards: RESTART,
            undo: "put the settings back, and it restarts once more",
            hides: false,
            when: |_| true,
            then: |f| restart(f, RestartBy::Eviction),
        },
    ],
};

const RESTART: &[&Guard] = &[
    &guard::ONE_LIST,
    &guard::ALL_HEALTHY,
    &guard::NO_LEARNER,
    &guard::CLAIM_STEADY,
    &guard::STABLE,
    &guard::QUORUM_TOLERANCE,
];

const RESTART_ALONE: &[&Guard] = &[
    &guard::ONE_LIST,
    &guard::ALL_HEALTHY,
    &guard::NO_LEARNER,
    &guard::NO_ALARM,
    &guard::CLAIM_STEADY,
    &guard::STABLE,
    &guard::DOWNTIME_ALLOWED,
];

fn quorum_stays(f: &Focus) -> bool {
    let voters = f.view.voter_count();
    voters.saturating_sub(1) >= quorum(voters)
}

fn restart(f: &Focus, by: RestartBy) -> Then {
    let seat = f.seat();
    seat.pod.map_or(Then::Pass, |pod| {
        Then::act(Act::RestartMember {
            ordinal: seat.ordinal,
            pod: pod.uid.clone(),
            by,
        })
    })
}
