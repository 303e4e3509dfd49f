//! Which member goes down next, and why: one at a time, whatever the reasons are.

use jiff::SignedDuration;

use super::guard::{self, Guard, Verdict};
use super::procedure::{About, Condition, Facts, Focus, Row, Then};
use super::step::Act;
use super::view::{Seat, View};
use crate::fleet::Ordinal;

/// Why a healthy member is to go down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// Its volume will not stay: another member takes its seat.
    Replace,
    /// It runs with an old template and comes back.
    Restart,
    /// Git does not want its seat.
    Shrink,
}

impl View<'_> {
    /// The member that goes down next. None while a learner or a vacant seat is in front: what is half done or missing
    /// is filled first.
    pub fn leaving(&self) -> Option<(Ordinal, Leave)> {
        self.membership()?;
        if self.learner().is_some() {
            return None;
        }
        let vacant = self.seats().any(|s| s.wanted && !s.is_listed());
        let restart = self.first_out(|s| s.wanted && self.is_old(s));
        let restart = restart.map(|o| (o, Leave::Restart));
        // No growing or replacing in the middle of an upgrade.
        if restart.is_some() && self.is_mixed_version() {
            return restart;
        }
        if vacant {
            return None;
        }
        let replace = self.first_out(|s| s.in_target() && self.is_mismatched(s));
        let replace = replace.map(|o| self.spare_first(o).unwrap_or(o));
        let shrink = || self.victim().map(|s| (s.ordinal, Leave::Shrink));
        replace
            .map(|o| (o, Leave::Replace))
            .or(restart)
            .or_else(shrink)
    }

    /// A leader leaves to a voter that stays. Where its spare will not stay either and nobody else is there, the spare
    /// is made again before it.
    fn spare_first(&self, leaves: Ordinal) -> Option<Ordinal> {
        let leads = self.leader_seat().is_some_and(|s| s.ordinal == leaves);
        let mut others = self.voters().filter(|s| s.ordinal != leaves);
        let alone = leads && others.all(|s| self.is_mismatched(s));
        let spare = || self.first_out(|s| s.wanted && !s.in_target() && s.ordinal != leaves);
        alone.then(spare).flatten()
    }

    /// One that is drained already, else a follower, the leader last.
    fn first_out(&self, goes: impl Fn(&Seat) -> bool) -> Option<Ordinal> {
        let leader = self.leader_seat().map(|s| s.ordinal);
        let drained = |s: &Seat| s.pod.is_some_and(|p| !p.serving_label);
        let candidates = self.voters().filter(|s| goes(s));
        candidates
            .min_by_key(|s| (!drained(s), Some(s.ordinal) == leader, s.ordinal))
            .map(|s| s.ordinal)
    }

    /// Its pod was made from an older template than the one that is there, which is Git's: made again, it would be a
    /// new one.
    pub fn is_old(&self, seat: &Seat) -> bool {
        let stamp = Some(&self.objects.stamp);
        let template = self.kube.stateful_set.as_ref();
        let follows = template.is_some_and(|t| t.stamp.as_ref() == stamp);
        follows && seat.pod.is_some_and(|p| p.stamp.as_ref() != stamp)
    }

    /// Members run different versions, or another one than Git says.
    fn is_mixed_version(&self) -> bool {
        let wanted = self.spec.version.to_string();
        let mut said = self.voters().filter_map(|s| s.status);
        said.any(|s| s.version != wanted)
    }
}

/// The subjects of a table about members that leave for this reason.
pub(super) fn subjects(view: &View, why: Leave) -> Vec<About> {
    let leaving = view.leaving().filter(|(_, found)| *found == why);
    leaving.map(|(o, _)| About::Seat(o)).into_iter().collect()
}

/// Asked before a member stops serving clients: all that its going will ask, and more. One that may not go keeps serving.
pub(super) const fn before_drain(why: Leave) -> &'static [&'static Guard] {
    match why {
        Leave::Replace => &[
            &guard::ONE_LIST,
            &guard::UNPROTECTED,
            &guard::ALL_HEALTHY,
            &guard::NO_LEARNER,
            &guard::NO_ALARM,
            &guard::ATTEMPTS_LEFT,
            &guard::SERVING_LEFT,
            &guard::LEADER_HAS_HEIR,
            &guard::STABLE,
            &guard::QUORUM_TOLERANCE,
        ],
        Leave::Restart => &[
            &guard::ONE_LIST,
            &guard::ALL_HEALTHY,
            &guard::NO_LEARNER,
            &guard::NO_ALARM,
            &guard::CLAIM_STEADY,
            &guard::SERVING_LEFT,
            &guard::REST_SERVES,
            &guard::LEADER_HAS_HEIR,
            &guard::STABLE,
            &guard::QUORUM_TOLERANCE,
        ],
        Leave::Shrink => &[
            &guard::ONE_LIST,
            &guard::UNPROTECTED,
            &guard::ALL_HEALTHY,
            &guard::NO_LEARNER,
            &guard::NO_ALARM,
            &guard::TOP_ONLY,
            &guard::SERVING_LEFT,
            &guard::LEADER_HAS_HEIR,
            &guard::STABLE,
            &guard::QUORUM_TOLERANCE,
        ],
    }
}

