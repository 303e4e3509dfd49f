//! Named conditions that must hold right before a step (etcd-operations.md 2.2, with 2.8 where they differ).

use super::journal::ATTEMPTS_EXPIRE;
use super::leave::Leave;
use super::procedure::{About, Condition, Facts, Focus};
pub use super::room::ROOM;
use super::step::{Act, down, voters_after, without};
use super::view::{Seat, quorum, tolerance};
use crate::fleet::Ordinal;
use crate::state::{AlarmKind, ClaimPhase};

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
    &NO_ALARM,
    &CLAIM_STEADY,
    &REST_SERVES,
    &DOWNTIME_ALLOWED,
    &ATTEMPTS_LEFT,
    &EARLIER_LIFE,
    &ROOM,
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
    title: "no leader change for ten election timeouts but those we asked for; not asked of the way back to tolerance",
    check: |f, act| {
        // Frozen at tolerance 0 by an unsteady leader is worse than a learner added meanwhile (2.8 #9).
        let refills = matches!(act, Act::AddLearner { .. }) && f.view.voter_count() > 1;
        match f.view.stable_at() {
            _ if refills && f.view.tolerance() <= 0 => Verdict::Holds,
            Some(at) if f.view.now() >= at => Verdict::Holds,
            _ => Verdict::NotYet(Condition::Stable),
        }
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
        // Draining serves a removal or a restart: what that may not do is refused before clients are moved.
        let restarts = |o: Ordinal| f.view.leaving() == Some((o, Leave::Restart));
        let (n, h) = match act {
            // It is taken for a member that is drained next.
            Act::TakeSnapshot => without(f.view, f.seat().ordinal),
            Act::Drain { ordinal, .. } if restarts(*ordinal) => down(f.view, *ordinal),
            Act::Drain { ordinal, .. } => without(f.view, *ordinal),
            act => voters_after(f.view, act),
        };
        let left = tolerance(h, n);
        let floor = i64::from(f.view.spec.policy.min_tolerance).min(f.view.tolerance());
        if f.view.healthy_count() >= quorum(f.view.voter_count()) && left >= floor.max(0) {
            return Verdict::Holds;
        }
        let verb = match act {
            Act::TakeSnapshot => "drain",
            act => act.verb(),
        };
        Verdict::No(Facts {
            code: "quorum-tolerance",
            found: format!(
                "{verb} leaves {h} healthy of {n} voters, tolerance {left}; expected at least {}",
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
    title: "if it leads, another voter that is healthy, serves clients and owns a steady claim can take over",
    check: |f, _| {
        let seat = f.seat();
        let leads = f.view.leader().is_some() && f.view.leader() == seat.member.map(|m| m.id);
        if !leads || f.view.transferee().is_some() {
            return Verdict::Holds;
        }
        // An endpoint follows its label by itself.
        if let Some(coming) = f.view.heirs().first() {
            return Verdict::NotYet(Condition::Serving(coming.ordinal));
        }
        Verdict::No(Facts {
            code: "leader-has-heir",
            found: format!(
                "{} leads, and no other voter is healthy, serves clients and owns a steady claim",
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
    check: |f, act| {
        // On a seat that Git wants, a removed member's claim only makes room for the next one.
        let refills = matches!(act, Act::ReleaseClaim { ordinal, .. } if f.view.seat(*ordinal).wanted && f.view.is_born());
        // One whose volume goes anyway is given up by whoever took it.
        let unsteady = |o| f.view.seat(o).in_target() && f.view.unsteady(f.view.seat(o)).is_some();
        let lost = matches!(f.about, About::Seat(o) if unsteady(o));
        if !f.view.spec.policy.protected || refills || lost {
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
        // Of a volume that is gone nothing can be kept.
        let there = seat.claim.filter(|c| c.phase != ClaimPhase::Lost);
        match there.map(|c| &c.volume) {
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

pub const NO_ALARM: Guard = Guard {
    id: "no-alarm",
    source: "G2, P8",
    title: "the alarms were read, and none stands: planned work does not begin while writes are refused",
    check: |f, act| {
        if matches!(act, Act::AddLearner { .. }) && f.seat().is_left() {
            return Verdict::Holds; // the way back to tolerance
        }
        let found = match f.view.observed.etcd.alarms.known() {
            None => {
                let why = f.view.observed.etcd.alarms.why_unknown();
                format!(
                    "the alarms are not known: {}",
                    why.unwrap_or("no reason given")
                )
            }
            Some(all) if all.is_empty() => return Verdict::Holds,
            Some(all) => {
                let kinds = all.iter().map(|a| match a.kind {
                    AlarmKind::NoSpace => format!("NOSPACE of member {}", a.member),
                    AlarmKind::Corrupt => format!("CORRUPT of member {}", a.member),
                });
                format!("alarms stand: {}", kinds.collect::<Vec<_>>().join(", "))
            }
        };
        Verdict::No(Facts {
            code: "no-alarm",
            found,
            unblock: "clear the alarm first; repairs go on meanwhile".into(),
        })
    },
};

pub const CLAIM_STEADY: Guard = Guard {
    id: "claim-steady",
    source: "2.8 #2",
    title: "its claim is bound, not being deleted, and the one that its data was seen on",
    check: |f, _| {
        let seat = f.seat();
        let name = f.view.spec.claim_name(seat.ordinal);
        let found = match seat.claim {
            None => format!("claim {name} is gone"),
            Some(c) if c.deleting => format!("claim {name} is being deleted"),
            Some(c) if c.phase != ClaimPhase::Bound => format!("claim {name} is {:?}", c.phase),
            Some(_) if seat.is_on_another_claim() => {
                format!("claim {name} is another one than its data was on")
            }
            Some(_) => return Verdict::Holds,
        };
        Verdict::No(Facts {
            code: "claim-steady",
            found: format!("{found}, expected it bound and to stay: a restart would lose its data"),
            unblock: "leave the pod running; a member whose claim goes is replaced, not restarted"
                .into(),
        })
    },
};

pub const REST_SERVES: Guard = Guard {
    id: "rest-serves",
    source: "2.7, 2.8 #18",
    title: "every other voter is a ready endpoint of the client Service again",
    check: |f, _| {
        let seat = f.seat();
        let others = f.view.voters().filter(|s| s.ordinal != seat.ordinal);
        let labelled = |s: &&Seat| s.pod.is_some_and(|p| p.serving_label && !p.deleting);
        let mut late = others
            .filter(labelled)
            .filter(|s| !f.view.kube.serving.contains(&s.ordinal));
        late.next().map_or(Verdict::Holds, |s| {
            Verdict::NotYet(Condition::Serving(s.ordinal))
        })
    },
};

pub const DOWNTIME_ALLOWED: Guard = Guard {
    id: "downtime-allowed",
    source: "G3",
    title: "policy.allowDowntime: without this member there is no quorum until it is back",
    check: |f, _| {
        if f.view.spec.policy.allow_downtime {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "downtime",
            found: format!(
                "{} voters: while one restarts nobody can write",
                f.view.voter_count()
            ),
            unblock: "set policy.allowDowntime to true for this change, or grow to 3 members first"
                .into(),
        })
    },
};

/// Tries before a person must look (P2).
const MOST_ATTEMPTS: u32 = 2;

pub const ATTEMPTS_LEFT: Guard = Guard {
    id: "attempts-left",
    source: "P2 watchdog, 2.8 #19",
    title: "no two members in a row have failed to start on this seat within the hour",
    check: |f, _| {
        let seat = f.seat();
        let Some(record) = seat.record.filter(|r| r.attempts >= MOST_ATTEMPTS) else {
            return Verdict::Holds;
        };
        let recent = |at| f.view.now().duration_since(at) < ATTEMPTS_EXPIRE;
        if !record.leaving {
            return Verdict::Holds; // the last one is on its way, or etcd would not add it yet
        }
        let same = record.stamp.as_ref() == Some(&f.view.objects.stamp);
        if !same || !record.added_at.is_some_and(recent) {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "learner-fails",
            found: format!(
                "{} learners in a row did not become voters as {}",
                record.attempts,
                f.view.spec.pod_name(seat.ordinal)
            ),
            unblock: "find out why it does not start or does not catch up (its log, its node, its volume); it is tried again once Git changes its template, or an hour after the last time".into(),
        })
    },
};

pub const EARLIER_LIFE: Guard = Guard {
    id: "earlier-life",
    source: "2.8 #8, I3",
    title: "the claim was there before this member was added or has no volume, and the member has never started",
    check: |f, _| {
        let seat = f.seat();
        let bare = seat
            .claim
            .is_some_and(|c| c.phase == ClaimPhase::Pending && c.volume.is_none());
        let not_its_own = bare || seat.is_on_earlier_claim();
        if f.view.membership().is_some() && !seat.has_started() && not_its_own {
            return Verdict::Holds;
        }
        Verdict::No(Facts {
            code: "earlier-life",
            found: format!(
                "the claim of {} may hold its own data",
                f.view.spec.pod_name(seat.ordinal)
            ),
            unblock: "what may hold the data of a listed member is never given up".into(),
        })
    },
};
