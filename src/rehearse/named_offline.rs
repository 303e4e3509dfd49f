//! Stories in which the only member moves while it is stopped (P5-b).

use super::event::{Cue, Event};
use super::schedule::Wish;
use super::states::{State, state, with_volumes};
use super::volumes::{Class, Way};
use crate::state::ObjectKind;

use Cue::{AfterAct, BeforeAct, Now, Rest};
use Event::{
    ClaimDeleted, DiskDead, Exhausted, Killed, ObjectDeleted, PodLost, RoomAgain, Scaled, Size,
};

const OFFLINE: Wish = with_volumes(1, Class::Encrypted, None, Way::Offline);

/// They are told after all others.
pub(super) const OFFLINE_STATES: &[State] = &[
    state(
        "P5-b-offline",
        "one member is copied while it is stopped, and every run is killed after its step",
        1,
        OFFLINE,
        &[
            (AfterAct("halt-member", None), Killed),
            (AfterAct("release-claim", None), Killed),
            (AfterAct("make-claim", None), Killed),
            (AfterAct("lend-volume", None), Killed),
            (AfterAct("copy-data", None), Killed),
            (AfterAct("start-member", None), Killed),
            (AfterAct("return-volume", None), Killed),
        ],
    )
    .moves()
    .never(&["add-learner", "remove-member"]),
    state(
        "P5-b-back",
        "Git takes it back when the member is stopped: it starts where it was",
        1,
        OFFLINE,
        &[
            (AfterAct("halt-member", None), Killed),
            (Now, Event::Class(Class::Plain)),
        ],
    )
    .moves()
    .never(&["release-claim", "copy-data"]),
    state(
        "P5-b-back-late",
        "Git takes it back when the claim is given up: copied to one as Git says by then",
        1,
        OFFLINE,
        &[
            (AfterAct("release-claim", None), Killed),
            (Now, Event::Class(Class::Plain)),
        ],
    )
    .moves(),
    state(
        "P5-b-way",
        "Git asks for a surge when the claim is given up: the copy is finished",
        1,
        OFFLINE,
        &[
            (AfterAct("release-claim", None), Killed),
            (Now, Event::Way(Way::Surge)),
        ],
    )
    .moves()
    .never(&["add-learner"]),
    state(
        "P5-b-scaled",
        "someone scales the StatefulSet up before the data is copied",
        1,
        OFFLINE,
        &[
            (AfterAct("lend-volume", None), Scaled(1)),
            (BeforeAct("copy-data", None), PodLost(0)),
        ],
    )
    .moves(),
    state(
        "P5-b-set",
        "someone deletes the StatefulSet while the member is stopped",
        1,
        OFFLINE,
        &[(
            AfterAct("lend-volume", None),
            ObjectDeleted(ObjectKind::StatefulSet),
        )],
    )
    .moves(),
    state(
        "P5-b-claim",
        "someone deletes the new claim before the data is copied",
        1,
        OFFLINE,
        &[(AfterAct("lend-volume", None), ClaimDeleted(0))],
    )
    .moves(),
    state(
        "P5-b-disk",
        "the new volume is lost before the data is copied",
        1,
        OFFLINE,
        &[(AfterAct("make-claim", None), DiskDead(0))],
    )
    .moves(),
    state(
        "P5-b-full",
        "the other class has no room, and is given some",
        1,
        OFFLINE,
        &[
            (BeforeAct("make-claim", None), Exhausted),
            (Rest, RoomAgain),
        ],
    )
    .moves(),
    state(
        "P5-b-grow",
        "Git asks for three members while the only one is stopped",
        1,
        OFFLINE,
        &[(AfterAct("make-claim", None), Size(3))],
    )
    .moves(),
];
