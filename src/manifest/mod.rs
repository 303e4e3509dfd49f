//! Desired state as Kubernetes objects: one file per kind, typed builders, nothing that changes from run to run.
//!
//! Two kinds of input: the [`ClusterSpec`] says everything a person can say, [`LiveInputs`] the three things that
//! follow the live cluster. Only the first is hashed into the [`CONTENT_ANNOTATION`], so that a step that moves the
//! second (replicas, a member's file) leaves the object equal to what is rendered next.

mod alike;
mod config_map;
mod difference;
mod disruption_budget;
mod labels;
pub mod member_file;
mod memo;
mod offline;
mod origins;
mod pod_template;
pub mod rbac;
mod service_account;
mod services;
mod stamp;
mod stateful_set;
mod volumes;
mod yaml;

use std::collections::BTreeMap;
use std::rc::Rc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{Content, Flat, MemberConfig, ObjectKey, ObjectKind, Spot};

#[cfg(test)]
pub(crate) use difference::tests::any_json;
pub use difference::{Difference, differences};
pub use labels::{
    CLUSTER_LABEL, CONTEXT_LABEL, FLEET_LABEL, are_of, fleet_selector, label_value, object_labels,
    selector,
};
pub use memo::Unchanged;
pub use offline::{copy_pod, lent_claim, member_claim};
pub use origins::{Traced, traced};
pub use stamp::{CONTENT_ANNOTATION, SETTINGS_ANNOTATION, settings_stamp, sha256_hex};
pub use yaml::yaml;

/// Field manager of every server-side apply.
pub const FIELD_MANAGER: &str = "reconcile";

const PEER_PORT: i32 = 2380;
const CLIENT_PORT: i32 = 2379;
const METRICS_PORT: i32 = 2381;

/// An object as we want it.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    pub key: ObjectKey,
    pub body: Content,
}

impl Object {
    /// For one object a file: `statefulset.orders.yaml`.
    pub fn file_name(&self) -> String {
        let kind = self.key.kind.kind().to_lowercase();
        format!("{kind}.{}.yaml", self.key.name)
    }

    /// As a YAML document.
    pub fn yaml(&self) -> String {
        yaml(&self.body)
    }
}

/// What the rendering of an object takes from the live cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveInputs {
    /// Each member's configuration file, complete.
    pub member_files: BTreeMap<Ordinal, MemberConfig>,
    pub replicas: u32,
    /// Of the PodDisruptionBudget: `max(q(live voters), q(target))`; 0 at one member, where it would only block.
    pub min_available: u32,
}

impl LiveInputs {
    /// The state in which nothing is left to do: every member has started, so every file is poisoned.
    pub fn steady(spec: &ClusterSpec) -> Self {
        Self {
            member_files: spec
                .target()
                .map(|ordinal| (ordinal, member_file::poisoned(spec, ordinal).into()))
                .collect(),
            replicas: spec.members,
            min_available: if spec.members > 1 {
                spec.members / 2 + 1
            } else {
                0
            },
        }
    }

    /// For an object of this kind.
    fn are_the_same(&self, other: &Self, kind: ObjectKind) -> bool {
        match kind {
            ObjectKind::PodDisruptionBudget => self.min_available == other.min_available,
            ObjectKind::ConfigMap => self.member_files == other.member_files,
            ObjectKind::StatefulSet => self.replicas == other.replicas,
            ObjectKind::ServiceAccount | ObjectKind::PeerService | ObjectKind::ClientService => {
                true
            }
        }
    }
}

/// All objects of a cluster, in the order they are created.
pub fn objects(spec: &ClusterSpec, live: &LiveInputs) -> Vec<Object> {
    ObjectKind::ALL
        .into_iter()
        .map(|kind| object(kind, spec, live))
        .collect()
}

/// One object.
pub fn object(kind: ObjectKind, spec: &ClusterSpec, live: &LiveInputs) -> Object {
    let mut body = drawn(kind, spec).body();
    match kind {
        ObjectKind::PodDisruptionBudget => {
            body.put(&["spec", "minAvailable"], &Flat::of(&live.min_available));
        }
        ObjectKind::ConfigMap => {
            body.put(&["data"], &config_map::data(spec, &live.member_files));
        }
        ObjectKind::StatefulSet => body.put(&["spec", "replicas"], &Flat::of(&live.replicas)),
        ObjectKind::ServiceAccount | ObjectKind::PeerService | ObjectKind::ClientService => {}
    }
    Object {
        key: key(kind, spec),
        body: body.into(),
    }
}

/// What in the object of this kind that was found is not as it shall be.
pub fn moved(
    kind: ObjectKind,
    spec: &ClusterSpec,
    live: &Rc<LiveInputs>,
    found: &Content,
) -> Rc<[Difference]> {
    memo::moved(kind, spec, live, found, || {
        if is_as_drawn(kind, spec, live, found.spot()) {
            return Vec::new();
        }
        differences(object(kind, spec, live).body.spot(), found.spot())
    })
}

