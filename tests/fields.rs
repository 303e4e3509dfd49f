//! No field of the documents is read and forgotten; layers lie on each other as documented.

use std::sync::Arc;

use reconcile::diag::SourceFile;
use reconcile::fleet::{ClusterSpec, DocumentKind, Fleet, Loaded, load};
use reconcile::manifest::traced;
use serde_json::{Map, Value, json};

/// JSON is YAML.
fn load_documents(fleet: &Value, cluster: &Value) -> Loaded {
    let file = |name: &str, document: &Value| SourceFile {
        name: name.to_owned(),
        text: document.to_string(),
    };
    load(&[
        file("fleet.yaml", fleet),
        file("clusters/orders.yaml", cluster),
    ])
}

fn fleet_document(spec: &Value) -> Value {
    let mut document = json!({
        "apiVersion": "reconcile/v1alpha1",
        "kind": "Fleet",
        "metadata": {"name": "prod"},
        "spec": {"contexts": {"eu-1": {"kubeContext": "eu-1"}}},
    });
    if let (Some(into), Value::Object(spec)) = (document["spec"].as_object_mut(), spec) {
        into.extend(spec.clone());
    }
    document
}

fn cluster_document(spec: &Value) -> Value {
    json!({
        "apiVersion": "reconcile/v1alpha1",
        "kind": "EtcdCluster",
        "metadata": {"name": "orders"},
        "spec": spec,
    })
}

/// Every field of a cluster, none at its default.
fn full_spec() -> Value {
    json!({
        "context": "eu-1",
        "profile": "spare",
        "backend": {"statefulSet": {"namespace": "etcd", "name": "orders-etcd"}},
        "members": 4,
        "version": "3.6.16",
        "image": "registry.example/etcd",
        "clusterDomain": "k8s.example",
        "storage": {"className": "gp3", "attributesClassName": "gp3-fast", "size": "32Gi", "migration": {"strategy": "inPlace", "copyImage": "registry.example/busybox:1.37", "keepOldVolumes": "7d"}},
        "etcd": {
            "quota": "8Gi",
            "autoCompaction": {"mode": "periodic", "retention": "30m"},
            "snapshotCount": 5000,
            "heartbeatInterval": "150ms",
            "electionTimeout": "2s",
            "extra": {"max-request-bytes": 3_145_728},
        },
        "resources": {"requests": {"cpu": 1}, "limits": {"memory": "10Gi"}},
        "tls": {
            "client": {"secretName": "client", "caSecretName": "client-ca"},
            "peer": {"secretName": "peer", "caSecretName": "peer-ca"},
        },
        "access": {"clientCertSecretName": "cert", "credentialsSecretName": "root", "reach": "direct"},
        "scheduling": {
            "nodeSelector": {"disk": "ssd"},
            "tolerations": [{
                "key": "dedicated", "operator": "Equal", "value": "etcd", "effect": "NoExecute", "tolerationSeconds": 60,
            }],
            "affinity": {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
                {"weight": 1, "preference": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
            ]}},
            "priorityClassName": "high",
            "topologySpread": ["topology.kubernetes.io/zone"],
        },
        "pod": {
            "labels": {"team": "shop"}, "annotations": {"a": "b"}, "imagePullSecrets": ["pull"], "fsGroup": 2379,
        },
        "service": {"labels": {"team": "shop"}, "annotations": {"a": "b"}},
        "policy": {"minTolerance": 1, "protected": true, "allowEvenMembers": true, "allowDowntime": true, "requireStore": true},
        "backup": {"store": {"path": "/var/backups/etcd"}},
        "suspend": true,
    })
}

fn full_fleet() -> Value {
    fleet_document(&json!({
        "profiles": {"spare": {"version": "3.6.15", "members": 3}},
        "rollout": {"canary": ["eu-1/orders"], "maxParallel": 2, "stopAfterFailures": 3},
    }))
}

