//! The states of etcd-operations.md 2.8 and its schedules F1 to F5, each as a story with its end.

use super::event::{Cue, Event, Image, Scene};
use super::schedule::{Schedule, Start, Wish};
use super::{Rehearsal, Story};
use crate::state::ObjectKind;

use Cue::{AfterAct, BeforeAct, Now, Rest, Wait};
use Event::{
    ApiAway, ClaimDeleted, DiskDead, Evicted, Frozen, Killed, LeaderMoves, LearnersStall, NodeLost,
    ObjectDeleted, Passes, PodLost, Quota, Size, StrangerJoins, Stuck, TimesOut, Wiped,
};

/// A story with a name.
pub struct State {
    /// `2.8-7`, or `F3` with a word where there are several.
    pub name: &'static str,
    /// What is found, in a line.
    pub title: &'static str,
    start: Start,
    wish: Wish,
    set: Set,
    script: &'static [Scene],
    /// A refusal that some run must end with on the way.
    pub meets: Option<&'static str>,
    /// The code of the refusal that stays; `None`: in sync.
    pub ends: Option<&'static str>,
    /// Verbs that no run may use.
    pub never: &'static [&'static str],
}

/// What is unlike most stories.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    Plain,
    Local,
    Idle,
    MinTolerance,
}

const LATE: Event = TimesOut { after: Some(10) };
const SET: ObjectKind = ObjectKind::StatefulSet;

const fn wish(members: u32) -> Wish {
    Wish::of(members)
}

const fn with_image(members: u32, image: Image) -> Wish {
    Wish {
        image,
        ..Wish::of(members)
    }
}

const fn with_quota(members: u32) -> Wish {
    Wish {
        quota: Some(4),
        ..Wish::of(members)
    }
}

const fn state(
    name: &'static str,
    title: &'static str,
    from: u32,
    wish: Wish,
    script: &'static [Scene],
) -> State {
    State {
        name,
        title,
        start: Start::Living(from),
        wish,
        set: Set::Plain,
        script,
        meets: None,
        ends: None,
        never: &[],
    }
}

impl State {
    const fn set(self, set: Set) -> Self {
        Self { set, ..self }
    }

    const fn meets(self, code: &'static str) -> Self {
        Self {
            meets: Some(code),
            ..self
        }
    }

    const fn ends(self, code: &'static str) -> Self {
        Self {
            ends: Some(code),
            ..self
        }
    }

    const fn never(self, verbs: &'static [&'static str]) -> Self {
        Self {
            never: verbs,
            ..self
        }
    }

    const fn unborn(self) -> Self {
        Self {
            start: Start::Nothing,
            ..self
        }
    }

    /// Its schedule, through the engine or through `decide` alone.
    pub fn schedule(&self, engine: bool) -> Schedule {
        Schedule {
            start: self.start,
            wish: self.wish,
            min_tolerance: u32::from(self.set == Set::MinTolerance),
            local: self.set == Set::Local,
            writes: self.set != Set::Idle,
            settles: false,
            engine,
            script: self.script.to_vec(),
        }
    }

    pub fn tell(&self, rehearsal: &Rehearsal, engine: bool) -> Story {
        rehearsal.tell(self.schedule(engine))
    }

    /// Where the story went otherwise than it should.
    pub fn differs(&self, story: &Story) -> Option<String> {
        if let Some(violation) = &story.violation {
            return Some(violation.to_string());
        }
        if let Some(verb) = self.never.iter().find(|v| story.verbs.contains(*v)) {
            return Some(format!("`{verb}` was done, and never should"));
        }
        let met = |code: &str| story.ends.iter().any(|end| end.names(code));
        match (self.meets, self.ends) {
            (Some(code), _) if !met(code) => Some(format!("no run was refused with {code}")),
            (_, Some(code)) if !story.end.names(code) => {
                Some(format!("ends {}, expected the refusal {code}", story.end))
            }
            (_, None) if story.end != super::End::InSync => {
                Some(format!("ends {}, expected in sync", story.end))
            }
            _ => None,
        }
    }
}

