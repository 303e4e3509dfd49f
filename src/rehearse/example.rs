//! The cluster that is rehearsed where no fleet is named.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::fleet::{
    Access, BackupSettings, ClusterId, ClusterSpec, EtcdSettings, EtcdVersion, PodSettings, Policy,
    Resources, Scheduling, ServiceSettings, Storage, TlsSettings,
};

/// One cluster with every setting at its default.
pub fn example() -> ClusterSpec {
    ClusterSpec {
        fleet: "rehearsal".into(),
        id: ClusterId::new("model", "orders"),
        namespace: "etcd".into(),
        name: "orders".into(),
        cluster_domain: "cluster.local".into(),
        members: 3,
        version: EtcdVersion::new(3, 6, 16),
        image: "registry.example/etcd:v3.6.16".into(),
        storage: Storage::new(None, "1Gi".parse().expect("`1Gi` is a quantity")),
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
