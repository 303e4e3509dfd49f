//! Volumes that members left are kept for a while, and then deleted where Git says how long.

use super::guard::{self, Guard};
use super::procedure::{About, Focus, Procedure, Row, Then};
use super::snapshot;
use super::step::Act;
use super::view::View;
use crate::fleet::Ordinal;
use crate::state::ReleasedVolume;

pub(super) const RELEASE: Procedure = Procedure {
    name: "release",
    title: "volumes that members left are deleted once they were kept for as long as Git says",
    source: "etcd-operations.md P5-a (last row), 2.8 #15; design.md 1 (order 10)",
    subjects: |view| {
        let due = view.membership().is_some() && view.discarded_next().is_some();
        due.then_some(About::Cluster).into_iter().collect()
    },
    rows: &[
        snapshot::row(ASKED, |f| f.view.needs_snapshot()),
        Row {
            name: "kept-long-enough",
            observed: "a volume is Released for longer than storage.migration.keepOldVolumes, and every member is healthy",
            step: "set its reclaim policy to Delete, bound to its UID: its driver deletes it",
            why: "it was kept for who might want to look back; what is on it is a removed member's, and a copy of what voters hold",
            guards: ASKED,
            undo: "none: what was on it is gone",
            hides: false,
            when: |_| true,
            then: discard,
        },
    ],
};

const ASKED: &[&Guard] = &[
    &guard::ONE_LIST,
    &guard::UNPROTECTED,
    &guard::ALL_HEALTHY,
    &guard::NO_LEARNER,
];

fn discard(f: &Focus) -> Then {
    f.view
        .discarded_next()
        .map_or(Then::Pass, |(ordinal, volume)| {
            Then::act(Act::DiscardVolume {
                ordinal,
                volume: volume.name.clone(),
                uid: volume.uid.clone(),
                resource_version: volume.resource_version.clone(),
            })
        })
}

impl View<'_> {
    /// The volume that was kept longest, and long enough. Only Git's word lets any be deleted.
    fn discarded_next(&self) -> Option<(Ordinal, &ReleasedVolume)> {
        let keep = self.spec.storage.migration.keep_old_volumes?;
        let released = self.kube.released_volumes.known()?;
        // One of an earlier life, or that somebody else kept, is nobody's to delete.
        let ours = self.membership()?.cluster_id;
        let kept = released.iter().filter(|v| v.etcd_cluster == Some(ours));
        let due = kept.filter(|volume| {
            let since = volume.since;
            since.is_some_and(|since| self.now().duration_since(since) >= keep)
        });
        let oldest = due.min_by_key(|volume| (volume.since, &volume.name))?;
        Some((self.spec.ordinal_of_volume(&oldest.claim)?, oldest))
    }
}
