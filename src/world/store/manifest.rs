//! What is written beside a snapshot, last of all.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Digest, StoreError};
use crate::state::{MemberId, MemberStatus};

pub(super) const SCHEMA: &str = "reconcile.snapshot/v1";

/// `<stem>.json`; `schemas/snapshot.schema.json` says the same to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Manifest {
    pub schema: String,
    /// When the stream began.
    pub taken: Timestamp,
    /// Of the member that it came from.
    pub etcd_version: String,
    pub cluster_id: MemberId,
    pub member_id: MemberId,
    /// A lower bound of what is in it.
    pub revision: i64,
    /// Bytes of the file.
    pub size: u64,
    /// Of the whole file, in hex: what `sha256sum` prints.
    pub sha256: String,
    /// The SHA-256 that etcd put at its end was that of what came.
    pub verified: bool,
}

impl Manifest {
    pub(super) fn new(taken: Timestamp, status: &MemberStatus, digest: &Digest) -> Self {
        Self {
            schema: SCHEMA.into(),
            taken,
            etcd_version: status.version.clone(),
            cluster_id: status.cluster_id,
            member_id: status.member_id,
            revision: status.revision,
            size: digest.size,
            sha256: digest.sha256.clone(),
            verified: true,
        }
    }

    pub(super) fn text(&self) -> Result<String, StoreError> {
        let text = serde_json::to_string_pretty(self);
        text.map(|text| text + "\n").map_err(|error| {
            StoreError::failed(
                "a manifest",
                format!("it cannot be written as JSON: {error}"),
            )
        })
    }

    pub(super) fn parse(place: &str, text: &[u8]) -> Result<Self, StoreError> {
        let manifest: Self = serde_json::from_slice(text)
            .map_err(|error| StoreError::failed(place, error.to_string()))?;
        if manifest.schema != SCHEMA {
            let why = format!("found schema {:?}, expected {SCHEMA:?}", manifest.schema);
            return Err(StoreError::failed(place, why));
        }
        Ok(manifest)
    }
}
