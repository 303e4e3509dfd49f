//! What is rendered of a cluster makes, imported, the same cluster again.

use std::path::Path;
use std::sync::Arc;

use reconcile::diag::{SourceFile, Style, render_all};
use reconcile::fleet::{ClusterSpec, Fleet};
use reconcile::import::{ImportError, Imported, Running, Wanted, document};
use reconcile::state::ObjectKind;
use reconcile::{fleet, manifest, source};
use serde_json::{Value, json};

fn examples() -> (Fleet, Vec<SourceFile>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/clusters");
    let documents = source::read(&directory);
    let loaded = fleet::load(&documents.files);
    (loaded.fleet.expect("a sound fleet"), documents.files)
}

fn fleet_file(files: &[SourceFile]) -> &SourceFile {
    let own = |file: &&SourceFile| file.name.ends_with("fleet.yaml");
    files.iter().find(own).expect("fleet.yaml")
}

/// As an API server would give it back, defaults filled in.
fn running(spec: &ClusterSpec) -> Running {
    let body = |kind| {
        let all = manifest::steady(spec);
        let object = all.into_iter().find(|object| object.key.kind == kind);
        object.expect("every kind is rendered").body.tree()
    };
    let mut stateful_set = body(ObjectKind::StatefulSet);
    let pod = &mut stateful_set["spec"]["template"]["spec"];
    pod["dnsPolicy"] = json!("ClusterFirst");
    pod["restartPolicy"] = json!("Always");
    pod["schedulerName"] = json!("default-scheduler");
    pod["serviceAccount"] = json!(spec.name);
    pod["containers"][0]["terminationMessagePath"] = json!("/dev/termination-log");
    pod["containers"][0]["livenessProbe"]["successThreshold"] = json!(1);
    stateful_set["spec"]["revisionHistoryLimit"] = json!(10);
    stateful_set["spec"]["volumeClaimTemplates"][0]["status"] = json!({"phase": "Pending"});
    stateful_set["status"] = json!({"replicas": spec.members});
    Running {
        stateful_set,
        services: vec![
            body(ObjectKind::PeerService),
            body(ObjectKind::ClientService),
        ],
        claims: Vec::new(),
        config_maps: vec![body(ObjectKind::ConfigMap)],
    }
}

fn wanted(spec: &ClusterSpec, profile: Option<&str>) -> Wanted {
    Wanted {
        id: spec.id.clone(),
        profile: profile.map(str::to_owned),
        version: None,
        client_certificate: spec.access.client_cert_secret_name.clone(),
        credentials: spec.access.credentials_secret_name.clone(),
    }
}

fn imported(running: &Running, wanted: &Wanted, fleet: &SourceFile) -> Imported {
    document(running, wanted, fleet).unwrap_or_else(|error| match error {
        ImportError::Invalid { diagnostics, files } => {
            panic!("{}", render_all(&diagnostics, &files, Style::Plain, 100))
        }
        other @ ImportError::Impossible { .. } => panic!("{other}"),
    })
}

/// Without what no object holds.
fn rendered_part(spec: &ClusterSpec) -> ClusterSpec {
    let mut spec = spec.clone();
    spec.origins = Arc::default();
    spec.policy = reconcile::fleet::Policy::default();
    spec.storage.migration = reconcile::fleet::Migration::default();
    spec.backup = reconcile::fleet::BackupSettings::default();
    spec.access = reconcile::fleet::Access::default();
    spec
}

#[test]
fn every_example_comes_back_as_it_was() {
    let (fleet, files) = examples();
    let profiles = [None, Some("control-plane"), Some("events"), Some("small")];
    for spec in &fleet.clusters {
        let mut shortest = usize::MAX;
        for profile in profiles {
            let running = running(spec);
            let wanted = wanted(spec, profile);
            let Ok(found) = document(&running, &wanted, fleet_file(&files)) else {
                // What a profile adds may contradict what runs.
                assert!(profile.is_some(), "{}", spec.id);
                continue;
            };
            shortest = shortest.min(found.text.lines().count());
            if profile.is_none() {
                assert_eq!(
                    rendered_part(&found.spec),
                    rendered_part(spec),
                    "{}",
                    found.text
                );
                let fields: Vec<&str> = found.findings.iter().map(|f| f.field.as_str()).collect();
                assert_eq!(
                    fields,
                    ["policy, backup, storage.migration, access.reach, suspend"]
                );
            }
        }
        let own = files
            .iter()
            .find(|f| f.name.ends_with(&format!("{}.yaml", spec.id)));
        let own = own.expect("its document").text.lines().count();
        assert!(
            shortest <= own + 12,
            "{}: {shortest} lines, {own} by hand",
            spec.id
        );
    }
}

