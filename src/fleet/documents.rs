//! What may be written in the documents: the JSON Schemas and `reconcile explain FIELD` come from these types and comments.
//!
//! Every field is optional here, since a cluster's spec may take it from its profile or the fleet's defaults.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::text::{
    CanaryId, Duration, ImageText, Label, LabelValue, QuantityText, RetentionText, VersionText,
};

/// A fleet of etcd clusters: where they live, what they share, in which order they change.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FleetDocument {
    /// `reconcile/v1alpha1`.
    #[schemars(extend("const" = "reconcile/v1alpha1"))]
    pub(super) api_version: String,
    /// `Fleet`.
    #[schemars(extend("const" = "Fleet"))]
    pub(super) kind: String,
    /// What the fleet is called.
    pub(super) metadata: FleetMetadata,
    /// What the fleet is.
    pub(super) spec: FleetSpec,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FleetMetadata {
    /// The fleet's name. It is a label on every object, and what one types to confirm a destructive plan.
    pub(super) name: LabelValue,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct FleetSpec {
    /// Kubernetes clusters by the name that `context` of a cluster refers to.
    pub(super) contexts: BTreeMap<String, ContextEntry>,
    /// Fields of an etcd cluster's spec for all clusters of the fleet. A profile overrides them, a cluster overrides
    /// both: field by field in mappings, lists as a whole.
    pub(super) defaults: Option<SpecLayer>,
    /// Named sets of fields that clusters take with `profile`.
    pub(super) profiles: Option<BTreeMap<String, SpecLayer>>,
    /// How an apply walks over the fleet.
    pub(super) rollout: Option<RolloutSpec>,
    /// `true`: nothing in the whole fleet is changed. Default `false`.
    pub(super) suspend: Option<bool>,
}

/// One Kubernetes cluster: exactly one of `kubeContext`, `kubeconfig` and `inCluster` says how to reach it.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContextEntry {
    /// A context of the default kubeconfig (`KUBECONFIG`, else `~/.kube/config`).
    #[schemars(length(min = 1))]
    pub(super) kube_context: Option<String>,
    /// A kubeconfig file.
    pub(super) kubeconfig: Option<KubeconfigEntry>,
    /// `{}`: the service account of the pod that reconcile runs in.
    pub(super) in_cluster: Option<InClusterEntry>,
    /// UID of the `kube-system` namespace. A Kubernetes cluster with another UID is refused, so that a wrong
    /// kubeconfig cannot get a second set of clusters bootstrapped into it.
    #[serde(rename = "clusterUID")]
    #[schemars(length(min = 1))]
    pub(super) cluster_uid: Option<String>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct KubeconfigEntry {
    /// Path of the file; a relative one starts at the directory of fleet.yaml.
    #[schemars(length(min = 1))]
    pub(super) path: String,
    /// A context in that file; its current context by default.
    #[schemars(length(min = 1))]
    pub(super) context: Option<String>,
}

/// Has no settings.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InClusterEntry {}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct RolloutSpec {
    /// Clusters (`<context>/<name>`) that go first, one at a time; the others only follow when these end in sync.
    pub(super) canary: Option<Vec<CanaryId>>,
    /// How many clusters are changed at the same time. Default 4.
    #[schemars(range(min = 1, max = 256))]
    pub(super) max_parallel: Option<usize>,
    /// No further cluster is begun after this many failures. Default 1.
    #[schemars(range(min = 1))]
    pub(super) stop_after_failures: Option<usize>,
}

/// One etcd cluster.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterDocument {
    /// `reconcile/v1alpha1`.
    #[schemars(extend("const" = "reconcile/v1alpha1"))]
    pub(super) api_version: String,
    /// `EtcdCluster`.
    #[schemars(extend("const" = "EtcdCluster"))]
    pub(super) kind: String,
    /// What the cluster is called.
    pub(super) metadata: ClusterMetadata,
    /// What the cluster shall be.
    pub(super) spec: SpecLayer,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ClusterMetadata {
    /// The cluster's name. `<context>/<name>` is unique in the fleet.
    pub(super) name: Label,
}

