//! A member that goes to another volume without running meanwhile.

use serde::{Deserialize, Serialize};

use super::{Claim, ClaimPhase, Contents, Pod, PodPhase, Uid};
use crate::fleet::Quantity;

/// What the ledger notes before its process is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct OfflineMove {
    /// The volume that its data is on until it is copied.
    pub volume: String,
    pub volume_uid: Uid,
    /// The class and size of that volume's claim: it is lent to another one like it.
    pub class_name: Option<String>,
    pub size: Quantity,
    /// What copies it, where Git names nothing else by then.
    pub image: String,
    /// What the member had come to: the copy knows at least that.
    pub revision: i64,
    /// All of it is on the claim that the seat has noted, and clients may write there: the old volume is behind.
    pub copied: bool,
}

/// What there is of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Copying {
    /// The claim that the old volume is lent to.
    pub claim: Option<LentClaim>,
    /// The pod that reads there and writes to the member's claim; its stamp says with what ([`copy_stamp`]).
    pub pod: Option<Pod>,
}

impl Copying {
    /// All of it is on this claim.
    pub fn is_done_to(&self, claim: &Claim) -> bool {
        let bound = claim.phase == ClaimPhase::Bound && !claim.deleting;
        let done = |pod: &Pod| pod.phase == PodPhase::Succeeded && writes_to(pod, &claim.uid);
        bound && self.pod.as_ref().is_some_and(done)
    }
}

/// The stamp of a pod that copies to this claim with this image.
pub fn copy_stamp(claim: &Uid, image: &str) -> String {
    format!("{claim} {image}")
}

/// The pod was made to copy to this claim.
pub fn writes_to(pod: &Pod, claim: &Uid) -> bool {
    let stamp = pod.stamp.as_ref().and_then(|stamp| stamp.split_once(' '));
    stamp.is_some_and(|(uid, _)| uid == claim.0)
}

/// Of a volume that is read from once more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LentClaim {
    pub uid: Uid,
    /// The volume it asks for by name.
    pub volume: String,
    pub bound: bool,
    pub deleting: bool,
    /// As a claim's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}