/// The drained member of this seat may not go as things are: it serves clients again.
pub(super) fn is_refused(f: &Focus, why: Leave) -> bool {
    let Some(pod) = f.seat().pod else {
        return false;
    };
    // A voter that is coming up is waited for: drained and put back for a hiccup is two interruptions for clients.
    let recovers = |s: &Seat| !f.view.is_healthy(s) && s.pod.is_none_or(|p| !p.is_stuck());
    if f.view.voters().any(recovers) {
        return false;
    }
    let act = Act::Drain {
        ordinal: f.seat().ordinal,
        pod: pod.uid.clone(),
    };
    // What is not yet possible hides the step that the drain was for.
    super::change::is_pending(f.view)
        || super::snapshot::is_barred(f, why)
        || before_drain(why)
            .iter()
            .any(|guard| matches!(guard.ask(f, &act), Verdict::No(_)))
}

/// Nothing has been done to it yet.
pub(super) fn is_serving(f: &Focus) -> bool {
    let pod = f.seat().pod;
    pod.is_some_and(|p| p.serving_label && !p.deleting)
}

pub(super) const fn serving(observed: &'static str, why: Leave) -> Row {
    Row {
        name: "serving",
        observed,
        step: "drain: take its serving label off",
        why: "clients that move away first lose nothing when it goes (2.7: 0.20 s longest gap, no failed put)",
        guards: before_drain(why),
        undo: "put the label back",
        hides: false,
        when: is_serving,
        then: |f| {
            let seat = f.seat();
            seat.pod.map_or(Then::Pass, |pod| {
                Then::act(Act::Drain {
                    ordinal: seat.ordinal,
                    pod: pod.uid.clone(),
                })
            })
        },
    }
}

/// A second for kube-proxy's `iptables.minSyncPeriod`, and one for what it has to do.
const PROXIES_HEAR: SignedDuration = SignedDuration::from_secs(2);

pub(super) const fn endpoint_left() -> Row {
    Row {
        name: "endpoint-left",
        observed: "its pod is drained, and still an endpoint of the client Service, or was one until two seconds ago",
        step: "wait until the endpoint is gone, and nodes have heard of it",
        why: "a new connection to a dead pod costs its client a time-out (2.7), and kube-proxy gathers changes for a second (`minSyncPeriod`)",
        guards: &[],
        undo: "",
        hides: false,
        when: |f| {
            let ordinal = f.seat().ordinal;
            let since = f.view.evidence.unserved_since(ordinal);
            let lately =
                since.is_none_or(|at| f.view.observed.at.duration_since(at) < PROXIES_HEAR);
            let drained = f.seat().pod.is_some_and(|p| !p.serving_label);
            f.view.kube.serving.contains(&ordinal) || (drained && lately)
        },
        then: |f| Then::Wait(Condition::NotServing(f.seat().ordinal)),
    }
}

pub(super) const fn leader() -> Row {
    Row {
        name: "leader",
        observed: "it is drained, and it is the leader",
        step: "move leadership to the voter that is furthest ahead: one that stays before one that leaves, one that is done before one that is not",
        why: "stopping or removing the leader directly stops writes for 2 s (2.7)",
        guards: &[&guard::ONE_LIST],
        undo: "nothing to undo: any healthy voter may lead",
        hides: false,
        when: |f| f.view.leader().is_some() && f.view.leader() == f.seat().member.map(|m| m.id),
        then: |f| {
            let from = f.seat().ordinal;
            let to = f.view.transferee();
            match to.and_then(|s| Some((s.ordinal, s.member?.id))) {
                Some((to, transferee)) => Then::act(Act::MoveLeader {
                    from,
                    to,
                    transferee,
                }),
                None => Then::Refuse(Facts {
                    code: "no-transferee",
                    found: "no other voter is healthy, serves clients and owns a steady claim"
                        .into(),
                    unblock: "bring another voter back first".into(),
                }),
            }
        },
    }
}

pub(super) const fn listed(
    why: &'static str,
    undo: &'static str,
    guards: &'static [&'static Guard],
) -> Row {
    Row {
        name: "listed",
        observed: "it is drained, does not lead, and is in the list",
        step: "remove it from the list",
        why,
        guards,
        undo,
        hides: false,
        when: |f| f.seat().is_voter(),
        then: remove,
    }
}

/// Takes the seat's member out of the list.
pub(super) fn remove(f: &Focus) -> Then {
    let seat = f.seat();
    seat.member.map_or(Then::Pass, |m| {
        Then::act(Act::RemoveMember {
            ordinal: seat.ordinal,
            member: m.id,
        })
    })
}
