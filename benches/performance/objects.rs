//! What is in the API server: a hundred clusters at rest, with what controllers would have made of them.

use futures::{StreamExt as _, TryStreamExt as _};
use http::{Method, Request};
use reconcile::fleet::{ClusterSpec, Ordinal};
use reconcile::manifest::{FIELD_MANAGER, object_labels};
use reconcile::state::{Ledger, ObjectKind, Observation};
use serde_json::{Value, json};

use super::servers::POD_IP;
use super::{Failure, Result};

const AT_ONCE: usize = 32;
const NODES: usize = 10;

/// The eight of a cluster that are ours: six that are rendered, the ledger, and the Lease of the last run.
pub(crate) fn ours(spec: &ClusterSpec, observed: &Observation) -> Vec<Value> {
    let kube = observed.kube.known().expect("a model is always read");
    let rendered = ObjectKind::ALL.map(|kind| Value::clone(&kube.objects[&kind].content));
    let labels = object_labels(spec);
    let metadata =
        |name: &str| json!({"name": name, "namespace": spec.namespace, "labels": labels});
    let ledger = serde_json::to_string(&kube.ledger).expect("a ledger is JSON");
    let ledger = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(&Ledger::object_name(spec)),
        "data": {"ledger.json": ledger},
    });
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": metadata(&spec.name),
        "spec": {"leaseDurationSeconds": 30, "leaseTransitions": 1},
    });
    rendered.into_iter().chain([ledger, lease]).collect()
}

/// Pod, claim and volume of each member, and the endpoints of the client Service.
pub(crate) fn theirs(spec: &ClusterSpec, observed: &Observation) -> Vec<Value> {
    let kube = observed.kube.known().expect("a model is always read");
    let set = &kube.objects[&ObjectKind::StatefulSet].content;
    let members = spec.target().flat_map(|ordinal| {
        let volume = volume(spec, ordinal);
        [claim(spec, set, ordinal), volume, pod(spec, set, ordinal)]
    });
    members.chain([slice(spec)]).collect()
}

fn claim(spec: &ClusterSpec, set: &Value, ordinal: Ordinal) -> Value {
    let template = &set["spec"]["volumeClaimTemplates"][0];
    let mut wanted = template["spec"].clone();
    wanted["volumeName"] = volume_name(spec, ordinal).into();
    let capacity = &wanted["resources"]["requests"];
    let status =
        json!({"phase": "Bound", "accessModes": wanted["accessModes"], "capacity": capacity});
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": spec.claim_name(ordinal),
            "namespace": spec.namespace,
            "labels": object_labels(spec),
        },
        "spec": wanted,
        "status": status,
    })
}

fn volume_name(spec: &ClusterSpec, ordinal: Ordinal) -> String {
    format!("pv-{}-{ordinal}", spec.name)
}

fn volume(spec: &ClusterSpec, ordinal: Ordinal) -> Value {
    let name = volume_name(spec, ordinal);
    json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "capacity": {"storage": spec.storage.size.to_string()},
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": spec.namespace,
                "name": spec.claim_name(ordinal),
            },
            "csi": {"driver": "csi.bench", "volumeHandle": name},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": spec.storage.class_name,
        },
        "status": {"phase": "Bound"},
    })
}

fn pod(spec: &ClusterSpec, set: &Value, ordinal: Ordinal) -> Value {
    let template = &set["spec"]["template"];
    let mut wanted = template["spec"].clone();
    wanted["hostname"] = spec.pod_name(ordinal).into();
    wanted["nodeName"] = node_name(spec.name.len() + ordinal.0 as usize).into();
    let claim = json!({"claimName": spec.claim_name(ordinal)});
    if let Some(volumes) = wanted["volumes"].as_array_mut() {
        volumes.push(json!({"name": "data", "persistentVolumeClaim": claim}));
    }
    let mut metadata = template["metadata"].clone();
    metadata["name"] = spec.pod_name(ordinal).into();
    metadata["namespace"] = spec.namespace.clone().into();
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": wanted,
        "status": {"phase": "Pending"},
    })
}

