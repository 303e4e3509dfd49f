//! A cluster spec and the objects of it, as the API server would hold them.

use std::collections::BTreeMap;
use std::sync::Arc;

use reconcile::fleet::{
    Access, BackupSettings, ClusterId, ClusterSpec, EtcdSettings, PodSettings, Policy, Reach,
    Resources, Scheduling, ServiceSettings, Storage, TlsSettings,
};

pub(crate) fn spec() -> ClusterSpec {
    ClusterSpec {
        fleet: "prod".into(),
        id: ClusterId::new("eu-1", "orders"),
        namespace: "etcd".into(),
        name: "orders".into(),
        cluster_domain: "cluster.local".into(),
        members: 3,
        version: "3.6.16".parse().expect("a version"),
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
        access: Access {
            reach: Reach::Direct,
            ..Access::default()
        },
        scheduling: Scheduling::default(),
        pod: PodSettings::default(),
        service: ServiceSettings::default(),
        backup: BackupSettings::default(),
        policy: Policy::default(),
        suspend: false,
        origins: Arc::default(),
    }
}