#[test]
fn what_the_fleet_says_is_not_said_again() {
    let (fleet, files) = examples();
    let spec = fleet
        .clusters
        .iter()
        .find(|c| c.id.to_string() == "eu-1/kube-main");
    let spec = spec.expect("an example");
    let found = imported(
        &running(spec),
        &wanted(spec, Some("control-plane")),
        fleet_file(&files),
    );
    assert_eq!(
        found.text,
        "\
# Written by `reconcile import` from StatefulSet etcd/kube-main.
apiVersion: reconcile/v1alpha1
kind: EtcdCluster
metadata:
  name: kube-main
spec:
  context: eu-1
  profile: control-plane
  members: 5
  storage:
    size: 24Gi
  etcd:
    quota: 8Gi
  resources:
    limits:
      memory: 12Gi
    requests:
      cpu: \"1\"
      memory: 4Gi
  tls:
    client:
      caSecretName: kube-main-ca
      secretName: kube-main-server-tls
    peer:
      caSecretName: kube-main-ca
      secretName: kube-main-peer-tls
  access:
    clientCertSecretName: kube-main-reconcile-tls
  scheduling:
    nodeSelector:
      node-role.kubernetes.io/control-plane: \"\"
    tolerations:
    - effect: NoSchedule
      key: node-role.kubernetes.io/control-plane
      operator: Exists
"
    );
}

#[test]
fn a_field_that_no_document_holds_is_a_finding_and_no_secret_is_shown() {
    let (fleet, files) = examples();
    let spec = &fleet.clusters[0];
    let mut running = running(spec);
    let pod = &mut running.stateful_set["spec"]["template"]["spec"];
    let sidecar = json!({"name": "exporter", "image": "x", "env": [{"name": "TOKEN", "value": "correct-horse"}]});
    let containers = pod["containers"].as_array_mut().expect("a list");
    containers.push(sidecar);
    let variable = json!({"name": "TOKEN", "value": "correct-horse"});
    let env = containers[0]["env"].as_array_mut().expect("a list");
    env.push(variable);
    pod["hostNetwork"] = Value::Bool(true);
    running.stateful_set["spec"]["updateStrategy"]["type"] = json!("RollingUpdate");
    let found = imported(&running, &wanted(spec, None), fleet_file(&files));
    let told: Vec<String> = found
        .findings
        .iter()
        .map(|f| format!("{}: {}: {}", f.field, f.live, f.then))
        .collect();
    let told = told.join("\n");
    for part in [
        "StatefulSet /spec/updateStrategy/type: RollingUpdate: reconcile writes OnDelete: changed in place, nothing restarts",
        "StatefulSet /spec/template/spec/hostNetwork: true: no field of a document holds it",
        "StatefulSet /spec/template/spec/containers: exporter (image x): no field",
        "/env: the variable TOKEN: no field",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert!(!format!("{found:?}").contains("correct-horse"));
}

/// A cluster beside it must not be found by the old one's Services: it holds other data.
#[test]
fn what_finds_the_pods_of_a_set_made_by_hand_is_not_in_the_document() {
    let (fleet, files) = examples();
    let spec = fleet.clusters.iter().find(|c| c.tls.client.is_none());
    let spec = spec.expect("an example without TLS");
    let mut running = running(spec);
    let set = &mut running.stateful_set;
    set["metadata"]["labels"] = Value::Null;
    set["spec"]["selector"] =
        json!({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["db"]}]});
    let labels = json!({"app": "db", "tier": "db", "team": "orders", "app.kubernetes.io/name": "etcd", "app.kubernetes.io/instance": "db"});
    set["spec"]["template"]["metadata"] = json!({"labels": labels});
    let service = |name: &str, selector: Value| json!({"metadata": {"name": name, "annotations": {"dns": "db.example.net"}}, "spec": {"clusterIP": "10.0.0.1", "selector": selector}});
    running.services = vec![
        service("old", json!({"app": "db"})),
        service("all", json!({"app.kubernetes.io/name": "etcd"})),
        service(
            "one",
            json!({"app.kubernetes.io/name": "etcd", "app.kubernetes.io/instance": "db"}),
        ),
    ];
    let found = imported(&running, &wanted(spec, None), fleet_file(&files));
    let kept: Vec<&str> = found.spec.pod.labels.keys().map(String::as_str).collect();
    assert_eq!(kept, ["team"]);
    let told = found.findings.iter();
    let told: Vec<String> = told
        .map(|f| format!("{}: {}: {}\n", f.field, f.live, f.then))
        .collect();
    let told = told.concat();
    for part in [
        "pod.labels app: db: not in the document: the members of a new cluster would be found by it, by Service old;",
        &format!(
            "pod.labels tier: db: not in the document: the members of a new cluster would be found by it, by StatefulSet {};",
            spec.name
        ),
        "service.annotations dns: db.example.net: in the document, and so on a new cluster's client Service too",
        "; give it another selector before a new cluster is made beside it, or its clients are led to both\n",
        "; give it another selector before a new cluster with backend.statefulSet.name db is made beside it, or",
    ] {
        assert!(told.contains(part), "{part} is not in\n{told}");
    }
    assert_eq!(
        told.matches("give it another selector").count(),
        2,
        "{told}"
    );
    assert!(!told.contains("/template/metadata/labels/tier"), "{told}");
}
