//! Snapshots of a cluster's data, as the list of their store tells them.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MemberId, Reading};

/// One whole snapshot. A half one is never listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SnapshotFacts {
    /// When its stream began.
    pub taken: Timestamp,
    /// A lower bound: what the member had applied right before the stream began. The file may hold more, never less.
    pub revision: i64,
    /// Bytes of the file.
    pub size: u64,
    /// etcd's ID of the cluster that it is of.
    pub cluster_id: MemberId,
    /// The SHA-256 that etcd sent at its end was that of what came, all of it was stored, and no later look at it found
    /// another.
    pub verified: bool,
    /// Its file, as a path or URL.
    pub place: String,
}

/// What an observation holds of a cluster's snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Backup {
    /// Where they are, as a path or URL.
    pub store: String,
    /// Read by one LIST, which downloads nothing.
    pub snapshots: Reading<Snapshots>,
}

/// The snapshots of one cluster in its store.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Snapshots {
    pub count: usize,
    /// The newest verified one, of whatever etcd cluster.
    pub newest: Option<SnapshotFacts>,
    /// The highest revision of any.
    pub highest_revision: i64,
    /// The etcd clusters that they are of. More than one: somebody else's, or an earlier life's.
    pub cluster_ids: BTreeSet<MemberId>,
}

/// The store holds what is not of this cluster's life.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineageError {
    #[error(
        "found snapshots of etcd cluster {found}, expected only those of {expected}; an earlier life or another cluster was kept here: move them away, or name another prefix in backup.store"
    )]
    OtherCluster { found: MemberId, expected: MemberId },
    #[error(
        "found a snapshot at revision {found}, expected none above the cluster's own {revision}; the cluster has gone back in time (restored, or begun anew), and its next snapshots would look older than they are: find out which data is wanted, then move the newer snapshots away, or name another prefix in backup.store"
    )]
    NewerRevision { found: i64, revision: i64 },
}

impl Snapshots {
    pub fn of(all: &[SnapshotFacts]) -> Self {
        let mut snapshots = Self::default();
        all.iter().cloned().for_each(|facts| snapshots.add(facts));
        snapshots
    }

    /// One more.
    pub fn add(&mut self, facts: SnapshotFacts) {
        self.count += 1;
        self.highest_revision = self.highest_revision.max(facts.revision);
        self.cluster_ids.insert(facts.cluster_id);
        let age = |one: &SnapshotFacts| (one.taken, one.revision);
        let newer = self.newest.as_ref().is_none_or(|n| age(n) <= age(&facts));
        if facts.verified && newer {
            self.newest = Some(facts);
        }
    }

    /// All of them are of this etcd cluster, and none is ahead of it.
    pub fn check_lineage(&self, cluster_id: MemberId, revision: i64) -> Result<(), LineageError> {
        if let Some(found) = self.cluster_ids.iter().find(|id| **id != cluster_id) {
            return Err(LineageError::OtherCluster {
                found: *found,
                expected: cluster_id,
            });
        }
        if self.highest_revision > revision {
            return Err(LineageError::NewerRevision {
                found: self.highest_revision,
                revision,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(second: i64, revision: i64, cluster: u64) -> SnapshotFacts {
        SnapshotFacts {
            taken: Timestamp::from_second(second).expect("a time"),
            revision,
            size: 1056,
            cluster_id: MemberId(cluster),
            verified: true,
            place: format!("/snapshots/{second}"),
        }
    }

    #[test]
    fn the_newest_is_the_newest_verified() {
        let mut broken = snapshot(30, 9, 1);
        broken.verified = false;
        let all = Snapshots::of(&[snapshot(10, 5, 1), snapshot(20, 7, 1), broken]);
        assert_eq!(all.newest, Some(snapshot(20, 7, 1)));
        assert_eq!((all.count, all.highest_revision), (3, 9));
    }

    #[test]
    fn another_life_is_told_from_this_one() {
        let id = MemberId(1);
        let ours = Snapshots::of(&[snapshot(10, 5, 1)]);
        assert_eq!(ours.check_lineage(id, 5), Ok(()));
        assert_eq!(
            ours.check_lineage(id, 4),
            Err(LineageError::NewerRevision {
                found: 5,
                revision: 4
            })
        );
        let mixed = Snapshots::of(&[snapshot(10, 5, 1), snapshot(11, 5, 2)]);
        assert_eq!(
            mixed.check_lineage(id, 5),
            Err(LineageError::OtherCluster {
                found: MemberId(2),
                expected: id
            })
        );
        assert_eq!(Snapshots::of(&[]).check_lineage(id, 0), Ok(()));
    }
}
