//! G9: before a volume is given up, a verified snapshot of now is in the store.

use jiff::SignedDuration;

use super::guard::Guard;
use super::leave::Leave;
use super::procedure::{Facts, Focus, Row, Then};
use super::step::Act;
use super::view::View;
use crate::state::SnapshotFacts;

/// How old a snapshot may be that what follows relies on.
const FRESH: SignedDuration = SignedDuration::from_mins(15);

/// The first row of every table that gives up a volume. It asks what the step after it will ask: a snapshot for nothing
/// is none that anybody wants to wait for.
pub(super) const fn row(guards: &'static [&'static Guard], when: fn(&Focus) -> bool) -> Row {
    Row {
        name: "no-fresh-snapshot",
        observed: "what follows gives up a volume, and the store has no verified snapshot of the last 15 minutes",
        step: "take one from a healthy follower, its hash checked",
        why: "what goes wrong beyond this point is undone from it (G9)",
        guards,
        undo: "nothing to undo: nothing of the cluster changes",
        hides: false,
        when,
        then: take,
    }
}

/// The member at hand leaves its volume, and needs a snapshot for that. Also one that is drained already: the run that
/// drained it may be long gone.
pub(super) fn is_wanted(f: &Focus, why: Leave) -> bool {
    let gives_up = match why {
        // One whose volume goes anyway is not made to wait for a store.
        Leave::Replace => f.view.unsteady(f.seat()).is_none(),
        Leave::Shrink => true,
        Leave::Restart => false,
    };
    gives_up && f.view.needs_snapshot()
}

/// The snapshot that the member at hand needs is refused.
pub(super) fn is_barred(f: &Focus, why: Leave) -> bool {
    is_wanted(f, why) && cannot_be_had(f)
}

/// None is fresh, and another would be refused.
pub(super) fn cannot_be_had(f: &Focus) -> bool {
    f.view.needs_snapshot() && matches!(take(f), Then::Refuse(_))
}

pub(super) fn take(f: &Focus) -> Then {
    let backup = f.view.observed.backup.as_ref();
    if let Some(why) = backup.and_then(|b| b.snapshots.why_unknown()) {
        return Then::Refuse(Facts {
            code: "snapshots-unreadable",
            found: why.to_owned(),
            unblock: "make the store readable, or name another in backup.store: nothing is given up without a snapshot".into(),
        });
    }
    let snapshots = backup.and_then(|b| b.snapshots.known());
    let answers = f
        .view
        .observed
        .etcd
        .statuses
        .values()
        .filter_map(|s| s.known());
    let revision = answers.map(|s| s.revision).max();
    let (Some(list), Some(revision)) = (f.view.membership(), revision) else {
        return Then::Pass;
    };
    match snapshots.map(|s| s.check_lineage(list.cluster_id, revision)) {
        Some(Err(error)) => Then::Refuse(Facts {
            code: "store-lineage",
            found: error.to_string(),
            unblock: "move what is not this cluster's away, or name another place in backup.store"
                .into(),
        }),
        _ => Then::act(Act::TakeSnapshot),
    }
}

impl View<'_> {
    /// What is given up now is not yet in a snapshot.
    pub(super) fn needs_snapshot(&self) -> bool {
        let snapshots = self
            .observed
            .backup
            .as_ref()
            .and_then(|b| b.snapshots.known());
        let newest = snapshots.and_then(|s| s.newest.as_ref());
        !newest.is_some_and(|newest| self.is_fresh(newest))
    }

    fn is_fresh(&self, snapshot: &SnapshotFacts) -> bool {
        let ours = self
            .membership()
            .is_some_and(|m| m.cluster_id == snapshot.cluster_id);
        let age = self.now().duration_since(snapshot.taken);
        ours && snapshot.verified && (SignedDuration::ZERO..=FRESH).contains(&age)
    }
}
