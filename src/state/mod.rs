//! Observed state: all that was read about one cluster at one instant, as plain data.
//!
//! Serialisable, free of secrets, and honest: what could not be read is [`Reading::Unknown`] with the reason, never an
//! empty default.

mod certificate;
mod content;
mod etcd;
mod evidence;
mod field_manager;
mod flat;
mod kube;
mod ledger;
mod member_file;
mod offline;
mod quota;
mod reading;
mod sighting;
mod snapshot;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fleet::ClusterId;

pub use certificate::{CertificateKey, CertificateUse, Certificates, EXPIRES_SOON, Expiry};
pub use content::Content;
pub use etcd::{Alarm, AlarmKind, Etcd, Member, MemberId, MemberStatus, Membership};
pub use evidence::{Evidence, Probe};
pub use field_manager::{FieldManager, ManagerKind};
pub use flat::{Elements, Fields, Flat, Form, Spot};
pub use kube::{
    Actor, Attributes, AttributesClasses, Claim, ClaimPhase, Contents, ETCD_CLUSTER_ANNOTATION,
    Kube, LiveObject, Lock, Modification, ModificationState, Node, ObjectKey, ObjectKind, Obstacle,
    Pod, PodPhase, ReleasedVolume, SERVING_LABEL, StatefulSet, StorageClass, Uid, Volume,
};
pub use ledger::{Ledger, SeatRecord};
pub use member_file::{MemberConfig, MemberFile, MemberFileError};
pub use offline::{Copying, LentClaim, OfflineMove, copy_stamp, writes_to};
pub use quota::{Limit, Quota, claim_counts, pod_counts};
pub use reading::Reading;
pub use sighting::{CLUSTER_LABEL, Sighting, Sightings};
pub use snapshot::{Backup, LineageError, SnapshotFacts, Snapshots};

/// Everything known about one cluster. `reconcile status --record` writes these, `--observed` replays them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Observation {
    pub cluster: ClusterId,
    /// When the last part of it was read.
    pub at: Timestamp,
    pub kube: Reading<Kube>,
    pub etcd: Etcd,
    /// Its snapshots; `None`: there is no store, and no directory that one would be in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
    /// Of a world that is acted out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub past: Option<Past>,
}

/// What a world that is acted out remembers of what is gone. No server tells it: a live cluster's is never there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Past {
    /// Of the UIDs that it gives out.
    pub next_uid: u64,
    /// Where the log of the members has come to: their volumes keep it while no process runs.
    pub term: u64,
    pub index: u64,
    pub revision: i64,
}
