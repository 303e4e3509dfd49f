//! P5-a: a member whose volume will not stay, or is not as Git says, gives its seat to another; a spare stands in meanwhile
//! but where Git says `inPlace`.

use super::guard;
use super::leave::{self, Leave};
use super::procedure::Procedure;
use super::snapshot;

pub(super) const REPLACE: Procedure = Procedure {
    name: "replace",
    title: "every voter owns a volume that stays and is as Git says",
    source: "etcd-operations.md P4, P5-a, 2.7, 2.8 #2, #12",
    subjects: |view| {
        // That one is `halt`'s.
        if view.is_offline() {
            return Vec::new();
        }
        leave::subjects(view, Leave::Replace)
    },
    rows: &[
        snapshot::row(leave::before_drain(Leave::Replace), |f| {
            snapshot::is_wanted(f, Leave::Replace)
        }),
        leave::serving(
            "a spare is a voter, and this voter's claim is gone, is going, is another one than it runs on, or is not of the class or size that Git says",
            Leave::Replace,
        ),
        leave::endpoint_left(),
        leave::leader(),
        leave::listed(
            "before its pod goes: an ID that has started never boots on an empty volume (2.8 #2)",
            "nothing to undo: the seat is filled again, from a healthy voter's data",
            &[
                &guard::ONE_LIST,
                &guard::ALL_HEALTHY,
                &guard::NO_LEARNER,
                &guard::ATTEMPTS_LEFT,
                &guard::STABLE,
                &guard::QUORUM_TOLERANCE,
            ],
        ),
    ],
};
