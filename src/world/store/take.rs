//! A snapshot on its way into a store: checked as it passes, never held.

use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use jiff::Timestamp;

use super::{Manifest, SnapshotError, Stem, Store, Trailer, Writing};
use crate::state::{MemberStatus, SnapshotFacts};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    pub done: u64,
    /// What the member said its database's size is: the file may be some pages larger.
    pub total: u64,
}

/// Where a snapshot comes from.
pub struct Source<S> {
    /// As of right before the stream began.
    pub status: MemberStatus,
    pub pieces: S,
}

/// How one is taken.
#[derive(Clone, Copy)]
pub struct Taking<'a> {
    pub now: Timestamp,
    /// How long the stream, or the store, may do nothing.
    pub patience: Duration,
    pub progress: &'a (dyn Fn(Progress) + Send + Sync),
}

impl Store {
    /// Nothing stays unless all of it came, its hash is right, and the store has taken every byte.
    pub async fn take<S>(
        &self,
        source: Source<S>,
        taking: Taking<'_>,
    ) -> Result<SnapshotFacts, SnapshotError>
    where
        S: Stream<Item = Result<Bytes, String>> + Unpin + Send,
    {
        let status = source.status;
        let there = self.snapshots().await?;
        there
            .check_lineage(status.cluster_id, status.revision)
            .map_err(|why| SnapshotError::Lineage {
                place: self.place().to_owned(),
                why,
            })?;
        let stem = Stem::new(taking.now, status.revision, status.cluster_id);
        let name = format!("{stem}.db");
        let mut writing = self.write(&name).await?;
        let total = u64::try_from(status.db_size).unwrap_or(0);
        let passed = self.pass(source.pieces, &mut writing, total, taking).await;
        let digest = match passed.and_then(Trailer::finish) {
            Ok(digest) => digest,
            Err(error) => {
                writing.abandon().await;
                return Err(error);
            }
        };
        writing.commit().await.map_err(|error| self.clean(error))?;
        let manifest = Manifest::new(stem.taken, &status, &digest);
        self.put(&format!("{stem}.json"), manifest.text()?).await?;
        Ok(SnapshotFacts {
            taken: stem.taken,
            revision: stem.revision,
            size: digest.size,
            cluster_id: stem.cluster_id,
            verified: true,
            place: format!("{}/{name}", self.place()),
        })
    }

    async fn pass<S>(
        &self,
        mut pieces: S,
        writing: &mut Writing,
        total: u64,
        taking: Taking<'_>,
    ) -> Result<Trailer, SnapshotError>
    where
        S: Stream<Item = Result<Bytes, String>> + Unpin + Send,
    {
        let mut trailer = Trailer::default();
        loop {
            let done = trailer.size();
            let after = taking.patience;
            let next = tokio::time::timeout(after, pieces.next()).await;
            let next = next.map_err(|_| SnapshotError::Stalled { after, done })?;
            let piece = match next {
                None => return Ok(trailer),
                Some(Ok(piece)) => piece,
                Some(Err(said)) => return Err(SnapshotError::Broken { done, said }),
            };
            trailer.push(&piece);
            let pushed = tokio::time::timeout(after, writing.push(piece)).await;
            let pushed = pushed.unwrap_or_else(|_| Err(self.silent(after)));
            pushed.map_err(|error| self.clean(error))?;
            (taking.progress)(Progress {
                done: trailer.size(),
                total: total.max(trailer.size()),
            });
        }
    }

    fn silent(&self, after: Duration) -> super::StoreError {
        super::StoreError::Unreachable {
            place: self.place().to_owned(),
            said: format!("it took nothing for {} s", after.as_secs()),
        }
    }
}