/// Dotted paths to all fields of a schema; free-form mappings are fields themselves.
fn fields(root: &Value, schema: &Value, path: &str, into: &mut Vec<String>) {
    let reference = schema["$ref"].as_str().and_then(|at| at.strip_prefix('#'));
    let schema = reference.and_then(|at| root.pointer(at)).unwrap_or(schema);
    match schema["properties"].as_object() {
        Some(properties) => {
            for (key, field) in properties {
                fields(root, field, &format!("{path}/{key}"), into);
            }
        }
        None if schema["type"] == "array" && schema["items"]["$ref"].is_string() => {
            fields(root, &schema["items"], &format!("{path}/0"), into);
        }
        None => into.push(path.to_owned()),
    }
}

/// The full document with the kind of store that the field is of: there can be one at a time.
fn full_document_for(field: &str) -> Value {
    let mut document = cluster_document(&full_spec());
    let stores = json!({
        "s3": {
            "bucket": "etcd-backups", "prefix": "prod", "region": "eu-central-1",
            "endpoint": "https://minio.example:9000", "secretName": "s3",
        },
        "gcs": {"bucket": "etcd-backups", "prefix": "prod", "secretName": "gcs"},
        "azure": {
            "container": "etcd-backups", "prefix": "prod", "account": "backups", "secretName": "azure",
        },
    });
    let kind = field.strip_prefix("/spec/backup/store/");
    let kind = kind.map(|rest| rest.split('/').next().unwrap_or_default());
    if let Some((kind, store)) = kind.and_then(|kind| Some((kind, stores.get(kind)?))) {
        document["spec"]["backup"]["store"] = json!({ kind: store });
    }
    document
}

fn without(document: &Value, pointer: &str) -> Value {
    let mut document = document.clone();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = document.pointer_mut(parent);
    let removed = parent
        .and_then(Value::as_object_mut)
        .map(|map| map.remove(key));
    assert!(
        removed.flatten().is_some(),
        "{pointer} is not in the full document"
    );
    document
}

fn cluster(fleet: &Fleet) -> ClusterSpec {
    let mut cluster = fleet.clusters[0].clone();
    cluster.origins = Arc::default();
    *cluster
}

#[test]
fn every_field_of_a_cluster_matters() {
    let schema = DocumentKind::EtcdCluster.schema();
    let mut all = Vec::new();
    fields(&schema, &schema["properties"]["spec"], "/spec", &mut all);
    assert!(all.len() > 40, "{all:?}");

    for field in all {
        let full = full_document_for(&field);
        let loaded = load_documents(&full_fleet(), &full);
        assert_eq!(loaded.diagnostics, []);
        let whole = cluster(&loaded.fleet.expect("valid"));
        let loaded = load_documents(&full_fleet(), &without(&full, &field));
        if let Some(fleet) = loaded.fleet {
            let differs = cluster(&fleet) != whole;
            // What it says is also said by the profile's absence of effect: the cluster overrides all of it.
            assert!(differs || field == "/spec/profile", "{field} has no effect");
        }
    }
}

/// Fields that say what a run does, not what an object is.
const IN_NO_OBJECT: [&str; 6] = [
    "/spec/profile",
    "/spec/storage/migration",
    "/spec/access",
    "/spec/policy",
    "/spec/backup",
    "/spec/suspend",
];

#[test]
fn every_field_of_an_object_says_where_it_comes_from() {
    let loaded = load_documents(&full_fleet(), &cluster_document(&full_spec()));
    let cluster = loaded.fleet.expect("valid").clusters.remove(0);
    let mut text = String::new();
    for traced in traced(&cluster) {
        let commented = traced.yaml();
        let read: Value = serde_saphyr::from_str(&commented).expect("still YAML");
        assert_eq!(
            read, *traced.object.body,
            "comments change nothing: {commented}"
        );
        text += &commented;
    }
    let schema = DocumentKind::EtcdCluster.schema();
    let mut all = Vec::new();
    fields(&schema, &schema["properties"]["spec"], "/spec", &mut all);
    for field in all {
        let field = field.split("/0").next().unwrap_or_default();
        let dotted = field.trim_start_matches('/').replace('/', ".");
        let remark = format!("clusters/orders.yaml:1 {dotted}");
        let mut places = text
            .match_indices(&remark)
            .map(|(at, _)| &text[at + remark.len()..]);
        let told = places.any(|rest| rest.starts_with(['.', ',', '\n']));
        let expected = !IN_NO_OBJECT.iter().any(|other| field.starts_with(other));
        assert_eq!(told, expected, "{field} in:\n{text}");
    }
}

