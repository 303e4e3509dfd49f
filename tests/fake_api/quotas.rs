//! What the namespace may have.

use reconcile::state::{Kube, Reading};
use serde_json::{Value, json};

use super::server::Server;
use super::{CORE, fixture, known, observed};

async fn look(server: &Server) -> Kube {
    known(&observed(server, &fixture::spec()).await).clone()
}

fn quota(name: &str, spec: &Value) -> Value {
    json!({
        "metadata": {"name": name, "uid": name},
        "spec": spec,
        "status": {
            "hard": {"persistentvolumeclaims": "3", "requests.storage": "10Gi", "pods": "9"},
            "used": {"persistentvolumeclaims": "3", "requests.storage": "3Gi"}
        }
    })
}

#[tokio::test]
async fn quotas_are_what_their_status_says_and_those_with_scopes_are_none() {
    let server = Server::new();
    for (name, spec) in [
        ("team", json!({"hard": {"persistentvolumeclaims": "99"}})),
        ("short", json!({"scopes": ["Terminating"]})),
        ("high", json!({"scopeSelector": {"matchExpressions": []}})),
    ] {
        server.put(&format!("{CORE}/resourcequotas/{name}"), quota(name, &spec));
    }
    let quotas = look(&server).await.quotas;
    let quotas = quotas.known().expect("read");
    assert_eq!(quotas.len(), 1, "{quotas:?}");
    let limits = quotas[0].limits.iter();
    let told: Vec<String> = limits
        .map(|(name, limit)| format!("{name} {} of {}", limit.used, limit.hard))
        .collect();
    assert_eq!(quotas[0].name, "team");
    // What is not counted yet is no use.
    assert_eq!(
        told,
        [
            "persistentvolumeclaims 3 of 3",
            "requests.storage 3Gi of 10Gi"
        ]
    );
}

#[tokio::test]
async fn quotas_that_may_not_be_listed_are_unknown_and_nothing_else_is() {
    let server = Server::new();
    assert_eq!(look(&server).await.quotas, Reading::Known(Vec::new()));
    server.fail("GET", &format!("{CORE}/resourcequotas"), 403, 99);
    let kube = look(&server).await;
    let why = kube.quotas.why_unknown().expect("unknown");
    assert!(
        why.starts_with("forbidden: found no right to list resourcequotas in namespace etcd"),
        "{why}"
    );
    assert!(kube.storage_classes.known().is_some());
}

#[tokio::test]
async fn a_class_binds_at_once_where_it_does_not_say_otherwise() {
    let server = Server::new();
    let (named, mut spec) = ("gp3-enc".to_owned(), fixture::spec());
    spec.storage.class_name = Some(named.clone());
    let path = format!("/apis/storage.k8s.io/v1/storageclasses/{named}");
    for (mode, at_once) in [
        (json!("WaitForFirstConsumer"), false),
        (json!("Immediate"), true),
        (Value::Null, true),
    ] {
        let class = json!({
            "metadata": {"name": named}, "provisioner": "any", "volumeBindingMode": mode
        });
        server.put(&path, class);
        let observation = observed(&server, &spec).await;
        let classes = &known(&observation).storage_classes;
        let class = classes.known().expect("read")[&named].clone();
        assert_eq!(class.expect("there").binds_at_once, at_once, "{mode}");
    }
}
