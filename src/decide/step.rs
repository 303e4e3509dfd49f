//! What can be done to the world, one mutating act at a time.

use std::fmt;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::procedure::Row;
use super::view::{View, tolerance};
use crate::fleet::{Ordinal, Quantity};
use crate::state::{Content, MemberId, ObjectKey, ObjectKind, OfflineMove, Uid};

/// One act bound to what is live: all that performing it needs, and nothing left to choose.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A whole snapshot of the data into the cluster's store, checked. Nothing of the cluster changes.
    TakeSnapshot,
    /// POST first: 409 means that someone else has the name.
    CreateObject {
        object: ObjectKey,
        body: Content,
    },
    /// Server-side apply, bound to the object's UID.
    UpdateObject {
        object: ObjectKey,
        uid: Uid,
        body: Content,
        /// JSON pointers of what differs, for the plan.
        fields: Vec<String>,
        /// Those of them that a person's tool holds: exactly these are taken over.
        takes: Vec<String>,
    },
    /// The ConfigMap with one member's file replaced, the others to the letter as they are.
    WriteMemberFile {
        ordinal: Ordinal,
        life: FileLife,
        object: ObjectKey,
        uid: Uid,
        /// The complete new text of that file.
        text: String,
    },
    /// Learner add, sent to a healthy voter.
    AddLearner {
        ordinal: Ordinal,
        peer_url: String,
    },
    /// `replicas` up to this ordinal; nothing else in the StatefulSet.
    StartMember {
        ordinal: Ordinal,
        replicas: u32,
        stateful_set: Uid,
        resource_version: String,
    },
    Promote {
        ordinal: Ordinal,
        member: MemberId,
    },
    /// Sent to the leader.
    MoveLeader {
        from: Ordinal,
        to: Ordinal,
        transferee: MemberId,
    },
    RemoveMember {
        ordinal: Ordinal,
        member: MemberId,
    },
    /// The pod leaves the client Service.
    Drain {
        ordinal: Ordinal,
        pod: Uid,
    },
    /// The pod goes back into the client Service.
    Undrain {
        ordinal: Ordinal,
        pod: Uid,
    },
    /// A healthy voter's process ends and comes back from the present template, its volume kept.
    RestartMember {
        ordinal: Ordinal,
        pod: Uid,
        by: RestartBy,
    },
    /// Delete a pod whose process serves nobody, so that it is made again.
    DeletePod {
        ordinal: Ordinal,
        pod: Uid,
        /// Without waiting for its node to say that the process has ended.
        force: bool,
    },
    /// Delete an object of ours that is made again by a later step.
    DeleteObject {
        object: ObjectKey,
        uid: Uid,
        /// What it owns stays and runs on.
        orphan: bool,
    },
    /// `replicas` down to this ordinal.
    StopMember {
        ordinal: Ordinal,
        replicas: u32,
        stateful_set: Uid,
        resource_version: String,
    },
    /// The volume outlives its claim, and tells whose data it holds.
    RetainVolume {
        ordinal: Ordinal,
        volume: String,
        uid: Uid,
        etcd_cluster: Option<MemberId>,
    },
    /// The claim asks for more, and its driver makes the volume larger under the running member.
    ExpandClaim {
        ordinal: Ordinal,
        claim: String,
        uid: Uid,
        size: Quantity,
    },
    /// The claim asks for another `VolumeAttributesClass`, and its driver changes the volume under the running member.
    ModifyClaim {
        ordinal: Ordinal,
        claim: String,
        uid: Uid,
        class: String,
    },
    /// A volume that a member left some time ago is deleted, with what is on it.
    DiscardVolume {
        ordinal: Ordinal,
        volume: String,
        uid: Uid,
        resource_version: String,
    },
    /// Delete the claim; its volume is Retain.
    ReleaseClaim {
        ordinal: Ordinal,
        claim: String,
        uid: Uid,
    },
    /// `replicas` down to this ordinal, and its member comes back: on the copy of its data, or where it was.
    HaltMember {
        ordinal: Ordinal,
        replicas: u32,
        stateful_set: Uid,
        resource_version: String,
        from: OfflineMove,
    },
    /// The claim that the StatefulSet would make from its template, before it does.
    MakeClaim {
        ordinal: Ordinal,
        claim: String,
        body: Content,
    },
    /// The old volume bound to a claim of another name, and that claim.
    LendVolume {
        ordinal: Ordinal,
        volume: String,
        uid: Uid,
        resource_version: String,
        claim: String,
        body: Content,
    },
    /// A pod that copies from the one claim to the other and ends.
    CopyData {
        ordinal: Ordinal,
        pod: String,
        body: Content,
    },
    /// Delete the pod that copies, or did.
    StopCopy {
        ordinal: Ordinal,
        pod: String,
        uid: Uid,
    },
    /// Delete the claim that the old volume was lent to.
    ReturnVolume {
        ordinal: Ordinal,
        claim: String,
        uid: Uid,
    },
}

