//! The clusters that are rendered, by the name of their folder in `tests/golden/render`.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Toleration;
use reconcile::fleet::{
    Access, AutoCompaction, BackupSettings, ClusterId, ClusterSpec, CompactionMode, EtcdSettings,
    EtcdVersion, PodSettings, Policy, Quantity, Resources, Scheduling, ServiceSettings, Storage,
    TlsSecret, TlsSettings,
};
use serde_json::json;

pub(crate) fn all() -> Vec<(&'static str, ClusterSpec)> {
    vec![
        ("minimal", minimal()),
        ("settings", settings()),
        ("tls", tls()),
        ("placement", placement()),
        ("names", names()),
    ]
}

/// One member, nothing said that need not be.
pub(crate) fn minimal() -> ClusterSpec {
    ClusterSpec {
        fleet: "prod".into(),
        id: ClusterId::new("eu-1", "orders"),
        namespace: "etcd".into(),
        name: "orders".into(),
        cluster_domain: "cluster.local".into(),
        members: 1,
        version: EtcdVersion::new(3, 6, 16),
        image: "registry.example/etcd:v3.6.16".into(),
        storage: Storage::new(None, quantity("1Gi")),
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

/// Three members, everything that can be said of etcd and its volume.
pub(crate) fn settings() -> ClusterSpec {
    let mut spec = minimal();
    spec.members = 3;
    spec.storage = Storage::new(Some("gp3-enc".into()), quantity("16384Mi"));
    spec.etcd = EtcdSettings {
        quota: Some(quantity("4Gi")),
        auto_compaction: Some(AutoCompaction {
            mode: CompactionMode::Periodic,
            retention: "30m".into(),
        }),
        snapshot_count: Some(5000),
        heartbeat_interval_ms: 150,
        election_timeout_ms: 1500,
        extra: pairs([
            ("max-request-bytes", json!(3_145_728)),
            ("log-level", json!("info")),
            ("enable-pprof", json!(true)),
        ]),
    };
    spec.resources = Resources {
        requests: pairs([("cpu", quantity("0.3")), ("memory", quantity("1024Mi"))]),
        limits: pairs([("memory", quantity("4Gi"))]),
    };
    spec
}

fn tls() -> ClusterSpec {
    let mut spec = minimal();
    spec.members = 3;
    spec.tls = TlsSettings {
        client: Some(secret("orders-client-tls")),
        peer: Some(secret("orders-peer-tls")),
    };
    spec
}

/// Five members, everything that can be said of where they run and how they look to others.
fn placement() -> ClusterSpec {
    let mut spec = minimal();
    spec.members = 5;
    spec.cluster_domain = "k8s.example".into();
    let affinity = json!({"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
        "nodeSelectorTerms": [{"matchExpressions": [{"key": "disk", "operator": "In", "values": ["nvme"]}]}]
    }}});
    spec.scheduling = Scheduling {
        node_selector: texts([("pool", "etcd")]),
        tolerations: vec![Toleration {
            key: Some("dedicated".into()),
            operator: Some("Equal".into()),
            value: Some("etcd".into()),
            effect: Some("NoSchedule".into()),
            ..Toleration::default()
        }],
        affinity: Some(serde_json::from_value(affinity).expect("an affinity")),
        priority_class_name: Some("system-cluster-critical".into()),
        topology_spread: vec![
            "topology.kubernetes.io/zone".into(),
            "kubernetes.io/hostname".into(),
        ],
    };
    spec.pod = PodSettings {
        // The last is ours and stays so.
        labels: texts([("team", "payments"), ("reconcile/serving", "never")]),
        annotations: texts([
            ("prometheus.io/scrape", "true"),
            ("prometheus.io/port", "2381"),
        ]),
        image_pull_secrets: vec!["registry".into()],
        fs_group: Some(2000),
    };
    spec.service = ServiceSettings {
        labels: texts([("exposed", "internally"), ("reconcile/fleet", "another")]),
        annotations: texts([("service.example/topology", "zone")]),
    };
    spec
}

/// Objects called otherwise than the cluster, in a context whose name is no label value, and an etcd without `/readyz`.
fn names() -> ClusterSpec {
    let mut spec = minimal();
    spec.members = 3;
    spec.id = ClusterId::new("eu-1", "orders");
    spec.fleet = "arn:aws:eks:eu-central-1:123456789012:cluster/production".into();
    spec.name = "orders-v2".into();
    spec.namespace = "payments".into();
    spec.version = EtcdVersion::new(3, 5, 10);
    spec.image = "registry.example/etcd:v3.5.10".into();
    spec.etcd.auto_compaction = Some(AutoCompaction {
        mode: CompactionMode::Revision,
        retention: "1000".into(),
    });
    spec
}

pub(crate) fn secret(name: &str) -> TlsSecret {
    TlsSecret {
        secret_name: name.to_owned(),
        ca_secret_name: "orders-ca".into(),
    }
}

fn quantity(text: &str) -> Quantity {
    text.parse().expect("a quantity")
}

fn pairs<V, const N: usize>(pairs: [(&str, V); N]) -> BTreeMap<String, V> {
    pairs.map(|(key, value)| (key.to_owned(), value)).into()
}

fn texts<const N: usize>(of: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs(of.map(|(key, value)| (key, value.to_owned())))
}
