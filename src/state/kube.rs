//! What Kubernetes says about one cluster's objects.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    Certificates, Content, Copying, FieldManager, Ledger, MemberConfig, MemberId, Quota, Reading,
};
use crate::fleet::{Ordinal, Quantity};

/// On a volume that was kept: the ID of the etcd cluster whose data it holds.
pub const ETCD_CLUSTER_ANNOTATION: &str = "reconcile/etcd-cluster";

/// On a pod: it takes part in the client Service. The template sets it, a drain takes it off.
pub const SERVING_LABEL: &str = "reconcile/serving";

/// `metadata.uid`: tells this object from another that had its name before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Uid(pub String);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The objects we render, in the order they are created: the template last, for it starts processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ObjectKind {
    ServiceAccount,
    /// Headless, publishes not-ready addresses: how members find each other.
    PeerService,
    ClientService,
    PodDisruptionBudget,
    /// The members' configuration files.
    ConfigMap,
    StatefulSet,
}

impl ObjectKind {
    pub const ALL: [Self; 6] = [
        Self::ServiceAccount,
        Self::PeerService,
        Self::ClientService,
        Self::PodDisruptionBudget,
        Self::ConfigMap,
        Self::StatefulSet,
    ];

    /// The Kubernetes kind.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::PeerService | Self::ClientService => "Service",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::ConfigMap => "ConfigMap",
            Self::StatefulSet => "StatefulSet",
        }
    }
}

/// An object by kind and name; the namespace is the cluster's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ObjectKey {
    pub kind: ObjectKind,
    pub name: String,
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.kind(), self.name)
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Kube {
    /// UID of `kube-system`: which Kubernetes cluster this is.
    pub cluster_uid: String,
    pub namespace_exists: bool,
    /// The objects of our names that exist, ours or not.
    pub objects: BTreeMap<ObjectKind, LiveObject>,
    /// Facts of the StatefulSet that rules ask for; it is in `objects` too.
    pub stateful_set: Option<StatefulSet>,
    pub pods: BTreeMap<Ordinal, Pod>,
    pub claims: BTreeMap<Ordinal, Claim>,
    /// Seats whose old volume is lent to a pod that copies it to the new one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub copies: BTreeMap<Ordinal, Copying>,
    /// The live text of each member's configuration file.
    pub member_files: BTreeMap<Ordinal, MemberConfig>,
    /// Seats that are ready endpoints of the client Service (`EndpointSlice`).
    pub serving: BTreeSet<Ordinal>,
    /// Volumes whose claim was one of ours and is gone.
    pub released_volumes: Reading<Vec<ReleasedVolume>>,
    /// Referenced Secrets → the keys they hold, `None` when the Secret is absent. Never a value.
    pub secrets: BTreeMap<String, Option<BTreeSet<String>>>,
    /// Of the certificates in them. What is not here was not read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub certificates: Certificates,
    pub ledger: Option<Ledger>,
    pub lock: Option<Lock>,
    /// Ids `<fleet>/<context>/<name>` found on objects of our names that are not this cluster's.
    pub claimed_by: BTreeMap<ObjectKind, String>,
    /// Objects that carry this cluster's id under another name or in another namespace, as `<kind> <namespace>/<name>`.
    /// Read where nothing notes that the cluster has lived.
    pub elsewhere: Reading<Vec<String>>,
    /// The nodes that pods and volumes of ours name, by name; one that is missing does not exist any more.
    pub nodes: Reading<BTreeMap<String, Node>>,
    /// The classes that Git and claims name; `None` where there is none of that name.
    pub storage_classes: Reading<BTreeMap<String, Option<StorageClass>>>,
    /// The `VolumeAttributesClass` that Git names → its driver; `None` where there is none of that name. Empty where Git
    /// names none: nobody asks then.
    #[serde(
        default = "AttributesClasses::none_asked",
        skip_serializing_if = "AttributesClasses::is_none_asked"
    )]
    pub attributes_classes: AttributesClasses,
    /// What the namespace may have of claims and pods; quotas with scopes are not among these.
    #[serde(default = "not_recorded")]
    pub quotas: Reading<Vec<Quota>>,
    /// Other controllers that act on our objects (an autoscaler, a GitOps tool), beside those that hold fields.
    pub actors: Vec<Actor>,
    /// Seats whose pod or claim does not come, and what Kubernetes says of it. Words for a reader; where they cannot be
    /// read there are none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub obstacles: BTreeMap<Ordinal, Obstacle>,
}

/// `VolumeAttributesClass`es: name → driver.
pub type AttributesClasses = Reading<BTreeMap<String, Option<String>>>;

impl AttributesClasses {
    pub const fn none_asked() -> Self {
        Self::Known(BTreeMap::new())
    }

    fn is_none_asked(&self) -> bool {
        self.known().is_some_and(BTreeMap::is_empty)
    }
}

fn not_recorded<T>() -> Reading<T> {
    Reading::Unknown("not recorded".into())
}

/// What keeps a pod or a claim from coming.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Obstacle {
    /// `FailedCreate: … exceeded quota: …`
    pub said: String,
    /// When it was last said.
    pub at: Timestamp,
    /// Somebody said no; otherwise nobody has answered.
    pub refused: bool,
}

/// A node, as far as it tells whether what ran there may still run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Node {
    pub ready: bool,
    /// Since when it is so.
    pub since: Option<Timestamp>,
}

/// What a `StorageClass` lets happen to its volumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StorageClass {
    pub provisioner: String,
    /// `allowVolumeExpansion`.
    pub expands: bool,
    /// `volumeBindingMode: Immediate`: a volume is made before its pod has a node.
    #[serde(default)]
    pub binds_at_once: bool,
}