/// How a running member is restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RestartBy {
    /// Atomic against the PodDisruptionBudget, whoever else drains (2.8 #16).
    Eviction,
    /// Where no budget could allow it: one or two members, with `policy.allowDowntime`.
    Deletion,
}

/// Which life a member file is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FileLife {
    Join,
    Poison,
}

/// What an act is about, as a plan can know it before anything is live.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    Cluster,
    Member(Ordinal),
    Object(ObjectKind),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => write!(f, "cluster"),
            Self::Member(ordinal) => write!(f, "member {ordinal}"),
            Self::Object(kind) => write!(f, "{kind:?}"),
        }
    }
}

/// An intent's identity: what is hashed, approved, and held against what is performed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IntentKey {
    pub verb: &'static str,
    pub subject: Subject,
    /// JSON pointers of the fields that are taken from a person's tool.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub takes: Vec<String>,
}

impl Act {
    /// The act's word in plans, events and the ledger.
    pub const fn verb(&self) -> &'static str {
        match self {
            Self::TakeSnapshot => "take-snapshot",
            Self::CreateObject { .. } => "create",
            Self::UpdateObject { takes, .. } if takes.is_empty() => "update",
            Self::UpdateObject { .. } => "take-over",
            Self::WriteMemberFile {
                life: FileLife::Join,
                ..
            } => "write-join-file",
            Self::WriteMemberFile {
                life: FileLife::Poison,
                ..
            } => "poison-file",
            Self::AddLearner { .. } => "add-learner",
            Self::StartMember { .. } => "start-member",
            Self::Promote { .. } => "promote",
            Self::MoveLeader { .. } => "move-leader",
            Self::RemoveMember { .. } => "remove-member",
            Self::Drain { .. } => "drain",
            Self::Undrain { .. } => "undrain",
            Self::RestartMember { .. } => "restart-member",
            Self::DeletePod { force: false, .. } => "delete-pod",
            Self::DeletePod { force: true, .. } => "force-delete-pod",
            Self::DeleteObject { orphan: false, .. } => "delete",
            Self::DeleteObject { orphan: true, .. } => "orphan-delete",
            Self::StopMember { .. } => "stop-member",
            Self::RetainVolume { .. } => "retain-volume",
            Self::ExpandClaim { .. } => "expand-claim",
            Self::ModifyClaim { .. } => "modify-claim",
            Self::DiscardVolume { .. } => "discard-volume",
            Self::ReleaseClaim { .. } => "release-claim",
            Self::HaltMember { .. } => "halt-member",
            Self::MakeClaim { .. } => "make-claim",
            Self::LendVolume { .. } => "lend-volume",
            Self::CopyData { .. } => "copy-data",
            Self::StopCopy { .. } => "stop-copy",
            Self::ReturnVolume { .. } => "return-volume",
        }
    }

    pub const fn subject(&self) -> Subject {
        match self {
            Self::TakeSnapshot => Subject::Cluster,
            Self::CreateObject { object, .. }
            | Self::UpdateObject { object, .. }
            | Self::DeleteObject { object, .. } => Subject::Object(object.kind),
            Self::MoveLeader { from: ordinal, .. }
            | Self::WriteMemberFile { ordinal, .. }
            | Self::AddLearner { ordinal, .. }
            | Self::StartMember { ordinal, .. }
            | Self::Promote { ordinal, .. }
            | Self::RemoveMember { ordinal, .. }
            | Self::Drain { ordinal, .. }
            | Self::Undrain { ordinal, .. }
            | Self::RestartMember { ordinal, .. }
            | Self::DeletePod { ordinal, .. }
            | Self::StopMember { ordinal, .. }
            | Self::RetainVolume { ordinal, .. }
            | Self::ExpandClaim { ordinal, .. }
            | Self::ModifyClaim { ordinal, .. }
            | Self::DiscardVolume { ordinal, .. }
            | Self::ReleaseClaim { ordinal, .. }
            | Self::HaltMember { ordinal, .. }
            | Self::MakeClaim { ordinal, .. }
            | Self::LendVolume { ordinal, .. }
            | Self::CopyData { ordinal, .. }
            | Self::StopCopy { ordinal, .. }
            | Self::ReturnVolume { ordinal, .. } => Subject::Member(*ordinal),
        }
    }

    pub fn key(&self) -> IntentKey {
        let takes = match self {
            Self::UpdateObject { takes, .. } => takes.clone(),
            _ => Vec::new(),
        };
        IntentKey {
            verb: self.verb(),
            subject: self.subject(),
            takes,
        }
    }

    /// Changes etcd's membership or gives up a claim: only on an observation at most 2 s old.
    pub const fn needs_fresh_look(&self) -> bool {
        matches!(
            self,
            Self::AddLearner { .. }
                | Self::Promote { .. }
                | Self::RemoveMember { .. }
                | Self::RestartMember { .. }
                | Self::DeletePod { .. }
                | Self::DeleteObject { .. }
                | Self::StopMember { .. }
                | Self::ReleaseClaim { .. }
                | Self::DiscardVolume { .. }
                | Self::HaltMember { .. }
                | Self::ReturnVolume { .. }
        )
    }
}

