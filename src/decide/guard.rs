//! Named conditions that must hold right before a step (etcd-operations.md 2.2, with 2.8 where they differ).

use super::procedure::{Condition, Facts, Focus};
use super::step::{Act, voters_after, without};
use super::view::{Seat, quorum, tolerance};

/// One guard: asked on the observation the step is decided on, and so on every re-observation before it.
pub struct Guard {
    pub id: &'static str,
    /// The guard's number in etcd-operations.md.
    pub source: &'static str,
    pub title: &'static str,
    pub check: fn(&Focus, &Act) -> Verdict,
}

pub enum Verdict {
    Holds,
    /// Comes about by itself.
    NotYet(Condition),
    No(Facts),
}

/// Every guard there is, for `explain` and the generated documents.
pub const ALL: &[&Guard] = &[
    &ALL_HEALTHY,
    &STABLE,
    &NO_LEARNER,
    &SEAT_EMPTY,
    &ONE_LIST,
    &IN_SYNC,
    &QUORUM_TOLERANCE,
    &SERVING_LEFT,
    &LEADER_HAS_HEIR,
    &UNPROTECTED,
    &VOLUME_RETAINED,
    &NOT_LISTED,
    &TOP_ONLY,
];

pub const ALL_HEALTHY: Guard = Guard {
    id: "all-healthy",
    source: "G2",
    title: "every voter is healthy: planned work starts from a whole cluster",
    check: |f, _| {
        let sick: Vec<String> = f
            .view
            .voters()
            .filter(|s| !f.view.is_healthy(s))
            .map(|s| f.view.spec.pod_name(s.ordinal))
            .collect();
        if sick.is_empty() && f.view.voter_count() > 0 {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "all-healthy",
            found: format!(
                "{} of {} voters are healthy; not healthy: {}",
                f.view.healthy_count(),
                f.view.voter_count(),
                sick.join(", ")
            ),
            unblock: "bring the members named back first; planned work never starts from a broken cluster".into(),
        })
    },
};

pub const STABLE: Guard = Guard {
    id: "stable",
    source: "G11",
    title: "no leader change for ten election timeouts but those we asked for",
    check: |f, _| match f.view.stable_at() {
        Some(at) if f.view.now() >= at => Verdict::Holds,
        _ => Verdict::NotYet(Condition::Stable),
    },
};

pub const NO_LEARNER: Guard = Guard {
    id: "no-learner",
    source: "G5",
    title: "no learner and no unstarted member is in the list",
    check: |f, _| match f.view.learner() {
        None => Verdict::Holds,
        Some(learner) => Verdict::No(Facts {
            code: "no-learner",
            found: format!(
                "{} is a learner already, and etcd takes one at a time",
                f.view.spec.pod_name(learner.ordinal)
            ),
            unblock: "wait until it is promoted, or remove it".into(),
        }),
    },
};

pub const SEAT_EMPTY: Guard = Guard {
    id: "seat-empty",
    source: "P2 row 0",
    title: "nothing of an earlier member is left on the seat: no pod, no claim",
    check: |f, _| {
        let seat = f.seat();
        if !seat.is_occupied() {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "seat-empty",
            found: format!(
                "{} still has {}",
                f.view.spec.pod_name(seat.ordinal),
                match (seat.pod, seat.claim) {
                    (Some(_), _) => "a pod",
                    (None, Some(_)) => "a claim",
                    (None, None) => "a place in the StatefulSet",
                }
            ),
            unblock: "a joiner that boots on an old log breaks the rejoin (etcd-io/etcd#14805); remove what is left, its volume retained".into(),
        })
    },
};

pub const ONE_LIST: Guard = Guard {
    id: "one-list",
    source: "G14",
    title: "the member list was read linearizably and every reachable member agrees",
    check: |f, _| match f.view.observed.etcd.membership.why_unknown() {
        None => Verdict::Holds,
        Some(why) => Verdict::No(Facts {
            code: "one-list",
            found: format!("the member list is not known: {why}"),
            unblock: "without a linearizable list nothing about members is changed".into(),
        }),
    },
};

pub const IN_SYNC: Guard = Guard {
    id: "in-sync",
    source: "G6",
    title: "three probes at least a second apart within 1,000 entries, and the learner's own client port answers",
    check: |f, _| {
        let seat = f.seat();
        if f.view.is_in_sync(seat) {
            Verdict::Holds
        } else {
            Verdict::NotYet(Condition::InSync(seat.ordinal))
        }
    },
};

