//! A second look at what a store holds: every byte read again.

use futures::StreamExt as _;
use jiff::Timestamp;

use super::name::rfc3339;
use super::{Digest, Manifest, Progress, SnapshotError, Store, StoreError, Trailer};
use crate::state::SnapshotFacts;

/// A snapshot that is what was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub manifest: Manifest,
}

impl Store {
    /// Reads all of it, and holds it against its own hash and its manifest. One that is damaged is marked as such, so
    /// that no step relies on it.
    pub async fn verify(
        &self,
        facts: &SnapshotFacts,
        now: Timestamp,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Verified, SnapshotError> {
        let found = self.compare(facts, progress).await;
        if let Err(error) = &found
            && error.is_damage()
        {
            self.mark_broken(facts, now, error).await;
        }
        found
    }

    async fn compare(
        &self,
        facts: &SnapshotFacts,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Verified, SnapshotError> {
        let name = file_name(facts);
        let manifest = self.manifest(facts).await?;
        let mut pieces = self.read(name).await?;
        let mut trailer = Trailer::default();
        while let Some(piece) = pieces.next().await {
            trailer.push(&piece?);
            progress(Progress {
                done: trailer.size(),
                total: facts.size,
            });
        }
        let digest = trailer.finish()?;
        let noted = Digest {
            size: manifest.size,
            sha256: manifest.sha256.clone(),
        };
        if digest != noted {
            let said = |d: &Digest| format!("{} bytes of SHA-256 {}", d.size, d.sha256);
            return Err(SnapshotError::Changed {
                found: said(&digest),
                expected: said(&noted),
            });
        }
        Ok(Verified { manifest })
    }

    /// What was noted when it was taken.
    pub async fn manifest(&self, facts: &SnapshotFacts) -> Result<Manifest, StoreError> {
        let name = format!("{}.json", stem(facts));
        let mut pieces = self.read(&name).await?;
        let mut text = Vec::new();
        while let Some(piece) = pieces.next().await {
            text.extend_from_slice(&piece?);
        }
        Manifest::parse(&format!("{}/{name}", self.place()), &text)
    }

    /// Lists show it from now on. A store that takes nothing more leaves the finding with whoever asked.
    pub async fn mark_broken(&self, facts: &SnapshotFacts, now: Timestamp, why: &SnapshotError) {
        let text = format!("{} {why}\n", rfc3339(now));
        if let Err(error) = self.put(&format!("{}.broken", stem(facts)), text).await {
            tracing::warn!(%error, "a damaged snapshot could not be marked");
        }
    }
}

fn file_name(facts: &SnapshotFacts) -> &str {
    facts.place.rsplit('/').next().unwrap_or_default()
}

fn stem(facts: &SnapshotFacts) -> &str {
    file_name(facts).trim_end_matches(".db")
}