/// The row that asked for something, `grow/not-listed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RowId {
    pub procedure: &'static str,
    pub row: &'static str,
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.procedure, self.row)
    }
}

/// What a step does to the cluster's voters, counted on the observation it was decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Effect {
    pub voters_before: u32,
    pub voters_after: u32,
    /// `h - q`; negative: quorum is not there.
    pub tolerance_before: i64,
    pub tolerance_after: i64,
    pub restarts: u32,
}

/// One act as a plan shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    pub key: IntentKey,
    pub row: RowId,
    pub why: &'static str,
    /// Ids of the guards that were asked.
    pub guards: Vec<&'static str>,
    pub effect: Effect,
    pub estimate: SignedDuration,
    /// How to take it back, or why that cannot be.
    pub undo: &'static str,
    /// Gives up a volume, lowers the member count, or bootstraps.
    pub destructive: bool,
}

/// An intent bound to what is live.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub intent: Intent,
    pub act: Act,
}

impl Step {
    /// Binds what a row asked for to its row, guards and effect.
    pub(super) fn bind(view: &View, row: &'static Row, id: RowId, act: Act) -> Self {
        let intent = Intent {
            key: act.key(),
            row: id,
            why: row.why,
            guards: row.guards.iter().map(|g| g.id).collect(),
            effect: Effect::of(view, &act),
            estimate: act.estimate(view),
            undo: row.undo,
            destructive: act.is_destructive(view),
        };
        Self { intent, act }
    }
}

impl Effect {
    fn of(view: &View, act: &Act) -> Self {
        let before = (view.voter_count(), view.healthy_count());
        let after = voters_after(view, act);
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            voters_before: count(before.0),
            voters_after: count(after.0),
            tolerance_before: tolerance(before.1, before.0),
            tolerance_after: tolerance(after.1, after.0),
            restarts: u32::from(matches!(
                act,
                Act::RestartMember { .. } | Act::HaltMember { .. }
            )),
        }
    }
}