pub const QUORUM_TOLERANCE: Guard = Guard {
    id: "quorum-tolerance",
    source: "G4",
    title: "after the step the healthy voters are a quorum, and tolerance is not below min(now, policy.minTolerance)",
    check: |f, act| {
        // Draining serves a removal: what the removal may not do is refused before clients are moved.
        let (n, h) = match act {
            Act::Drain { ordinal, .. } => without(f.view, *ordinal),
            act => voters_after(f.view, act),
        };
        let left = tolerance(h, n);
        let floor = i64::from(f.view.spec.policy.min_tolerance).min(f.view.tolerance());
        if f.view.healthy_count() >= quorum(f.view.voter_count()) && left >= floor.max(0) {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "quorum-tolerance",
            found: format!(
                "{} leaves {h} healthy of {n} voters, tolerance {left}; expected at least {}",
                act.verb(),
                floor.max(0)
            ),
            unblock: "repair unhealthy members first, or lower policy.minTolerance".into(),
        })
    },
};

pub const SERVING_LEFT: Guard = Guard {
    id: "serving-left",
    source: "2.8 #18",
    title: "another healthy voter stays a ready endpoint of the client Service",
    check: |f, _| {
        let seat = f.seat();
        let others = || {
            let others = f.view.voters().filter(|s| s.ordinal != seat.ordinal);
            others.filter(|s| s.pod.is_some_and(|p| p.serving_label && !p.deleting))
        };
        let serves = |s: &&Seat| f.view.kube.serving.contains(&s.ordinal);
        if others().any(|s| serves(&s)) {
            return Verdict::Holds;
        }
        // An endpoint follows its label by itself.
        if let Some(coming) = others().find(|s| f.view.is_healthy(s)) {
            return Verdict::NotYet(Condition::Serving(coming.ordinal));
        }
        Verdict::No(Facts {
            code: "serving-left",
            found: format!(
                "without {} no member serves clients",
                f.view.spec.pod_name(seat.ordinal)
            ),
            unblock: "wait until another member is a ready endpoint of the client Service".into(),
        })
    },
};

pub const LEADER_HAS_HEIR: Guard = Guard {
    id: "leader-has-heir",
    source: "G8, 2.8 #21",
    title: "if it leads, a healthy voter that stays, serves clients and owns a steady claim can take over",
    check: |f, _| {
        let seat = f.seat();
        let leads = f.view.leader().is_some() && f.view.leader() == seat.member.map(|m| m.id);
        if !leads || f.view.transferee().is_some() {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "leader-has-heir",
            found: format!(
                "{} leads, and no other voter that stays is healthy, serves clients and owns a steady claim",
                f.view.spec.pod_name(seat.ordinal)
            ),
            unblock: "bring another voter back first".into(),
        })
    },
};

pub const UNPROTECTED: Guard = Guard {
    id: "unprotected",
    source: "design.md 11",
    title: "policy.protected is not set: this gives up a volume, lowers the member count or bootstraps",
    check: |f, _| {
        if !f.view.spec.policy.protected {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "protected",
            found: "policy.protected is true, and this step is destructive".into(),
            unblock: "set policy.protected to false in a commit of its own, apply, and set it back"
                .into(),
        })
    },
};

pub const VOLUME_RETAINED: Guard = Guard {
    id: "volume-retained",
    source: "G13",
    title: "the claim's volume outlives it: reclaim policy Retain, or never bound",
    check: |f, _| {
        let seat = f.seat();
        match seat.claim.map(|c| &c.volume) {
            None | Some(None) => Verdict::Holds,
            Some(Some(volume)) => match volume.known() {
                Some(v) if v.reclaim_policy == "Retain" => Verdict::Holds,
                Some(v) => Verdict::No(Facts {
                    code: "volume-retained",
                    found: format!(
                        "volume {} has reclaim policy {}, expected Retain",
                        v.name, v.reclaim_policy
                    ),
                    unblock: "the step before this one sets it; see why it did not last".into(),
                }),
                None => Verdict::NotYet(Condition::ClaimSettled(seat.ordinal)),
            },
        }
    },
};

pub const NOT_LISTED: Guard = Guard {
    id: "not-listed",
    source: "I3",
    title: "the seat's URL is absent from the linearizable list: its data belongs to no member",
    check: |f, _| {
        let seat = f.seat();
        if f.view.membership().is_some() && !seat.is_listed() {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "not-listed",
            found: format!(
                "{} is in the member list, or the list is not known",
                f.view.spec.pod_name(seat.ordinal)
            ),
            unblock:
                "the member is removed first; what holds the data of a member is never given up"
                    .into(),
        })
    },
};

pub const TOP_ONLY: Guard = Guard {
    id: "top-only",
    source: "2.8 #7",
    title: "only the top ordinal of the StatefulSet is ever let go",
    check: |f, _| {
        let seat = f.seat();
        if f.view.replicas() == seat.ordinal.0 + 1 {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "top-only",
            found: format!(
                "replicas is {}, and member {} is not the top one",
                f.view.replicas(),
                seat.ordinal
            ),
            unblock: "a StatefulSet can let go only of its top ordinal; a gap in the middle is filled, not shrunk away".into(),
        })
    },
};