/// What the kubelet would say, once the etcd that stands for all is there.
pub(crate) fn runs(spec: &ClusterSpec, ordinal: Ordinal) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": spec.pod_name(ordinal), "namespace": spec.namespace},
        "status": {
            "phase": "Running",
            "podIP": POD_IP,
            "podIPs": [{"ip": POD_IP}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    })
}

fn slice(spec: &ClusterSpec) -> Value {
    let service = spec.client_service();
    let mut labels: Value = object_labels(spec).into_iter().collect();
    labels["kubernetes.io/service-name"] = service.clone().into();
    let endpoint = |ordinal: Ordinal| {
        json!({
            "addresses": [format!("198.18.1.{}", ordinal.0 + 1)],
            "conditions": {"ready": true},
            "targetRef": {"kind": "Pod", "name": spec.pod_name(ordinal)},
        })
    };
    json!({
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": service, "namespace": spec.namespace, "labels": labels},
        "addressType": "IPv4",
        "endpoints": spec.target().map(endpoint).collect::<Vec<_>>(),
        "ports": [{"name": "client", "port": 2379}],
    })
}

fn node_name(number: usize) -> String {
    format!("node-{}", number % NODES)
}

/// What is there before any cluster: the namespace, a class, nodes.
pub(crate) fn ground(namespace: &str) -> Vec<Value> {
    let named = |api_version: &str, kind: &str, name: &str| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
    let mut class = named("storage.k8s.io/v1", "StorageClass", "gp3");
    class["provisioner"] = "csi.bench".into();
    let nodes = (0..NODES).map(|number| {
        let mut node = named("v1", "Node", &node_name(number));
        node["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}]});
        node
    });
    [named("v1", "Namespace", namespace), class]
        .into_iter()
        .chain(nodes)
        .collect()
}

/// The collection that objects of this kind are in.
fn collection(object: &Value) -> String {
    let text = |field: &str| object[field].as_str().unwrap_or_default();
    let plural = match text("kind") {
        "StorageClass" => "storageclasses".to_owned(),
        kind => format!("{}s", kind.to_lowercase()),
    };
    let version = text("apiVersion");
    let root = if version == "v1" { "/api" } else { "/apis" };
    match object["metadata"]["namespace"].as_str() {
        Some(namespace) => format!("{root}/{version}/namespaces/{namespace}/{plural}"),
        None => format!("{root}/{version}/{plural}"),
    }
}

/// Server-side applied as our program does, each with what it says of its status.
pub(crate) async fn apply(client: &kube::Client, objects: Vec<Value>) -> Result<()> {
    let writes = objects.into_iter().map(|object| async move {
        patch(client, &object, "").await?;
        if object.get("status").is_some() {
            patch(client, &object, "/status").await?;
        }
        Ok::<_, Failure>(())
    });
    futures::stream::iter(writes)
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(())
}

/// What somebody says of objects that are there.
pub(crate) async fn say(client: &kube::Client, statuses: Vec<Value>) -> Result<()> {
    let writes = statuses
        .into_iter()
        .map(|object| async move { patch(client, &object, "/status").await });
    futures::stream::iter(writes)
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(())
}

async fn patch(client: &kube::Client, object: &Value, part: &str) -> Result<()> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let at = format!(
        "{}/{name}{part}?fieldManager={FIELD_MANAGER}&force=true",
        collection(object)
    );
    let request = Request::builder()
        .method(Method::PATCH)
        .uri(&at)
        .header("Content-Type", "application/apply-patch+yaml")
        .body(object.to_string().into_bytes())?;
    let answer = client.request::<Value>(request).await;
    answer.map_err(|error| format!("{at}: {error}"))?;
    Ok(())
}
