//! The states of etcd-operations.md 2.8, its schedules F1 to F5, and what moves and grows volumes, as stories.

use super::event::{Cue, Event, Image};
use super::schedule::Wish;
use super::states::{Set, State, state, wish, with_image, with_quota, with_tier, with_volumes};
use super::volumes::{Class, Tier, Way};
use crate::state::ObjectKind;

use Cue::{After, AfterAct, BeforeAct, Now, Rest, Wait};
use Event::{
    ApiAway, ClaimDeleted, DiskDead, Evicted, Exhausted, Frozen, GrowsAgain, Killed, LeaderMoves,
    LearnersStall, NodeLost, ObjectDeleted, Passes, PliantAgain, PodLost, Quota, RationLifted,
    Rationed, Rigid, RoomAgain, Scaled, Size, StoreAway, StoreFull, StrangerJoins, Stuck, Stunted,
    TimesOut, Wiped,
};

const LATE: Event = TimesOut { after: Some(10) };
const SET: ObjectKind = ObjectKind::StatefulSet;

const OTHER: Wish = with_volumes(3, Class::Encrypted, None, Way::Auto);
const IN_PLACE: Wish = with_volumes(3, Class::Encrypted, None, Way::InPlace);
const LARGER: Wish = with_volumes(3, Class::Plain, Some(2048), Way::Auto);
const MODIFIED: Wish = with_tier(3, Tier::Gold);