#[test]
fn every_field_of_a_fleet_matters() {
    let cluster = cluster_document(&json!({
        "context": "eu-1", "profile": "spare", "backend": {"statefulSet": {"namespace": "etcd"}},
        "storage": {"size": "16Gi"},
    }));
    let full = fleet_document(&json!({
        "contexts": {"eu-1": {"kubeconfig": {"path": "a.yaml", "context": "b"}, "clusterUID": "c"}},
        "defaults": {"policy": {"protected": true}},
        "profiles": {"spare": {"version": "3.6.15", "members": 3}},
        "rollout": {"canary": ["eu-1/orders"], "maxParallel": 2, "stopAfterFailures": 3},
        "suspend": true,
    }));
    let loaded = load_documents(&full, &cluster);
    assert_eq!(loaded.diagnostics, []);
    let whole = loaded.fleet.expect("valid");
    for field in [
        "/metadata/name",
        "/spec/contexts/eu-1/kubeconfig",
        "/spec/contexts/eu-1/kubeconfig/path",
        "/spec/contexts/eu-1/kubeconfig/context",
        "/spec/contexts/eu-1/clusterUID",
        "/spec/defaults",
        "/spec/profiles",
        "/spec/rollout/canary",
        "/spec/rollout/maxParallel",
        "/spec/rollout/stopAfterFailures",
        "/spec/suspend",
    ] {
        let loaded = load_documents(&without(&full, field), &cluster);
        assert_ne!(loaded.fleet.as_ref(), Some(&whole), "{field} has no effect");
    }
}

#[test]
fn layers_lie_on_each_other_field_by_field() {
    let fleet = fleet_document(&json!({
        "defaults": {
            "backend": {"statefulSet": {"namespace": "etcd"}},
            "version": "3.6.16", "members": 5,
            "storage": {"className": "gp2", "size": "16Gi"},
            "scheduling": {"topologySpread": ["zone", "rack"], "nodeSelector": {"a": "1"}},
            "pod": {"labels": {"a": "1", "b": "1"}},
        },
        "profiles": {"small": {
            "members": 3, "storage": {"className": "gp3"}, "pod": {"labels": {"b": "2", "c": "2"}},
        }},
    }));
    let spec = json!({
        "context": "eu-1", "profile": "small", "storage": {"size": "32Gi"},
        "scheduling": {"topologySpread": ["host"]}, "pod": {"labels": {"c": "3"}},
    });
    let loaded = load_documents(&fleet, &cluster_document(&spec));
    assert_eq!(loaded.diagnostics, []);
    let fleet = loaded.fleet.expect("valid");
    let cluster = &fleet.clusters[0];
    assert_eq!(cluster.members, 3, "the profile over the defaults");
    assert_eq!(
        cluster.storage.size.as_str(),
        "32Gi",
        "the cluster over both"
    );
    assert_eq!(cluster.storage.class_name.as_deref(), Some("gp3"));
    assert_eq!(
        cluster.scheduling.topology_spread,
        ["host"],
        "lists as a whole"
    );
    assert_eq!(
        cluster.scheduling.node_selector.len(),
        1,
        "beside an overridden list"
    );
    let labels: Map<String, Value> = json!({"a": "1", "b": "2", "c": "3"})
        .as_object()
        .cloned()
        .unwrap_or_default();
    assert_eq!(json!(cluster.pod.labels), Value::Object(labels));
    let files = [
        "/spec/members",
        "/spec/storage/size",
        "/spec/pod/labels/b",
        "/spec/pod/labels/c",
    ]
    .map(|pointer| cluster.origins[pointer].file.as_str());
    let (fleet, own) = ("fleet.yaml", "clusters/orders.yaml");
    assert_eq!(files, [fleet, own, fleet, own]);
}
