//! The little that must survive a crash and cannot be read off the cluster: one object per cluster, written *before*
//! the act it describes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{MemberId, OfflineMove, Uid};
use crate::fleet::{ClusterSpec, Ordinal};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Ledger {
    /// The etcd cluster that lives here, noted when its first member had started. Once noted, nothing bootstraps here
    /// again, whatever else is gone (kopeio/etcd-manager#299).
    pub cluster_id: Option<MemberId>,
    /// The etcd version that the members were last seen to run: what a StatefulSet that is gone can tell no more.
    pub version: Option<String>,
    /// The Git commit of the last run that changed something.
    pub commit: Option<String>,
    /// The last intent begun, as `verb subject`.
    pub last_step: Option<String>,
    pub last_step_at: Option<Timestamp>,
    pub seats: BTreeMap<Ordinal, SeatRecord>,
}

/// Of the name of the ConfigMap.
const SUFFIX: &str = "-ledger";

impl Ledger {
    /// The name of the ConfigMap that holds it.
    pub fn object_name(spec: &ClusterSpec) -> String {
        format!("{}{SUFFIX}", spec.name)
    }

    /// Some cluster's, whatever it is called.
    pub fn is_name_of_one(name: &str) -> bool {
        name.ends_with(SUFFIX)
    }
}

/// One seat's present occupation.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SeatRecord {
    /// The member that answered from this seat, and the claim its data is on. Another claim there proves that the data
    /// is lost (etcd-operations.md 2.8 #2). Forgotten once a list without it was seen.
    pub member: Option<MemberId>,
    pub claim: Option<Uid>,
    /// The claim the seat had when its member was added, if any: the new member may run only on another one
    /// (etcd-io/etcd#14805).
    pub claim_before: Option<Uid>,
    /// Times a member was added to this seat without having become a voter.
    pub attempts: u32,
    /// When the last one was added.
    pub added_at: Option<Timestamp>,
    /// The settings stamp of the template that it was added with: another one is another try.
    pub stamp: Option<String>,
    /// What the template of claims asked for when the member was added: class and size.
    pub asked: Option<String>,
    /// The seat's member was removed, or is being: without a noted member, what is left here is not needed for a quorum.
    pub leaving: bool,
    /// The member before this one was removed while its claim was not as the template of claims asked: it moved to
    /// another volume.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
    /// When the claim of the member before this one was given up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_at: Option<Timestamp>,
    /// Its process is stopped, or is about to be, while its data goes to another volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offline: Option<OfflineMove>,
}
