//! The validated desired state: what the rest of the program works on.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ClusterId, EtcdVersion, Ordinal, Origins, Quantity};

/// One directory of documents, layered and validated.
#[derive(Debug, Clone, PartialEq)]
pub struct Fleet {
    pub name: String,
    pub contexts: BTreeMap<String, Context>,
    /// Sorted by id.
    pub clusters: Vec<Box<ClusterSpec>>,
    pub rollout: Rollout,
}

/// Where clusters live: one Kubernetes API server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub source: ContextSource,
    /// UID of the `kube-system` namespace: refuses a wrong kubeconfig instead of bootstrapping into it.
    pub cluster_uid: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextSource {
    /// A context of the default kubeconfig (`KUBECONFIG`, `~/.kube/config`).
    KubeContext(String),
    /// A kubeconfig file; relative paths are against `fleet.yaml`. No context: the file's current one.
    Kubeconfig {
        path: String,
        context: Option<String>,
    },
    /// The service account of the pod this runs in.
    InCluster,
}

/// How an apply walks over the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    /// These first, one at a time; the others only when all of them end in sync.
    pub canary: Vec<ClusterId>,
    pub max_parallel: usize,
    /// No further cluster is begun after this many failures; those begun reach a safe point.
    pub stop_after_failures: usize,
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            canary: Vec::new(),
            max_parallel: 4,
            stop_after_failures: 1,
        }
    }
}

/// Where in the documents a field was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// As given to the program, with `/` between parts.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// The commit that wrote the line, 40 hex digits; none where Git does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
}

/// One etcd cluster as Git wants it.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterSpec {
    pub fleet: String,
    pub id: ClusterId,
    pub namespace: String,
    /// Base name of all objects; the cluster's name unless `backend.statefulSet.name` says otherwise.
    pub name: String,
    /// DNS domain of the Kubernetes cluster, `cluster.local` by default.
    pub cluster_domain: String,
    pub members: u32,
    pub version: EtcdVersion,
    /// Complete reference, tag included.
    pub image: String,
    pub storage: Storage,
    pub etcd: EtcdSettings,
    pub resources: Resources,
    pub tls: TlsSettings,
    pub access: Access,
    pub scheduling: Scheduling,
    pub pod: PodSettings,
    pub service: ServiceSettings,
    pub backup: BackupSettings,
    pub policy: Policy,
    /// Nothing is changed while true; the plan says so.
    pub suspend: bool,
    /// JSON pointer of the effective spec (`/spec/members`) → where it was said, whatever the layer.
    pub origins: Arc<Origins>,
}

impl ClusterSpec {
    /// Both ask for the same, wherever that was said.
    pub fn asks_the_same(&self, other: &Self) -> bool {
        let Self {
            fleet,
            id,
            namespace,
            name,
            cluster_domain,
            members,
            version,
            image,
            storage,
            etcd,
            resources,
            tls,
            access,
            scheduling,
            pod,
            service,
            backup,
            policy,
            suspend,
            origins: _,
        } = other;
        // What tells most clusters apart comes first.
        self.id == *id
            && (self.fleet == *fleet && self.namespace == *namespace && self.name == *name)
            && (self.members == *members && self.version == *version && self.image == *image)
            && (self.cluster_domain == *cluster_domain && self.suspend == *suspend)
            && (self.storage == *storage && self.etcd == *etcd && self.resources == *resources)
            && (self.tls == *tls && self.access == *access && self.scheduling == *scheduling)
            && (self.pod == *pod && self.service == *service)
            && (self.backup == *backup && self.policy == *policy)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Storage {
    /// `None`: the Kubernetes cluster's default class.
    pub class_name: Option<String>,
    /// `None`: what claims ask for stays whoever's choice it was.
    pub attributes_class_name: Option<String>,
    pub size: Quantity,
    pub migration: Migration,
}

impl Storage {
    /// Members move, where they must, as `auto` says.
    pub fn new(class_name: Option<String>, size: Quantity) -> Self {
        Self {
            class_name,
            attributes_class_name: None,
            size,
            migration: Migration::default(),
        }
    }
}

/// How members come to other volumes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Migration {
    pub strategy: MigrationStrategy,
    /// What copies the data of a stopped member: an image with a shell. `offline` has one.
    pub copy_image: Option<String>,
    /// `None`: volumes that members left are never deleted.
    pub keep_old_volumes: Option<jiff::SignedDuration>,
}

#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum MigrationStrategy {
    /// `surge`.
    #[default]
    Auto,
    /// One member more while others move, so that tolerance stays where it is.
    Surge,
    /// Each member gives its seat to its successor: no room for one more is needed, and tolerance is one lower
    /// meanwhile. Three members or more.
    InPlace,
    /// The only member is stopped, its data copied to the new volume, and started: downtime, and no second process.
    Offline,
}

