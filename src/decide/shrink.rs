//! P3: shrink by one voter at a time, from the top: drain, move, remove.

use super::guard;
use super::leave::{self, Leave};
use super::procedure::Procedure;
use super::snapshot;

pub(super) const SHRINK: Procedure = Procedure {
    name: "shrink",
    title: "no voter sits on an ordinal that Git does not want",
    source: "etcd-operations.md P3, G4, G8, 2.7, 2.8 #7",
    subjects: |view| leave::subjects(view, Leave::Shrink),
    rows: &[
        snapshot::row(leave::before_drain(Leave::Shrink), |f| {
            snapshot::is_wanted(f, Leave::Shrink)
        }),
        leave::serving(
            "the top voter is not wanted, and its pod takes part in the client Service",
            Leave::Shrink,
        ),
        leave::endpoint_left(),
        leave::leader(),
        leave::listed(
            "before its pod goes: the reverse order spends one tolerance for nothing",
            "grow by one: a fresh member on a fresh volume",
            &[
                &guard::ONE_LIST,
                &guard::UNPROTECTED,
                &guard::ALL_HEALTHY,
                &guard::NO_LEARNER,
                &guard::TOP_ONLY,
                &guard::STABLE,
                &guard::QUORUM_TOLERANCE,
            ],
        ),
    ],
};
