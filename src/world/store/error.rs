//! What goes wrong with snapshots. Every text begins with the fault's name, for which `reconcile explain` has a page.

use std::io;
use std::time::Duration;

use crate::state::LineageError;
use crate::world::PerformError;
use crate::world::live::Scrubber;

/// Why a store cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    #[error(
        "store-required: found no backup.store, expected one, as policy.requireStore says; name one for the cluster or in the fleet's defaults"
    )]
    Required,
    #[error(
        "store-no-home: found neither XDG_STATE_HOME nor HOME, expected a place for the snapshots of a cluster without a store; name one in backup.store"
    )]
    NoHome,
    #[error(
        "store-credentials: found that {what}, expected {expected}; mend the Secret that backup.store names, or the identity of whoever runs this"
    )]
    Credentials { what: String, expected: String },
    #[error(
        "store-denied: found that {place} does not let us in ({said}), expected to list, read and write there; give the identity that is used those rights"
    )]
    Denied { place: String, said: String },
    #[error(
        "store-absent: found no {place} ({said}), expected the place that backup.store names; make it, or mend the name"
    )]
    Absent { place: String, said: String },
    #[error(
        "store-full: found no room in {place} ({said}), expected room for the snapshot; make room, or name another place in backup.store"
    )]
    Full { place: String, said: String },
    #[error(
        "store-unreachable: found no way to {place} ({said}), expected an answer; look at the network, and at the endpoint in backup.store"
    )]
    Unreachable { place: String, said: String },
    #[error(
        "store-failed: found that {place} fails ({said}), expected it to list, read and write; look there"
    )]
    Failed { place: String, said: String },
}

impl StoreError {
    pub const CODES: &[&str] = &[
        "store-required",
        "store-no-home",
        "store-credentials",
        "store-denied",
        "store-absent",
        "store-full",
        "store-unreachable",
        "store-failed",
    ];

    pub(super) fn failed(place: impl Into<String>, said: impl Into<String>) -> Self {
        Self::Failed {
            place: place.into(),
            said: said.into(),
        }
    }

    pub(super) fn io(place: &std::path::Path, error: &io::Error) -> Self {
        let (place, said) = (place.display().to_string(), error.to_string());
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full { place, said },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { place, said }
            }
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::Absent { place, said },
            _ => Self::Failed { place, said },
        }
    }

    /// Without the values of the store's Secret.
    pub(super) fn scrubbed(mut self, scrubber: &Scrubber) -> Self {
        match &mut self {
            Self::Required | Self::NoHome => {}
            Self::Credentials { what, .. } => *what = scrubber.text(what),
            Self::Denied { said, .. }
            | Self::Absent { said, .. }
            | Self::Full { said, .. }
            | Self::Unreachable { said, .. }
            | Self::Failed { said, .. } => *said = scrubber.text(said),
        }
        self
    }
}

/// Why there is no snapshot, or not a good one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("store-lineage: {place}: {why}")]
    Lineage { place: String, why: LineageError },
    #[error(
        "snapshot-no-member: found no member to take a snapshot from ({0}), expected a voter that answers and reaches a quorum; look at the members with `reconcile status`"
    )]
    NoMember(String),
    #[error(
        "snapshot-none: found no snapshot in {0}, expected one; take it with `reconcile snapshot take`"
    )]
    None(String),
    #[error(
        "snapshot-stalled: found no byte for {} s after {done}, expected the stream to go on; nothing was kept: look at the member's disk and the network, then try again", .after.as_secs()
    )]
    Stalled { after: Duration, done: u64 },
    #[error(
        "snapshot-broken: found that the stream broke after {done} bytes ({said}), expected all of it; nothing was kept: try again"
    )]
    Broken { done: u64, said: String },
    #[error(
        "snapshot-truncated: found {size} bytes, expected whole pages of 512 and a hash of 32; part of it is missing: do not restore from it"
    )]
    Truncated { size: u64 },
    #[error(
        "snapshot-hash: found content of SHA-256 {found}, expected {expected}, which etcd wrote at its end; it is damaged: do not restore from it"
    )]
    Hash { found: String, expected: String },
    #[error(
        "snapshot-changed: found {found}, expected {expected} as its manifest says; it is not the file that was written: do not restore from it"
    )]
    Changed { found: String, expected: String },
    #[error(
        "snapshot-restore: found that etcdutl does not restore it ({0}), expected it to; do not rely on it, and take another one"
    )]
    Restore(String),
}

impl SnapshotError {
    pub const CODES: &[&str] = &[
        "store-lineage",
        "snapshot-no-member",
        "snapshot-none",
        "snapshot-stalled",
        "snapshot-broken",
        "snapshot-truncated",
        "snapshot-hash",
        "snapshot-changed",
        "snapshot-restore",
    ];

    /// The fault's name.
    pub fn code(&self) -> String {
        let text = self.to_string();
        text.split_once(':')
            .map_or_else(String::new, |(code, _)| code.to_owned())
    }

    /// The snapshot itself is bad, as against: it could not be had.
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Truncated { .. } | Self::Hash { .. } | Self::Changed { .. } | Self::Restore(_)
        )
    }
}

/// A snapshot that was not taken changed nothing, whatever became of its stream: it is never in doubt.
impl From<&SnapshotError> for PerformError {
    fn from(error: &SnapshotError) -> Self {
        let text = error.to_string();
        match error {
            SnapshotError::Lineage { .. }
            | SnapshotError::Store(
                StoreError::Required
                | StoreError::NoHome
                | StoreError::Credentials { .. }
                | StoreError::Denied { .. }
                | StoreError::Absent { .. }
                // Every try would stream the whole database once more.
                | StoreError::Full { .. },
            ) => Self::Refused(text),
            _ => Self::NotDone(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_try_cannot_mend_is_refused() {
        let required = SnapshotError::from(StoreError::Required);
        assert!(matches!((&required).into(), PerformError::Refused(_)));
        let full = SnapshotError::from(StoreError::Full {
            place: "/backups".into(),
            said: "No space left on device".into(),
        });
        assert!(matches!((&full).into(), PerformError::Refused(_)));
        let stalled = SnapshotError::Stalled {
            after: Duration::from_secs(60),
            done: 7,
        };
        assert!(matches!((&stalled).into(), PerformError::NotDone(_)));
        assert_eq!(stalled.code(), "snapshot-stalled");
    }

    #[test]
    fn every_text_begins_with_a_code_that_is_listed() {
        let place = || "s3://b".to_owned();
        let said = place;
        let all = [
            StoreError::Required,
            StoreError::NoHome,
            StoreError::Credentials {
                what: said(),
                expected: said(),
            },
            StoreError::Denied {
                place: place(),
                said: said(),
            },
            StoreError::Absent {
                place: place(),
                said: said(),
            },
            StoreError::Full {
                place: place(),
                said: said(),
            },
            StoreError::Unreachable {
                place: place(),
                said: said(),
            },
            StoreError::Failed {
                place: place(),
                said: said(),
            },
        ];
        let codes: Vec<String> = all
            .into_iter()
            .map(|e| SnapshotError::from(e).code())
            .collect();
        assert_eq!(codes, StoreError::CODES);
    }
}