#[derive(Debug, Clone, PartialEq)]
pub struct EtcdSettings {
    /// Bytes; `None`: etcd's own default of 2 GiB.
    pub quota: Option<Quantity>,
    pub auto_compaction: Option<AutoCompaction>,
    pub snapshot_count: Option<u64>,
    pub heartbeat_interval_ms: u64,
    pub election_timeout_ms: u64,
    /// Configuration-file keys passed through, checked against the version's flags.
    pub extra: BTreeMap<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoCompaction {
    pub mode: CompactionMode,
    /// As etcd reads it: a duration for `periodic`, a count for `revision`.
    pub retention: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompactionMode {
    Periodic,
    Revision,
}

impl CompactionMode {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Periodic => "periodic",
            Self::Revision => "revision",
        }
    }
}

/// Kubernetes resource names (`cpu`, `memory`) to quantities.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources {
    pub requests: BTreeMap<String, Quantity>,
    pub limits: BTreeMap<String, Quantity>,
}

/// Names of Secrets that exist already; we never write one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsSettings {
    pub client: Option<TlsSecret>,
    pub peer: Option<TlsSecret>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsSecret {
    /// `kubernetes.io/tls`: `tls.crt`, `tls.key`.
    pub secret_name: String,
    /// `ca.crt`.
    pub ca_secret_name: String,
}

/// How *we* reach etcd.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// `tls.crt`, `tls.key` that the members' client CA has signed.
    pub client_cert_secret_name: Option<String>,
    /// `username`, `password`.
    pub credentials_secret_name: Option<String>,
    pub reach: Reach,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Direct when the context is `inCluster`, else through port-forwards.
    #[default]
    Auto,
    Direct,
    PortForward,
}

/// Passed to the pod template as Kubernetes' own types, checked for shape when loaded.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scheduling {
    pub node_selector: BTreeMap<String, String>,
    pub tolerations: Vec<k8s_openapi::api::core::v1::Toleration>,
    pub affinity: Option<k8s_openapi::api::core::v1::Affinity>,
    pub priority_class_name: Option<String>,
    /// Topology keys to spread members over.
    pub topology_spread: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodSettings {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub image_pull_secrets: Vec<String>,
    /// Group that owns the volume and that etcd runs as.
    pub fs_group: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServiceSettings {
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the documents, on its own"
)]
pub struct Policy {
    /// Lowest `h - q` that a planned step may cause.
    pub min_tolerance: u32,
    /// Refuses destructive steps.
    pub protected: bool,
    pub allow_even_members: bool,
    /// One or two members may be restarted, with no quorum meanwhile.
    pub allow_downtime: bool,
    /// Snapshots go to a declared store or nowhere.
    pub require_store: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BackupSettings {
    /// Where snapshots go; `None`: the state home of whoever runs this.
    pub store: Option<SnapshotStore>,
}

/// Where a cluster's snapshots are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SnapshotStore {
    /// An absolute path on the machine that this runs on.
    Path(String),
    S3 {
        bucket: String,
        prefix: Option<String>,
        region: String,
        /// Another server than Amazon's.
        endpoint: Option<String>,
        /// `accessKeyID`, `secretAccessKey`, maybe `sessionToken`; `None`: the ambient identity.
        secret_name: Option<String>,
    },
    Gcs {
        bucket: String,
        prefix: Option<String>,
        /// `serviceaccount.json`; `None`: the ambient identity.
        secret_name: Option<String>,
    },
    Azure {
        container: String,
        prefix: Option<String>,
        account: String,
        /// `storageKey`; `None`: the ambient identity.
        secret_name: Option<String>,
    },
}

impl SnapshotStore {
    /// The Secret with its credentials.
    pub fn secret_name(&self) -> Option<&str> {
        match self {
            Self::Path(_) => None,
            Self::S3 { secret_name, .. }
            | Self::Gcs { secret_name, .. }
            | Self::Azure { secret_name, .. } => secret_name.as_deref(),
        }
    }
}

/// As a URL, or as a path.
impl fmt::Display for SnapshotStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, place, prefix) = match self {
            Self::Path(path) => return f.write_str(path),
            Self::S3 { bucket, prefix, .. } => ("s3", bucket, prefix),
            Self::Gcs { bucket, prefix, .. } => ("gs", bucket, prefix),
            Self::Azure {
                container, prefix, ..
            } => ("az", container, prefix),
        };
        write!(f, "{scheme}://{place}")?;
        prefix
            .as_ref()
            .map_or(Ok(()), |prefix| write!(f, "/{prefix}"))
    }
}

impl ClusterSpec {
    /// The Secrets that members run with, and we reach them with.
    pub fn access_secrets(&self) -> BTreeSet<String> {
        let tls = [&self.tls.client, &self.tls.peer].into_iter().flatten();
        tls.flat_map(|tls| [&tls.secret_name, &tls.ca_secret_name])
            .chain(&self.access.client_cert_secret_name)
            .chain(&self.access.credentials_secret_name)
            .cloned()
            .collect()
    }

    /// The one with the credentials of its store.
    pub fn store_secret(&self) -> Option<&str> {
        self.backup.store.as_ref()?.secret_name()
    }

    /// The ordinals that shall have a member.
    pub fn target(&self) -> impl Iterator<Item = Ordinal> + use<> {
        (0..self.members).map(Ordinal)
    }
}