/// (voters, healthy voters) once the act has taken effect and all it starts has come up.
pub(super) fn voters_after(view: &View, act: &Act) -> (usize, usize) {
    let (n, h) = (view.voter_count(), view.healthy_count());
    match act {
        Act::Promote { .. } => (n + 1, h + 1),
        Act::RemoveMember { ordinal, .. } => without(view, *ordinal),
        // Counted at its lowest: while the process is down.
        Act::RestartMember { ordinal, .. } | Act::HaltMember { ordinal, .. } => {
            down(view, *ordinal)
        }
        Act::CreateObject { object, .. } if object.kind == ObjectKind::StatefulSet && n == 0 => {
            let born = view.spec.members as usize;
            (born, born)
        }
        _ => (n, h),
    }
}

/// (voters, healthy voters) while the process of this seat is down.
pub(super) fn down(view: &View, ordinal: Ordinal) -> (usize, usize) {
    let lost = usize::from(view.is_healthy(view.seat(ordinal)));
    (view.voter_count(), view.healthy_count() - lost)
}

/// (voters, healthy voters) without the member of this seat.
pub(super) fn without(view: &View, ordinal: Ordinal) -> (usize, usize) {
    let (seat, n, h) = (view.seat(ordinal), view.voter_count(), view.healthy_count());
    if seat.is_voter() {
        (n - 1, h - usize::from(view.is_healthy(seat)))
    } else {
        (n, h)
    }
}

/// Bytes a second that a member sends another or a store: an assumption, on the low side of what disks of a cloud do.
const COPIED_PER_SECOND: i64 = 40_000_000;

/// How long so many bytes take from one member or volume to another.
pub(super) fn copying(bytes: u64) -> SignedDuration {
    let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
    SignedDuration::from_secs(bytes / COPIED_PER_SECOND)
}

impl Act {
    /// Gives up a volume, lowers the member count, or bootstraps (design.md 11).
    fn is_destructive(&self, view: &View) -> bool {
        match self {
            Self::RemoveMember { ordinal, .. } => view.seat(*ordinal).is_voter(),
            Self::ReleaseClaim { .. } | Self::DiscardVolume { .. } => true,
            Self::CreateObject { object, .. } => {
                object.kind == ObjectKind::StatefulSet && !view.is_born()
            }
            _ => false,
        }
    }

    /// How long it takes until its effect is there, from runs on the test bed (etcd-operations.md 2.7), with the time
    /// that the largest database takes from one member to another.
    fn estimate(&self, view: &View) -> SignedDuration {
        let copied = || copying(view.largest_database());
        match self {
            Self::TakeSnapshot => SignedDuration::from_secs(1) + copied(),
            Self::CreateObject { object, .. } if matches!(object.kind, ObjectKind::StatefulSet) => {
                SignedDuration::from_secs(10)
            }
            Self::AddLearner { .. } => SignedDuration::from_secs(10) + copied(),
            Self::Promote { .. } => SignedDuration::from_secs(3),
            Self::StopMember { .. } | Self::HaltMember { .. } => SignedDuration::from_secs(4),
            Self::CopyData { .. } => SignedDuration::from_secs(6) + copied(),
            Self::StartMember { .. } | Self::RestartMember { .. } | Self::DeletePod { .. } => {
                SignedDuration::from_secs(8)
            }
            // The kubelet looks at a claim about once a minute.
            Self::ExpandClaim { .. } => SignedDuration::from_mins(1),
            Self::ModifyClaim { .. } => SignedDuration::from_secs(10),
            Self::ReleaseClaim { .. }
            | Self::DeleteObject { .. }
            | Self::DiscardVolume { .. }
            | Self::LendVolume { .. }
            | Self::StopCopy { .. } => SignedDuration::from_secs(2),
            Self::CreateObject { .. }
            | Self::UpdateObject { .. }
            | Self::WriteMemberFile { .. }
            | Self::MoveLeader { .. }
            | Self::RemoveMember { .. }
            | Self::Drain { .. }
            | Self::Undrain { .. }
            | Self::MakeClaim { .. }
            | Self::ReturnVolume { .. }
            | Self::RetainVolume { .. } => SignedDuration::from_secs(1),
        }
    }
}