/// Every named story, in the order of 2.8.
pub const STATES: &[State] = &[
    state(
        "2.8-1",
        "StatefulSet absent, and a pod is lost",
        3,
        wish(3),
        &[(Now, ObjectDeleted(SET)), (Now, PodLost(1))],
    ),
    state(
        "2.8-1-single",
        "StatefulSet of one member absent, and its pod is lost",
        1,
        wish(1),
        &[(Now, ObjectDeleted(SET)), (Now, PodLost(0))],
    ),
    state(
        "2.8-2",
        "a voter's claim is deleted, and its pod restarts on a fresh one",
        3,
        wish(3),
        &[(Now, ClaimDeleted(2)), (Now, PodLost(2))],
    ),
    state(
        "2.8-2-terminating",
        "a claim is terminating under a live voter",
        3,
        wish(3),
        &[(Now, ClaimDeleted(1))],
    ),
    state(
        "2.8-3",
        "one pod was never started, and both others lose their volumes",
        3,
        wish(3),
        &[
            (Now, Stuck(2)),
            (AfterAct("poison-file", Some(1)), Wiped(0)),
            (Now, Wiped(1)),
        ],
    )
    .unborn()
    .ends("quorum-unknown"),
    state(
        "2.8-4",
        "bad image in Git, and a pod is lost: its data is intact",
        3,
        with_image(3, Image::Missing),
        &[(BeforeAct("drain", None), PodLost(2))],
    )
    .never(&["remove-member", "release-claim"]),
    state(
        "2.8-5",
        "a learner cannot start because of a bad image, then Git is fixed",
        1,
        with_image(3, Image::Missing),
        &[(Wait(14), Event::Image(Image::Good))],
    ),
    state(
        "2.8-5-service",
        "a learner cannot start because the peer Service was pruned",
        3,
        wish(5),
        &[
            (AfterAct("add-learner", Some(3)), ObjectDeleted(ObjectKind::PeerService)),
            (Now, Killed),
        ],
    ),
    state(
        "2.8-6",
        "5 to 3 while nodes are drained",
        5,
        wish(3),
        &[
            (AfterAct("remove-member", Some(4)), Evicted(0)),
            (Now, Evicted(1)),
            (Now, Evicted(2)),
        ],
    ),
    state(
        "2.8-7",
        "5 to 3 with a dead member in the middle",
        5,
        wish(3),
        &[(Now, DiskDead(1))],
    ),
    state(
        "2.8-8",
        "a removed member's pod crash-loops, and Git wants its seat again",
        5,
        wish(3),
        &[
            (AfterAct("remove-member", Some(4)), Killed),
            (Now, Size(5)),
        ],
    ),
    state(
        "2.8-9",
        "two die, one after a learner was added, the leader changes, minTolerance 1",
        5,
        wish(5),
        &[
            (Now, DiskDead(3)),
            (AfterAct("add-learner", None), DiskDead(1)),
            (Now, LeaderMoves(2)),
        ],
    )
    .set(Set::MinTolerance),
    state(
        "2.8-10",
        "two of five lost their data",
        5,
        wish(5),
        &[(Now, DiskDead(1)), (Now, DiskDead(3))],
    ),
    state(
        "2.8-10-three",
        "one of three lost its data",
        3,
        wish(3),
        &[(Now, DiskDead(1))],
    ),
    state("2.8-11", "an idle cluster grows", 1, wish(3), &[])
        .set(Set::Idle)
        .never(&["remove-member"]),
    state(
        "2.8-12",
        "a spare stands in, and the member it stands in for was just removed",
        3,
        wish(3),
        &[
            (Now, ClaimDeleted(2)),
            (AfterAct("remove-member", Some(2)), Killed),
        ],
    ),
    state(
        "2.8-13",
        "1 to 3 is reverted with a learner in sync",
        1,
        wish(3),
        &[(BeforeAct("promote", Some(1)), Size(1)), (Now, Killed)],
    )
    .never(&["promote"]),
    state(
        "2.8-13-two",
        "two members, and one is down",
        1,
        wish(3),
        &[(AfterAct("promote", Some(1)), PodLost(1)), (Now, Killed)],
    )
    .never(&["remove-member"]),
    state(
        "2.8-14",
        "a node is gone for good",
        3,
        wish(3),
        &[(Now, NodeLost(1)), (Now, Passes(1200))],
    ),
    state(
        "2.8-14-local",
        "a node is gone for good, and the volume with it",
        3,
        wish(3),
        &[(Now, NodeLost(1)), (Now, Passes(1200))],
    )
    .set(Set::Local),
    state(
        "2.8-15",
        "3 to 5 to 3 to 5 within the keep time",
        3,
        wish(5),
        &[(Rest, Size(3)), (Rest, Size(5))],
    ),
    state(
        "2.8-16",
        "a run sleeps between guard and act while another does the work",
        3,
        wish(1),
        &[(
            BeforeAct("remove-member", Some(2)),
            Frozen {
                seconds: 60,
                acts: 6,
            },
        )],
    ),
    state(
        "2.8-16-drain",
        "`kubectl drain` comes right before a restart",
        3,
        with_quota(3),
        &[(BeforeAct("restart-member", None), Evicted(1))],
    ),
    state(
        "2.8-17",
        "quorum lost with an unstarted member present",
        3,
        wish(5),
        &[
            (AfterAct("add-learner", Some(3)), DiskDead(0)),
            (Now, DiskDead(1)),
        ],
    )
    .ends("quorum-unknown"),
    state(
        "2.8-18",
        "killed after a drain, and leadership moves",
        3,
        with_quota(3),
        &[(AfterAct("drain", None), Killed), (Now, LeaderMoves(1))],
    ),
    state(
        "2.8-19",
        "a learner that fails each time",
        1,
        wish(3),
        &[(Now, LearnersStall)],
    )
    .meets("learner-fails"),
    state("2.8-20", "growing restarts nobody", 3, wish(5), &[]).never(&["restart-member"]),
    state(
        "2.8-21",
        "a voter whose URL belongs to no ordinal",
        3,
        wish(1),
        &[(Now, StrangerJoins)],
    )
    .ends("foreign-member")
    .never(&["remove-member"]),
    state(
        "F1",
        "surge: killed while the StatefulSet is absent, a pod and its node are lost",
        3,
        wish(3),
        &[
            (Now, ClaimDeleted(2)),
            (AfterAct("add-learner", Some(3)), ObjectDeleted(SET)),
            (Now, Killed),
            (Now, NodeLost(1)),
            (Now, Passes(1200)),
        ],
    ),
    state(
        "F1-spare",
        "the same with the spare already a voter",
        3,
        wish(3),
        &[
            (Now, ClaimDeleted(2)),
            (AfterAct("promote", Some(3)), ObjectDeleted(SET)),
            (Now, Killed),
            (Now, NodeLost(3)),
            (Now, Passes(1200)),
        ],
    ),
    state(
        "F2",
        "a healthy voter's claim is deleted, then a quota change, a drain, and another voter is killed",
        3,
        wish(3),
        &[
            (Now, ClaimDeleted(1)),
            (Now, Quota(4)),
            (Now, Evicted(1)),
            (Wait(1), PodLost(2)),
        ],
    ),
    state(
        "F3-remove",
        "a removal times out and commits later, the leader changes, the run is killed, Git goes back",
        5,
        wish(3),
        &[
            (BeforeAct("remove-member", Some(4)), LATE),
            (AfterAct("remove-member", Some(4)), LeaderMoves(1)),
            (Now, Killed),
            (Now, Size(5)),
        ],
    ),
    state(
        "F3-promote",
        "a promotion times out and commits later, the leader changes, the run is killed, Git goes back",
        1,
        wish(3),
        &[
            (BeforeAct("promote", Some(1)), LATE),
            (AfterAct("promote", Some(1)), LeaderMoves(0)),
            (Now, Killed),
            (Now, Size(1)),
        ],
    ),
    state(
        "F4",
        "two applies of different commits, one asleep past its Lease, and `kubectl drain`",
        5,
        wish(3),
        &[
            (BeforeAct("remove-member", Some(4)), Size(5)),
            (
                Now,
                Frozen {
                    seconds: 60,
                    acts: 8,
                },
            ),
            (Now, Evicted(0)),
        ],
    ),
    state(
        "F5",
        "bad template and a pruned Service with a learner unstarted, a voter dies, the API server is away; idle",
        3,
        with_image(5, Image::Missing),
        &[
            (AfterAct("add-learner", Some(3)), ObjectDeleted(ObjectKind::PeerService)),
            (Now, PodLost(0)),
            (Wait(1), ApiAway(60)),
            (Rest, Event::Image(Image::Good)),
        ],
    )
    .set(Set::Idle),
];

/// The story of this name.
pub fn find(name: &str) -> Option<&'static State> {
    STATES.iter().find(|s| s.name.eq_ignore_ascii_case(name))
}