/// Fields of an etcd cluster. `context`, `backend.statefulSet.namespace`, `members`, `version` and `storage.size` must
/// come from somewhere: the cluster itself, its profile or the fleet's defaults.
#[derive(Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SpecLayer {
    /// The Kubernetes cluster, by its name in `spec.contexts` of fleet.yaml.
    pub(super) context: Option<LabelValue>,
    /// A profile of fleet.yaml; only a cluster can have one.
    pub(super) profile: Option<LabelValue>,
    /// How the members run.
    pub(super) backend: Option<BackendSpec>,
    /// Number of voting members: 1, 3, 5 or 7.
    #[schemars(range(min = 1, max = 7))]
    pub(super) members: Option<u32>,
    /// etcd's version, as in `3.6.16`.
    pub(super) version: Option<VersionText>,
    /// Image of etcd. `{version}` stands for the version; without a tag it gets `:v{version}`. Default
    /// `gcr.io/etcd-development/etcd`.
    pub(super) image: Option<ImageText>,
    /// DNS domain of the Kubernetes cluster. Default `cluster.local`.
    pub(super) cluster_domain: Option<super::text::Domain>,
    /// The members' volumes.
    pub(super) storage: Option<StorageSpec>,
    /// etcd's own settings.
    pub(super) etcd: Option<EtcdSpec>,
    /// Resources of the etcd container.
    pub(super) resources: Option<ResourcesSpec>,
    /// Certificates, from Secrets that exist already. Left out: plain HTTP.
    pub(super) tls: Option<TlsSpec>,
    /// How reconcile itself reaches etcd.
    pub(super) access: Option<AccessSpec>,
    /// Which nodes the members run on.
    pub(super) scheduling: Option<SchedulingSpec>,
    /// Additions to the members' pods.
    pub(super) pod: Option<PodSpec>,
    /// Additions to the peer and client Services.
    pub(super) service: Option<ServiceSpec>,
    /// What is kept of the cluster's data outside of it.
    pub(super) backup: Option<BackupSpec>,
    /// What steps may do to this cluster.
    pub(super) policy: Option<PolicySpec>,
    /// `true`: this cluster is not changed; the plan says so. Default `false`.
    pub(super) suspend: Option<bool>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BackendSpec {
    /// Members are pods of a StatefulSet that reconcile makes.
    pub(super) stateful_set: Option<StatefulSetSpec>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StatefulSetSpec {
    /// Namespace of all objects; it must exist.
    pub(super) namespace: Option<Label>,
    /// Base name of all objects, at most 52 characters. Default: the cluster's name.
    pub(super) name: Option<Label>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StorageSpec {
    /// `StorageClass` of the volumes. Default: the Kubernetes cluster's default class.
    pub(super) class_name: Option<super::text::Subdomain>,
    /// `VolumeAttributesClass` of the volumes (Kubernetes 1.34): what their driver changes in place, under running members,
    /// as IOPS and throughput. Default: each claim keeps what it has.
    pub(super) attributes_class_name: Option<super::text::Subdomain>,
    /// Size that each member's volume is requested with, as in `16Gi`.
    pub(super) size: Option<QuantityText>,
    /// How members come to other volumes when class or size change.
    pub(super) migration: Option<MigrationSpec>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MigrationSpec {
    /// `surge`: one member more meanwhile, tolerance stays. `inPlace`: for where there is no room for one more; three
    /// members or more. `offline`: one member is stopped while its data is copied; with `policy.allowDowntime` and
    /// `copyImage`. Default: `auto`, which is `surge` or `inPlace`.
    pub(super) strategy: Option<super::spec::MigrationStrategy>,
    /// For `offline`, and for finishing what was begun with it whatever the strategy is by then: an image with a POSIX
    /// shell, `cp`, `find` and `sha256sum` that runs as any user, as in `registry.example/busybox:1.37`. The image of etcd
    /// has none of them.
    pub(super) copy_image: Option<ImageText>,
    /// How long a volume that a member left is kept before a later apply deletes it, as in `7d`; a day or more. Default:
    /// it is kept until a person deletes it.
    pub(super) keep_old_volumes: Option<Duration>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct EtcdSpec {
    /// Size of the database at which etcd stops taking writes, as in `8Gi`. Default: etcd's own, 2 GiB.
    pub(super) quota: Option<QuantityText>,
    /// Old revisions are dropped by etcd itself. Default: they are kept until a client compacts.
    pub(super) auto_compaction: Option<AutoCompactionSpec>,
    /// Applied entries after which etcd writes a snapshot. Default: etcd's own.
    #[schemars(range(min = 1))]
    pub(super) snapshot_count: Option<u64>,
    /// Time between the leader's heartbeats, as in `100ms` (the default).
    pub(super) heartbeat_interval: Option<Duration>,
    /// Time without a heartbeat after which a follower stands for election, as in `1s` (the default); at least five
    /// heartbeats, at most 50 s.
    pub(super) election_timeout: Option<Duration>,
    /// Keys of etcd's configuration file that have no field here, as in `max-request-bytes: 3145728`. They are checked
    /// against the keys and types of that etcd version.
    pub(super) extra: Option<BTreeMap<String, Value>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AutoCompactionSpec {
    /// `periodic` keeps the revisions of a time, `revision` keeps a number of them.
    pub(super) mode: Option<CompactionModeSpec>,
    /// What is kept: a duration (`30m`) with `periodic`, a count (`1000`) with `revision`.
    pub(super) retention: Option<RetentionText>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum CompactionModeSpec {
    Periodic,
    Revision,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ResourcesSpec {
    /// What the scheduler sets aside, as in `{cpu: 300m, memory: 1Gi}`.
    pub(super) requests: Option<BTreeMap<String, QuantityText>>,
    /// What the container may use at most; a memory limit below the quota gets members killed.
    pub(super) limits: Option<BTreeMap<String, QuantityText>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TlsSpec {
    /// Members serve clients by TLS and ask them for a certificate; needs `access.clientCertSecretName`.
    pub(super) client: Option<TlsSecretSpec>,
    /// Members speak TLS with each other, and know each other by certificate.
    pub(super) peer: Option<TlsSecretSpec>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TlsSecretSpec {
    /// Secret of type `kubernetes.io/tls` in the cluster's namespace, with `tls.crt` and `tls.key`. The certificate is
    /// valid for `*.<name>-peer.<namespace>.svc`.
    pub(super) secret_name: Option<super::text::Subdomain>,
    /// Secret with `ca.crt`, the authority that has signed the others' certificates.
    pub(super) ca_secret_name: Option<super::text::Subdomain>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AccessSpec {
    /// Secret in the cluster's namespace with `tls.crt` and `tls.key` that members take from a client.
    pub(super) client_cert_secret_name: Option<super::text::Subdomain>,
    /// Secret with `username` and `password` of a user with the root role, where authentication is on.
    pub(super) credentials_secret_name: Option<super::text::Subdomain>,
    /// `direct` dials the members' addresses, `portForward` goes through the Kubernetes API; `auto` (the default) is
    /// `direct` for an `inCluster` context, else `portForward`.
    pub(super) reach: Option<ReachSpec>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(inline)]
pub(super) enum ReachSpec {
    Auto,
    Direct,
    PortForward,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct SchedulingSpec {
    /// Labels that a node must have.
    pub(super) node_selector: Option<BTreeMap<String, String>>,
    /// Taints of nodes that members put up with.
    pub(super) tolerations: Option<Vec<TolerationSpec>>,
    /// Kubernetes' own `affinity` of a pod, passed through.
    pub(super) affinity: Option<BTreeMap<String, Value>>,
    /// Priority class of the pods.
    pub(super) priority_class_name: Option<super::text::Subdomain>,
    /// Node labels over whose values members are spread, as in `topology.kubernetes.io/zone`.
    pub(super) topology_spread: Option<Vec<super::text::LabelKey>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TolerationSpec {
    /// The taint's key; left out (with `operator: Exists`) it stands for all.
    pub(super) key: Option<String>,
    /// `Equal` (the default) compares the value, `Exists` takes any.
    pub(super) operator: Option<TolerationOperator>,
    /// The taint's value.
    pub(super) value: Option<String>,
    /// The taint's effect; left out it stands for all.
    pub(super) effect: Option<TaintEffect>,
    /// How long a member stays after a `NoExecute` taint appears, in seconds; left out: for ever.
    pub(super) toleration_seconds: Option<i64>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum TolerationOperator {
    Equal,
    Exists,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) enum TaintEffect {
    NoSchedule,
    PreferNoSchedule,
    NoExecute,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PodSpec {
    /// Labels added to the pods.
    pub(super) labels: Option<BTreeMap<String, String>>,
    /// Annotations added to the pods.
    pub(super) annotations: Option<BTreeMap<String, String>>,
    /// Names of Secrets for the image's registry.
    pub(super) image_pull_secrets: Option<Vec<super::text::Subdomain>>,
    /// Group that owns the volume and that etcd runs as.
    #[serde(rename = "fsGroup")]
    #[schemars(range(min = 1))]
    pub(super) fs_group: Option<i64>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ServiceSpec {
    /// Labels added to the Services.
    pub(super) labels: Option<BTreeMap<String, String>>,
    /// Annotations added to the Services.
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct PolicySpec {
    /// How many more members must be able to fail at every moment of a change without losing quorum. Default 0:
    /// quorum is kept at every moment; 1 survives one failure in the middle of a step.
    pub(super) min_tolerance: Option<u32>,
    /// `true`: steps that give up a volume, lower the member count or bootstrap are refused. Default `false`.
    pub(super) protected: Option<bool>,
    /// `true`: takes 2, 4 or 6 members. Default `false`.
    pub(super) allow_even_members: Option<bool>,
    /// `true`: a change that takes a restart is made to one or two members too, with no quorum for the seconds that it
    /// lasts. Default `false`: it is refused.
    pub(super) allow_downtime: Option<bool>,
    /// `true`: a cluster without `backup.store` is refused, so that no snapshot ends on a machine that forgets its
    /// disk. Default `false`: without a store snapshots go to the state home of whoever runs reconcile.
    pub(super) require_store: Option<bool>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BackupSpec {
    /// Where snapshots go. Default: a directory in the state home of whoever runs reconcile.
    pub(super) store: Option<StoreSpec>,
}

/// Exactly one of `path`, `s3`, `gcs` and `azure`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct StoreSpec {
    /// A directory on the machine that reconcile runs on, as an absolute path.
    pub(super) path: Option<super::text::DirectoryText>,
    /// A bucket of Amazon S3, or of a server that speaks its protocol.
    pub(super) s3: Option<S3Spec>,
    /// A bucket of Google Cloud Storage.
    pub(super) gcs: Option<GcsSpec>,
    /// A container of Azure Blob Storage.
    pub(super) azure: Option<AzureSpec>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct S3Spec {
    /// The bucket; it must exist.
    pub(super) bucket: Option<super::text::Bucket>,
    /// What the names of all objects begin with, as in `etcd/prod`. Default: nothing.
    pub(super) prefix: Option<super::text::Prefix>,
    /// The bucket's region. Default `us-east-1`.
    pub(super) region: Option<super::text::Region>,
    /// Another server than Amazon's, as in `https://minio.example:9000`.
    pub(super) endpoint: Option<super::text::Endpoint>,
    /// Secret in the cluster's namespace with `accessKeyID` and `secretAccessKey`, maybe `sessionToken`. Default: the
    /// identity of whoever runs reconcile (environment, web identity, instance role).
    pub(super) secret_name: Option<super::text::Subdomain>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct GcsSpec {
    /// The bucket; it must exist.
    pub(super) bucket: Option<super::text::Bucket>,
    /// What the names of all objects begin with, as in `etcd/prod`. Default: nothing.
    pub(super) prefix: Option<super::text::Prefix>,
    /// Secret in the cluster's namespace with `serviceaccount.json`. Default: the identity of whoever runs reconcile
    /// (application default credentials, metadata server).
    pub(super) secret_name: Option<super::text::Subdomain>,
}

#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AzureSpec {
    /// The container; it must exist.
    pub(super) container: Option<super::text::Bucket>,
    /// What the names of all objects begin with, as in `etcd/prod`. Default: nothing.
    pub(super) prefix: Option<super::text::Prefix>,
    /// The storage account.
    pub(super) account: Option<super::text::Account>,
    /// Secret in the cluster's namespace with `storageKey`, the account's access key. Default: the identity of whoever
    /// runs reconcile (environment, workload identity, managed identity).
    pub(super) secret_name: Option<super::text::Subdomain>,
}