/// Every named story, in the order of 2.8.
pub(super) const STATES: &[State] = &[
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
        "2.8-1-files",
        "two of three are left on the way to one: StatefulSet absent, the pod that is to leave and all files are lost",
        3,
        wish(1),
        &[
            (AfterAct("remove-member", Some(2)), ObjectDeleted(SET)),
            (Now, PodLost(1)),
            (Now, ObjectDeleted(ObjectKind::ConfigMap)),
        ],
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
        "2.8-3-node",
        "the node of the only member is lost before that was seen to be born",
        1,
        wish(1),
        &[(After(6), NodeLost(0)), (Wait(1), Killed)],
    )
    .unborn()
    .set(Set::Quick)
    .ends("cannot-be-born"),
    state(
        "2.8-3-disk",
        "the volume of the only member is lost before the birth",
        1,
        wish(1),
        &[(After(6), DiskDead(0))],
    )
    .unborn()
    .set(Set::Quick)
    .ends("cannot-be-born"),
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
        "2.8-6-uncommitted",
        "a removal times out and does not commit, and replicas are set to 0 by hand",
        3,
        wish(1),
        &[
            (BeforeAct("remove-member", Some(1)), TimesOut { after: None }),
            (AfterAct("remove-member", Some(1)), Scaled(0)),
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
        "2.8-17-all-answer",
        "two of three are left on the way to one: a claim is deleted, and replicas are set to 0 by hand",
        3,
        wish(1),
        &[
            (AfterAct("release-claim", Some(2)), ClaimDeleted(1)),
            (Now, Scaled(0)),
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
    state(
        "P5-gap",
        "surge: killed while the StatefulSet is absent, and a pod is deleted",
        3,
        OTHER,
        &[(AfterAct("orphan-delete", None), PodLost(1)), (Now, Killed)],
    )
    .moves(),
    state(
        "P5-gap-single",
        "one member moves: killed while the StatefulSet is absent, and its pod is deleted",
        1,
        with_volumes(1, Class::Encrypted, None, Way::Auto),
        &[(AfterAct("orphan-delete", None), PodLost(0)), (Now, Killed)],
    )
    .moves(),
    state(
        "P5-quota",
        "a quota has no room for a spare: in place, and on so when the quota is gone",
        3,
        OTHER,
        &[
            (Now, Rationed(0)),
            (AfterAct("promote", None), RationLifted),
        ],
    )
    .moves(),
    state(
        "P5-quota-meanwhile",
        "a quota comes when the spare is listed and has no claim yet, and goes",
        3,
        OTHER,
        &[
            (BeforeAct("start-member", Some(3)), Rationed(0)),
            (Rest, RationLifted),
        ],
    )
    .moves(),
    state(
        "P5-full",
        "the other class has no room for the spare, and is given some",
        3,
        OTHER,
        &[(BeforeAct("start-member", Some(3)), Exhausted), (Rest, RoomAgain)],
    )
    .moves(),
    state(
        "P5-full-seat",
        "in place: the other class has no room for a member that gave its volume up",
        3,
        IN_PLACE,
        &[(BeforeAct("release-claim", Some(1)), Exhausted), (Rest, RoomAgain)],
    )
    .moves(),
    state(
        "P5-earlier",
        "a learner comes up on the claim that its seat had before Git went back",
        3,
        IN_PLACE,
        &[
            (BeforeAct("release-claim", Some(1)), Exhausted),
            (Rest, Passes(1)),
            (Rest, Passes(1)),
            (Rest, Event::Class(Class::Plain)),
        ],
    )
    .moves()
    .set(Set::Quick)
    .meets("learner-fails"),
    state(
        "P5-missing",
        "in place: no room for a member that gave its volume up, and Git names a class that is not there",
        3,
        IN_PLACE,
        &[
            (BeforeAct("release-claim", Some(1)), Exhausted),
            (AfterAct("write-join-file", Some(1)), Killed),
            (Now, Event::Class(Class::Missing)),
            (Rest, Event::Class(Class::Plain)),
            (Rest, RoomAgain),
        ],
    )
    .moves()
    .set(Set::Quick),
    state(
        "P5-abort",
        "killed with two members on the other class, and Git goes back",
        3,
        OTHER,
        &[
            (AfterAct("promote", Some(2)), Killed),
            (Now, Event::Class(Class::Plain)),
        ],
    )
    .moves(),
    state(
        "P5-dies",
        "in place: another member's pod is lost while a learner catches up",
        3,
        IN_PLACE,
        &[(AfterAct("delete-pod", Some(1)), PodLost(2)), (Now, Killed)],
    )
    .moves(),
    state(
        "P5-store",
        "the snapshot store does not answer",
        3,
        OTHER,
        &[(Now, StoreAway)],
    )
    .moves()
    .meets("snapshots-unreadable"),
    state(
        "P5-store-full",
        "the snapshot store is full",
        3,
        IN_PLACE,
        &[(Now, StoreFull)],
    )
    .moves(),
    state(
        "P5-old",
        "a snapshot grows old while a member is drained",
        3,
        IN_PLACE,
        &[(AfterAct("drain", None), Passes(1200))],
    )
    .moves(),
    state(
        "P5-scaled",
        "another actor scales the StatefulSet down while the spare joins",
        3,
        OTHER,
        &[(AfterAct("promote", Some(3)), Scaled(3)), (Now, Killed)],
    )
    .moves(),
    state(
        "P6-hangs",
        "a volume does not grow, and then it does",
        3,
        LARGER,
        &[(Now, Stunted), (Rest, GrowsAgain)],
    )
    .moves()
    .never(&["remove-member"]),
    state(
        "P6-attributes",
        "volumes are modified where they are, and runs are killed meanwhile",
        3,
        MODIFIED,
        &[
            (AfterAct("modify-claim", None), Killed),
            (Now, Rigid),
            (Rest, PliantAgain),
            (AfterAct("orphan-delete", None), Killed),
        ],
    )
    .moves()
    .never(&["remove-member", "restart-member", "delete-pod"]),
    state(
        "P6-infeasible",
        "a driver does not give what Git says, and Git says another",
        3,
        with_tier(3, Tier::Unreal),
        &[(Rest, Event::Tier(Tier::Silver))],
    )
    .moves()
    .meets("attributes-infeasible")
    .never(&["remove-member"]),
    state(
        "P6-back",
        "Git takes a larger size back while a volume grows: that member moves",
        3,
        LARGER,
        &[
            (Now, Stunted),
            (AfterAct("expand-claim", None), Killed),
            (Now, Event::VolumeSize(None)),
        ],
    )
    .moves(),
];