/// A controller that acts on one of our objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Actor {
    /// `HorizontalPodAutoscaler etcd/orders`, `Argo CD application orders`.
    pub name: String,
    pub on: ObjectKind,
    pub since: Option<Timestamp>,
}

/// One of our objects as it is, with what the server adds taken off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct LiveObject {
    pub uid: Uid,
    /// Carries this cluster's labels. An object of our name without them is someone else's.
    pub ours: bool,
    pub deleting: bool,
    /// Without `status`, `managedFields` and server-owned metadata.
    pub content: Content,
    /// Field managers other than us and the built-in controllers.
    pub managers: Vec<FieldManager>,
}

impl LiveObject {
    /// Who else holds this field. A controller before a person: it is the one that writes again.
    pub fn holder(&self, pointer: &str) -> Option<&FieldManager> {
        let holders = self.managers.iter().filter(|m| m.holds(pointer));
        holders.max_by_key(|m| (m.kind(), m.time))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct StatefulSet {
    pub uid: Uid,
    pub resource_version: String,
    pub replicas: u32,
    pub generation: i64,
    pub observed_generation: i64,
    pub deleting: bool,
    /// The settings stamp of its template; see `manifest::settings_stamp`.
    pub stamp: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Pod {
    pub uid: Uid,
    pub phase: PodPhase,
    pub ready: bool,
    /// Has the serving label.
    pub serving_label: bool,
    pub deleting: bool,
    pub node: Option<String>,
    pub ip: Option<String>,
    /// The settings stamp it was made with.
    pub stamp: Option<String>,
    pub restarts: u32,
    /// Reason and message when its container waits or its pod is unschedulable: `ImagePullBackOff: …`.
    pub waiting: Option<String>,
    /// The container's last words (`FallbackToLogsOnError`), shortened and scrubbed.
    pub last_words: Option<String>,
}

impl Pod {
    /// Its container waits for something that does not come by itself. The kubelet gives a reason for every container
    /// that does not run yet, the one that is just being made too.
    pub fn is_stuck(&self) -> bool {
        let coming = ["ContainerCreating", "PodInitializing"];
        self.waiting
            .as_ref()
            .is_some_and(|why| !coming.iter().any(|reason| why.starts_with(reason)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PodPhase {
    Pending,
    Running,
    Succeeded,
    Failed,
    Unknown,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Claim {
    pub uid: Uid,
    pub phase: ClaimPhase,
    pub deleting: bool,
    pub class_name: Option<String>,
    /// What was asked for; a driver may round the capacity up.
    pub request: Quantity,
    /// What there is; `None` before it is bound.
    pub capacity: Option<Quantity>,
    /// How far a resize or a modification is, or why it fails: the condition and its message.
    pub resize: Option<String>,
    #[serde(default, skip_serializing_if = "Attributes::is_untouched")]
    pub attributes: Attributes,
    /// The bound volume, read by name. Unknown: not read.
    pub volume: Option<Reading<Volume>>,
    /// What is on the volume. Only the model knows: live, nobody reads a volume, and so no rule may ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

/// The `VolumeAttributesClass` of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Attributes {
    /// What the claim asks for.
    pub asked: Option<String>,
    /// What its volume has.
    pub current: Option<String>,
    /// A modification that has begun and not ended.
    pub modification: Option<Modification>,
}

impl Attributes {
    fn is_untouched(&self) -> bool {
        *self == Self::default()
    }
}

/// `status.modifyVolumeStatus` of a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Modification {
    pub target: String,
    pub state: ModificationState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ModificationState {
    /// Something is not there yet, as the class.
    Pending,
    InProgress,
    /// The driver says that it cannot be.
    Infeasible,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Contents {
    Empty,
    /// The data of the member with this ID.
    Of(MemberId),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClaimPhase {
    Pending,
    Bound,
    Lost,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Volume {
    pub name: String,
    pub uid: Uid,
    /// `Retain`, `Delete` or `Recycle`.
    pub reclaim_policy: String,
    /// The etcd cluster whose data it was kept for.
    pub etcd_cluster: Option<MemberId>,
    /// The only node it can be used on (a local volume); `None` where it can move.
    pub node: Option<String>,
    /// The CSI driver; `None` where it is of none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct ReleasedVolume {
    pub name: String,
    pub uid: Uid,
    pub resource_version: String,
    /// The claim it was bound to, `data-<name>-<ordinal>`.
    pub claim: String,
    /// Since when it is Released and kept; `None` while it is anything else.
    pub since: Option<Timestamp>,
    /// The etcd cluster whose data it was kept for.
    pub etcd_cluster: Option<MemberId>,
    /// As a claim's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<Contents>,
}

/// Who holds the cluster's Lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Lock {
    pub holder: String,
    /// Since when it is held; `None`: not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquired: Option<Timestamp>,
    pub renewed: Timestamp,
    /// Seconds.
    pub duration: u32,
    pub commit: Option<String>,
}

impl Lock {
    /// `ada@laptop/4711`: its holder without how another process of the same machine knows that it is dead, which is of
    /// no use to a reader. What another program wrote stays as it is.
    pub fn who(&self) -> &str {
        self.holder.split(" boot:").next().unwrap_or_default()
    }

    /// Not renewed for as long as it lasts, by its holder's clock and ours: the next run may take it once it has seen it
    /// unchanged for so long by its own.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now.duration_since(self.renewed) > SignedDuration::from_secs(self.duration.into())
    }
}
