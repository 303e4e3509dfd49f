//! P5-b: the only member is stopped so that its data can be copied to another volume, where Git allows the downtime.

use jiff::SignedDuration;

use super::guard::{self, Guard};
use super::leave::{self, Leave};
use super::procedure::{Facts, Focus, Procedure, Row, Then};
use super::snapshot;
use super::step::Act;
use super::view::{Seat, View};
use crate::fleet::{MigrationStrategy, Ordinal};
use crate::state::OfflineMove;

/// Of a member that clients still reach.
const BEFORE_HALT: &[&Guard] = &[
    &guard::ONE_LIST,
    &guard::UNPROTECTED,
    &guard::ALL_HEALTHY,
    &guard::NO_LEARNER,
    &guard::NO_ALARM,
    &guard::CLAIM_STEADY,
    &guard::VOLUME_RETAINED,
    &guard::DOWNTIME_ALLOWED,
    &guard::STABLE,
];

pub(super) const HALT: Procedure = Procedure {
    name: "halt",
    title: "the only member's volume is as Git says, where Git allows downtime for it",
    source: "etcd-operations.md P5-b, G3",
    subjects: |view| {
        if !view.is_offline() {
            return Vec::new();
        }
        leave::subjects(view, Leave::Replace)
    },
    rows: &[
        snapshot::row(BEFORE_HALT, |f| snapshot::is_wanted(f, Leave::Replace)),
        Row {
            name: "running",
            observed: "the only member must move to another volume, and Git says `offline`",
            step: "lower replicas to its ordinal: its process ends, and downtime begins",
            why: "a copy of a log that is written to is none",
            guards: BEFORE_HALT,
            undo: "raise replicas again: its claim is still there",
            hides: false,
            when: |_| true,
            then: |f| {
                let from = leaves(f.view, f.seat());
                from.map_or(Then::Pass, |from| halt(f, &from))
            },
        },
    ],
};

/// Where its data is now.
fn leaves(view: &View, seat: &Seat) -> Option<OfflineMove> {
    let claim = seat.claim?;
    let volume = claim.volume.as_ref()?.known()?;
    Some(OfflineMove {
        volume: volume.name.clone(),
        volume_uid: volume.uid.clone(),
        class_name: claim.class_name.clone(),
        size: claim.request.clone(),
        image: view.spec.storage.migration.copy_image.clone()?,
        revision: seat.status?.revision,
        copied: false,
    })
}

/// Shared with what is half done: somebody starts it too soon.
pub(super) fn halt(f: &Focus, from: &OfflineMove) -> Then {
    let ordinal = f.seat().ordinal;
    f.view.kube.stateful_set.as_ref().map_or(Then::Pass, |set| {
        Then::act(Act::HaltMember {
            ordinal,
            replicas: ordinal.0,
            stateful_set: set.uid.clone(),
            resource_version: set.resource_version.clone(),
            from: from.clone(),
        })
    })
}

impl View<'_> {
    /// The only member moves while it is stopped. A second one that stands in for another reason is used.
    pub(super) fn is_offline(&self) -> bool {
        let asked = self.spec.storage.migration.strategy == MigrationStrategy::Offline;
        let steady = || !self.seats().any(|s| self.unsteady(s).is_some());
        asked && self.spec.members == 1 && !self.is_spare_there() && steady()
    }
}

/// Steps beside the copy while nobody serves, from runs on the test bed.
const AROUND_THE_COPY: SignedDuration = SignedDuration::from_secs(25);

/// What a reader should know of a plan that takes the cluster down.
pub(super) fn downtime(view: &View) -> Option<Facts> {
    if !view.is_offline() || !view.moves_any() {
        return None;
    }
    let bytes = view.largest_database();
    let seconds = (AROUND_THE_COPY + super::step::copying(bytes)).as_secs();
    Some(Facts {
        code: "offline-downtime",
        found: format!(
            "nobody can read or write for about {seconds} s, while {} is stopped and {}.{} MB are copied",
            view.spec.pod_name(Ordinal(0)),
            bytes / 1_000_000,
            bytes / 100_000 % 10,
        ),
        unblock: "leave storage.migration.strategy out: a second member stands in meanwhile, and nobody waits".into(),
    })
}