/// Without a doubt: no field needs to be looked at again.
fn is_as_drawn(kind: ObjectKind, spec: &ClusterSpec, live: &LiveInputs, found: Spot<'_>) -> bool {
    let is_number = |path: &[&str], number: u32| {
        let there = found.at(path).and_then(Spot::as_u64);
        there == Some(u64::from(number))
    };
    let follows = match kind {
        ObjectKind::PodDisruptionBudget => is_number(&["spec", "minAvailable"], live.min_available),
        ObjectKind::ConfigMap => config_map::holds(spec, &live.member_files, found),
        ObjectKind::StatefulSet => is_number(&["spec", "replicas"], live.replicas),
        ObjectKind::ServiceAccount | ObjectKind::PeerService | ObjectKind::ClientService => true,
    };
    let drawn = drawn(kind, spec);
    let content = found.at(&["metadata", "annotations", CONTENT_ANNOTATION]);
    follows
        && content.and_then(Spot::as_str) == Some(&drawn.content)
        && alike::holds(found, drawn.object.root())
}

/// An object before what follows the live cluster is filled in, and the hash of it as JSON.
struct Drawn {
    object: Flat,
    content: String,
}

impl Drawn {
    fn new<T: Serialize>(object: &T) -> Self {
        Self::of(Flat::of(object))
    }

    fn of(object: Flat) -> Self {
        Self {
            content: stamp::short_hash(&object.canonical()),
            object,
        }
    }

    /// With the hash on it.
    fn body(&self) -> Flat {
        let mut body = self.object.clone();
        let place = ["metadata", "annotations", CONTENT_ANNOTATION];
        body.put(&place, &Flat::of(&self.content));
        body
    }
}

fn drawn(kind: ObjectKind, spec: &ClusterSpec) -> Rc<Drawn> {
    memo::drawn(kind, spec, |spec| match kind {
        ObjectKind::ServiceAccount => Drawn::new(&service_account::object(spec)),
        ObjectKind::PeerService => Drawn::new(&services::peer(spec)),
        ObjectKind::ClientService => Drawn::new(&services::client(spec)),
        ObjectKind::PodDisruptionBudget => Drawn::new(&disruption_budget::object(spec)),
        ObjectKind::ConfigMap => Drawn::new(&config_map::object(spec)),
        ObjectKind::StatefulSet => Drawn::of(stateful_set::object(spec)),
    })
}

/// What `reconcile render` prints: the objects of a cluster in which nothing is left to do.
pub fn steady(spec: &ClusterSpec) -> Vec<Object> {
    objects(spec, &LiveInputs::steady(spec))
}

/// The name an object of this kind has.
pub fn key(kind: ObjectKind, spec: &ClusterSpec) -> ObjectKey {
    let name = match kind {
        ObjectKind::PeerService => spec.peer_service(),
        ObjectKind::ClientService => spec.client_service(),
        ObjectKind::ConfigMap => format!("{}-members", spec.name),
        ObjectKind::ServiceAccount | ObjectKind::PodDisruptionBudget | ObjectKind::StatefulSet => {
            spec.name.clone()
        }
    };
    ObjectKey { kind, name }
}

/// Metadata that every object has.
fn metadata(kind: ObjectKind, spec: &ClusterSpec) -> ObjectMeta {
    ObjectMeta {
        name: Some(key(kind, spec).name),
        namespace: Some(spec.namespace.clone()),
        labels: Some(object_labels(spec)),
        ..ObjectMeta::default()
    }
}

/// Kubernetes' own way to say "none": the field is not there.
fn non_empty<C>(collection: C) -> Option<C>
where
    for<'a> &'a C: IntoIterator,
{
    let empty = (&collection).into_iter().next().is_none();
    (!empty).then_some(collection)
}

#[cfg(test)]
pub(crate) mod example {
    //! A cluster to render in unit tests.

    use std::collections::BTreeMap;
    use std::sync::Arc;

    use crate::fleet::{
        Access, BackupSettings, ClusterId, ClusterSpec, EtcdSettings, EtcdVersion, PodSettings,
        Policy, Resources, Scheduling, ServiceSettings, Storage, TlsSettings,
    };

    pub(crate) fn spec(members: u32) -> ClusterSpec {
        ClusterSpec {
            fleet: "prod".into(),
            id: ClusterId::new("eu-1", "orders"),
            namespace: "etcd".into(),
            name: "orders".into(),
            cluster_domain: "cluster.local".into(),
            members,
            version: EtcdVersion::new(3, 6, 16),
            image: "registry.example/etcd:v3.6.16".into(),
            storage: Storage::new(None, "1Gi".parse().expect("a quantity")),
            etcd: EtcdSettings {
                quota: None,
                auto_compaction: None,
                snapshot_count: None,
                heartbeat_interval_ms: 100,
                election_timeout_ms: 1000,
                extra: BTreeMap::new(),
            },
            resources: Resources::default(),
            tls: TlsSettings::default(),
            access: Access::default(),
            scheduling: Scheduling::default(),
            pod: PodSettings::default(),
            service: ServiceSettings::default(),
            backup: BackupSettings::default(),
            policy: Policy::default(),
            suspend: false,
            origins: Arc::default(),
        }
    }
}
