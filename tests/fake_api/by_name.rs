//! What no LIST by our labels shows, and is read by name: nodes, and objects whose labels somebody took off.

use reconcile::fleet::Ordinal;
use reconcile::state::{Kube, Reading};
use serde_json::{Value, json};

use super::server::Server;
use super::{CORE, fixture, known, labelled, observed, with};

const NODES: &str = "/api/v1/nodes";
const SET: &str = "/apis/apps/v1/namespaces/etcd/statefulsets/orders";

/// Without the labels that would put it into a LIST.
fn unlabelled(name: &str) -> Value {
    with(labelled(name), &json!({"metadata": {"labels": null}}))
}

fn pod_on(node: &str) -> Value {
    json!({"spec": {"nodeName": node, "containers": []}, "status": {"phase": "Pending"}})
}

fn node(name: &str, host: &str, ready: &str) -> Value {
    json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": host}},
        "status": {"conditions": [
            {"type": "MemoryPressure", "status": "False"},
            {"type": "Ready", "status": ready, "lastTransitionTime": "2026-11-21T10:00:00Z"}
        ]}
    })
}

/// A StatefulSet of three, so that three seats are expected.
fn with_three_seats() -> Server {
    let server = Server::new();
    server.put(
        SET,
        with(labelled("orders"), &json!({"spec": {"replicas": 3}})),
    );
    server
}

async fn look(server: &Server) -> Kube {
    known(&observed(server, &fixture::spec()).await).clone()
}

#[tokio::test]
async fn pods_and_claims_without_our_labels_are_found_by_name() {
    let server = with_three_seats();
    server.put(
        &format!("{CORE}/pods/orders-0"),
        with(labelled("orders-0"), &pod_on("n1")),
    );
    server.put(
        &format!("{CORE}/pods/orders-2"),
        with(unlabelled("orders-2"), &pod_on("n1")),
    );
    let claim = json!({
        "spec": {"volumeName": "pv-2", "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Bound"}
    });
    server.put(
        &format!("{CORE}/persistentvolumeclaims/data-orders-2"),
        with(unlabelled("data-orders-2"), &claim),
    );
    server.put(
        "/api/v1/persistentvolumes/pv-2",
        json!({"metadata": {"name": "pv-2", "uid": "v2"}, "spec": {"persistentVolumeReclaimPolicy": "Retain"}}),
    );
    let kube = look(&server).await;
    let pods: Vec<u32> = kube.pods.keys().map(|o| o.0).collect();
    assert_eq!(pods, [0, 2]);
    let claim = &kube.claims[&Ordinal(2)];
    assert_eq!(claim.uid.0, "uid-data-orders-2");
    let volume = claim.volume.as_ref().and_then(Reading::known);
    assert_eq!(volume.expect("read by name").uid.0, "v2");
    let asked = server.requests("GET", &format!("{CORE}/pods/orders-0"));
    assert!(asked.is_empty(), "the LIST has it: {asked:?}");
}

#[tokio::test]
async fn what_is_left_without_labels_is_seen_before_a_birth() {
    let server = Server::new();
    let claim = json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}});
    server.put(
        &format!("{CORE}/persistentvolumeclaims/data-orders-1"),
        with(unlabelled("data-orders-1"), &claim),
    );
    let kube = look(&server).await;
    assert!(kube.claims.contains_key(&Ordinal(1)));
}

#[tokio::test]
async fn a_claim_that_cannot_be_read_by_name_is_not_taken_for_absent() {
    let server = with_three_seats();
    let path = format!("{CORE}/persistentvolumeclaims/data-orders-1");
    server.fail("GET", &path, 403, 99);
    let observation = observed(&server, &fixture::spec()).await;
    let why = observation.kube.why_unknown().expect("unknown");
    assert!(
        why.starts_with("forbidden: found no right to get persistentvolumeclaims/data-orders-1 in"),
        "{why}"
    );
}

#[tokio::test]
async fn nodes_are_read_once_and_a_missing_one_is_gone() {
    let server = with_three_seats();
    for (ordinal, node) in [(0, "n1"), (1, "n1"), (2, "n2")] {
        let name = format!("orders-{ordinal}");
        server.put(
            &format!("{CORE}/pods/{name}"),
            with(labelled(&name), &pod_on(node)),
        );
    }
    server.put(&format!("{NODES}/n1"), node("n1", "n1", "Unknown"));
    let kube = look(&server).await;
    let nodes = kube.nodes.known().expect("read");
    assert_eq!(nodes.len(), 1, "n2 is gone: {nodes:?}");
    assert!(!nodes["n1"].ready);
    assert_eq!(nodes["n1"].since, "2026-11-21T10:00:00Z".parse().ok());
    assert_eq!(server.requests("GET", &format!("{NODES}/n1")).len(), 1);
}

#[tokio::test]
async fn nodes_that_may_not_be_read_are_unknown_and_nothing_else_is() {
    let server = with_three_seats();
    server.put(
        &format!("{CORE}/pods/orders-0"),
        with(labelled("orders-0"), &pod_on("n1")),
    );
    server.fail("GET", &format!("{NODES}/n1"), 403, 99);
    let kube = look(&server).await;
    let why = kube.nodes.why_unknown().expect("unknown");
    assert!(
        why.starts_with("forbidden: found no right to get nodes/n1 ("),
        "{why}"
    );
    assert_eq!(kube.pods.len(), 1);
}

/// A claim of seat 0 on a volume with this affinity.
fn put_local(server: &Server, terms: &Value) {
    let claim = json!({
        "spec": {"volumeName": "pv-0", "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Bound"}
    });
    server.put(
        &format!("{CORE}/persistentvolumeclaims/data-orders-0"),
        with(labelled("data-orders-0"), &claim),
    );
    server.put(
        "/api/v1/persistentvolumes/pv-0",
        json!({
            "metadata": {"name": "pv-0", "uid": "v0"},
            "spec": {"nodeAffinity": {"required": {"nodeSelectorTerms": terms}}}
        }),
    );
}

fn on_hosts(hosts: &[&str]) -> Value {
    json!({"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": hosts}]})
}

fn volume_node(kube: &Kube) -> Option<&str> {
    let volume = kube.claims[&Ordinal(0)].volume.as_ref();
    volume.and_then(Reading::known)?.node.as_deref()
}

#[tokio::test]
async fn a_local_volume_names_its_node_whatever_its_host_is_called() {
    let server = with_three_seats();
    put_local(&server, &json!([on_hosts(&["host-a"])]));
    let kube = look(&server).await;
    assert_eq!(volume_node(&kube), Some("host-a"), "gone");
    assert_eq!(kube.nodes, Reading::Known([].into()));

    server.put(&format!("{NODES}/n7"), node("n7", "host-a", "True"));
    let kube = look(&server).await;
    assert_eq!(volume_node(&kube), Some("n7"), "named otherwise, and alive");
    assert!(kube.nodes.known().expect("read")["n7"].ready);
}

#[tokio::test]
async fn a_volume_that_can_move_names_no_node() {
    let one = on_hosts(&["host-a"]);
    let zone = json!({"matchExpressions": [{"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a"]}]});
    for terms in [
        json!([on_hosts(&["a", "b"])]),
        json!([one, one]),
        json!([zone]),
    ] {
        let server = with_three_seats();
        put_local(&server, &terms);
        let kube = look(&server).await;
        assert_eq!(volume_node(&kube), None, "{terms}");
    }
}
