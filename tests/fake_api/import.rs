//! `import`: the document of what runs, what it cannot hold, and taking over what another fleet made.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use reconcile::decide::{Next, Run, Situation, decide, ledger_before};
use reconcile::fleet::ClusterSpec;
use reconcile::manifest::{self, settings_stamp};
use reconcile::model;
use reconcile::plan::{Verdict, unroll};
use reconcile::state::{Evidence, ObjectKind, Observation};
use serde_json::{Value, json};

use super::unlock::{fleet, run};
use super::{CORE, fixture, known, observed, with};
use crate::server::Server;

const SETS: &str = "/apis/apps/v1/namespaces/etcd/statefulsets";
const DOCUMENT: &str = "clusters/eu-1/orders.yaml";

/// The fleet without its cluster.
async fn empty_fleet(server: &Server) -> tempfile::TempDir {
    let directory = fleet(server, "").await;
    std::fs::remove_file(directory.path().join("clusters/orders.yaml")).expect("it was there");
    directory
}

async fn import(fleet: &Path, more: &str) -> (Option<i32>, String, String) {
    let words: Vec<&str> = more.split_whitespace().collect();
    told(&run(fleet, &[&["import"][..], &words].concat()).await)
}

fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// As the fleet `old` has it.
fn theirs() -> ClusterSpec {
    let mut spec = fixture::spec();
    spec.fleet = "old".into();
    spec.image = "gcr.io/etcd-development/etcd:v3.6.16".into();
    spec.storage.size = "16Gi".parse().expect("a quantity");
    spec.access = reconcile::fleet::Access::default();
    spec
}

fn path_of(kind: ObjectKind, name: &str) -> String {
    match kind {
        ObjectKind::ServiceAccount => format!("{CORE}/serviceaccounts/{name}"),
        ObjectKind::PeerService | ObjectKind::ClientService => format!("{CORE}/services/{name}"),
        ObjectKind::PodDisruptionBudget => {
            format!("/apis/policy/v1/namespaces/etcd/poddisruptionbudgets/{name}")
        }
        ObjectKind::ConfigMap => format!("{CORE}/configmaps/{name}"),
        ObjectKind::StatefulSet => format!("{SETS}/{name}"),
    }
}

/// A cluster in which nothing is left to do, as the model has it.
fn in_sync(spec: &ClusterSpec) -> Observation {
    let now = "2026-11-21T10:00:00Z".parse().expect("a time");
    let mut observed = model::empty(spec.id.clone(), now);
    model::provide_secrets(&mut observed, spec);
    let mut evidence = Evidence::default();
    for _ in 0..500 {
        evidence.record(&observed);
        let situation = Situation {
            spec,
            observed: &observed,
            evidence: &evidence,
        };
        match decide(&situation).next {
            Next::Act(step) => {
                let ledger = ledger_before(&observed, &step.act, &Run::default());
                let done = model::perform(&mut observed, spec, &step.act, &ledger);
                done.expect("the model does what was decided");
            }
            Next::Wait { condition, .. } => model::advance(&mut observed, spec, condition),
            Next::Rest => break,
        }
    }
    assert_eq!(unroll(spec, &observed).verdict, Verdict::InSync);
    observed
}

/// All that the fleet `old` made, on the server.
fn put(server: &Server, spec: &ClusterSpec) {
    let meta = |name: &str| json!({"metadata": {"name": name, "namespace": "etcd", "uid": format!("uid-{name}"), "resourceVersion": "7"}});
    for object in manifest::steady(spec) {
        let path = path_of(object.key.kind, &object.key.name);
        server.put(&path, with(object.body.tree(), &meta(&object.key.name)));
    }
    let labels = json!({"metadata": {"labels": manifest::object_labels(spec)}});
    let labelled = |name: &str| with(meta(name), &labels);
    for ordinal in spec.target() {
        let (pod, claim) = (spec.pod_name(ordinal), spec.claim_name(ordinal));
        let stamp =
            json!({"metadata": {"annotations": {"reconcile/settings": settings_stamp(spec)}}});
        server.put(&format!("{CORE}/pods/{pod}"), with(labelled(&pod), &stamp));
        let asked = json!({"spec": {"resources": {"requests": {"storage": spec.storage.size.as_str()}}}, "status": {"phase": "Pending"}});
        server.put(
            &format!("{CORE}/persistentvolumeclaims/{claim}"),
            with(labelled(&claim), &asked),
        );
    }
    let ledger = json!({"data": {"ledger.json": "{\"seats\":{}}"}});
    server.put(
        &format!("{CORE}/configmaps/orders-ledger"),
        with(labelled("orders-ledger"), &ledger),
    );
    let free = json!({"metadata": {"annotations": {"reconcile/commit": "theirs"}}, "spec": {"leaseDurationSeconds": 30}});
    server.put(super::lock::LEASE, with(labelled("orders"), &free));
}

fn spec_of(fleet: &Path) -> ClusterSpec {
    let documents = reconcile::source::read(fleet);
    let loaded = reconcile::fleet::load(&documents.files);
    *loaded.fleet.expect("a sound fleet").clusters.remove(0)
}

/// The members of the model, and the objects as the server has them.
fn plan(
    spec: &ClusterSpec,
    mut world: Observation,
    live: &Observation,
) -> reconcile::plan::ClusterPlan {
    let (live, kube) = (
        known(live),
        world.kube.known_mut().expect("the model knows"),
    );
    kube.objects.clone_from(&live.objects);
    kube.stateful_set.clone_from(&live.stateful_set);
    kube.claimed_by.clone_from(&live.claimed_by);
    for (ordinal, pod) in &mut kube.pods {
        pod.stamp.clone_from(&live.pods[ordinal].stamp);
    }
    unroll(spec, &world)
}

#[tokio::test]
async fn a_cluster_of_another_fleet_is_documented_then_adopted_without_a_restart() {
    let server = Server::new();
    server.let_apply();
    put(&server, &theirs());
    let fleet = empty_fleet(&server).await;
    let (code, stdout, stderr) = import(fleet.path(), "eu-1/orders . --namespace etcd").await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stdout.starts_with("eu-1/orders: written to ./clusters/eu-1/orders.yaml, with "),
        "{stdout}"
    );
    assert!(stderr.contains("it is of old/eu-1/orders\n"), "{stderr}");
    assert!(
        stderr.contains("(claimed-elsewhere) until it is taken over"),
        "{stderr}"
    );
    let text = std::fs::read_to_string(fleet.path().join(DOCUMENT)).expect("written");
    assert_eq!(
        text,
        "# Written by `reconcile import` from StatefulSet etcd/orders.\napiVersion: reconcile/v1alpha1\nkind: EtcdCluster\n\
         metadata:\n  name: orders\nspec:\n  context: eu-1\n  backend:\n    statefulSet:\n      namespace: etcd\n  members: 3\n  \
         version: 3.6.16\n  storage:\n    size: 16Gi\n"
    );
    assert!(server.writes().is_empty(), "nothing is changed yet");

    let spec = spec_of(fleet.path());
    let world = in_sync(&spec);
    let refused = plan(&spec, world.clone(), &observed(&server, &spec).await);
    assert_eq!(refused.verdict, Verdict::Blocked);
    assert!(
        refused
            .notes
            .iter()
            .any(|n| n.facts.code == "claimed-elsewhere")
    );

    let (code, _, stderr) = import(fleet.path(), "eu-1/orders . --adopt").await;
    assert_eq!(code, Some(64), "{stderr}");
    assert!(stderr.contains("give --yes"), "{stderr}");
    let (code, stdout, stderr) = import(fleet.path(), "eu-1/orders . --adopt --yes").await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stdout.starts_with("eu-1/orders: 14 objects taken over from old/eu-1/orders; "),
        "{stdout}"
    );
    let lease = server.get(super::lock::LEASE);
    assert_eq!(lease["metadata"]["labels"]["reconcile/fleet"], "prod");
    assert_eq!(
        lease["metadata"]["annotations"].get("reconcile/commit"),
        None
    );
    let writes = server.writes();
    assert_eq!(
        (writes[0].method.as_str(), writes[0].path.as_str()),
        ("PUT", super::lock::LEASE),
        "the lock is taken over first, and as those who may apply can"
    );
    assert!(writes[1..].iter().all(|sent| sent.method == "PATCH"));
    for sent in writes {
        let metadata = &sent.body["metadata"];
        assert!(
            metadata["uid"].is_string() && metadata["resourceVersion"] == "7",
            "{}",
            sent.path
        );
    }

    let live = observed(&server, &spec).await;
    let after = plan(&spec, world, &live);
    assert_eq!(after.restarts(), 0);
    let rows: Vec<String> = after
        .intents
        .iter()
        .map(|i| i.intent.row.to_string())
        .collect();
    let mut expected = vec!["mend/differs"; 6];
    // What cannot change in place: it is made again over the pods that run.
    expected.extend(["storage/claim-template", "mend/statefulset-absent"]);
    assert_eq!(rows, expected);
    assert_eq!(after.verdict, Verdict::Changes);
    let (code, stdout, _) = import(fleet.path(), "eu-1/orders . --adopt --yes").await;
    assert_eq!(
        (code, stdout.as_str()),
        (Some(0), "eu-1/orders: it is this fleet's already\n")
    );
}

/// Killed in the middle: what is left is found again.
#[tokio::test]
async fn an_adoption_that_was_broken_off_goes_on() {
    let server = Server::new();
    server.let_apply();
    put(&server, &theirs());
    let fleet = fleet(&server, "").await;
    server.fail("PATCH", &format!("{CORE}/services/orders-peer"), 409, 1);
    let (code, _, stderr) = import(fleet.path(), "eu-1/orders . --adopt --yes").await;
    assert_eq!(code, Some(7), "{stderr}");
    assert!(
        stderr.contains("of 14 objects are taken over, the rest is as it was: run this again"),
        "{stderr}"
    );
    let (code, stdout, stderr) = import(fleet.path(), "eu-1/orders . --adopt --yes").await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(
        stdout.contains(" objects taken over from old/eu-1/orders"),
        "{stdout}"
    );
    let spec = spec_of(fleet.path());
    let kube = observed(&server, &spec).await;
    assert!(known(&kube).objects.values().all(|object| object.ours));
}

#[tokio::test]
async fn a_run_at_work_keeps_its_cluster() {
    let server = Server::new();
    server.let_apply();
    put(&server, &theirs());
    let held = json!({"spec": {"holderIdentity": "ada@elsewhere", "renewTime": "2099-01-01T00:00:00.000000Z"}});
    server.put(
        super::lock::LEASE,
        with(server.get(super::lock::LEASE), &held),
    );
    let fleet = fleet(&server, "").await;
    let (code, _, stderr) = import(fleet.path(), "eu-1/orders . --adopt --yes").await;
    assert_eq!(code, Some(8), "{stderr}");
    assert!(
        stderr.contains("reconcile::import::held (E0808)"),
        "{stderr}"
    );
    assert!(stderr.contains("ada@elsewhere"), "{stderr}");
    assert!(server.writes().is_empty());

    // One whose clock is behind is alive all the same: its lock changes.
    let past = |second: u32| {
        let renewed = format!("2020-01-01T00:00:{second:02}.000000Z");
        let spec = json!({"spec": {"renewTime": renewed, "leaseDurationSeconds": 3}});
        let lease = with(server.get(super::lock::LEASE), &spec);
        server.put(super::lock::LEASE, lease);
    };
    past(0);
    let renewed = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        past(7);
    };
    let arguments = "eu-1/orders . --adopt --yes";
    let ((code, _, stderr), ()) = tokio::join!(import(fleet.path(), arguments), renewed);
    assert_eq!(code, Some(8), "{stderr}");
    assert!(server.writes().is_empty());

    // Past its time it is taken over, and its holder does not find itself in it when it comes back.
    let (code, _, stderr) = import(fleet.path(), arguments).await;
    assert_eq!(code, Some(0), "{stderr}");
    let lease = server.get(super::lock::LEASE);
    assert_eq!(lease["spec"].get("holderIdentity"), None, "{lease}");
    assert_eq!(lease["spec"]["leaseDurationSeconds"], 3);
}

/// What somebody wrote by hand, with flags.
fn hand_made() -> Value {
    json!({
        "metadata": {"name": "orders", "namespace": "etcd", "uid": "u", "resourceVersion": "7", "labels": {"app": "orders"}},
        "spec": {
            "replicas": 3, "serviceName": "orders", "podManagementPolicy": "OrderedReady",
            "selector": {"matchLabels": {"app": "orders"}},
            "template": {
                "metadata": {"labels": {"app": "orders"}},
                "spec": {
                    "containers": [{
                        "name": "etcd", "image": "quay.io/coreos/etcd:v3.5.26",
                        "command": ["etcd", "--data-dir=/var/lib/etcd/data", "--quota-backend-bytes=4294967296",
                            "--auto-compaction-retention=2", "--max-request-bytes=3145728", "--cert-file=/tls/server.crt",
                            "--key-file=/tls/tls.key", "--trusted-ca-file=/tls/ca.crt", "--client-cert-auth",
                            "--unsafe-no-fsync=true"],
                        "env": [{"name": "ETCD_SNAPSHOT_COUNT", "value": "5000"}, {"name": "PASSWORD", "value": "correct-horse"}],
                        "resources": {"requests": {"cpu": "500m"}},
                        "volumeMounts": [{"name": "db", "mountPath": "/var/lib/etcd"}, {"name": "tls", "mountPath": "/tls"}]
                    }],
                    "nodeSelector": {"disk": "ssd"},
                    "volumes": [{"name": "tls", "secret": {"secretName": "orders-tls"}}]
                }
            },
            "volumeClaimTemplates": [{
                "metadata": {"name": "db"},
                "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "20Gi"}}}
            }]
        }
    })
}

#[tokio::test]
async fn a_hand_made_set_makes_a_document_and_says_what_it_cannot_hold() {
    let server = Server::new();
    server.let_administer();
    server.put(&format!("{SETS}/orders"), hand_made());
    let service = json!({"metadata": {"name": "orders", "namespace": "etcd"}, "spec": {"clusterIP": "10.0.0.1", "selector": {"app": "orders"}}});
    server.put(&format!("{CORE}/services/orders"), service);
    let fleet = empty_fleet(&server).await;
    let (code, document, findings) =
        import(fleet.path(), "eu-1/orders . --namespace etcd --out -").await;
    assert_eq!(code, Some(0), "{findings}");
    assert!(!findings.contains("correct-horse") && !document.contains("correct-horse"));
    super::golden::hold("import-hand-made", format!("{document}---\n{findings}"));
    assert!(!fleet.path().join("clusters/eu-1").exists());

    let (code, _, stderr) = import(fleet.path(), "eu-1/orders . --namespace etcd").await;
    assert_eq!(code, Some(0), "{stderr}");
    let (code, _, stderr) = import(fleet.path(), "eu-1/orders . --adopt --yes").await;
    assert_eq!(code, Some(3), "{stderr}");
    assert!(
        stderr.contains("reconcile::import::by-hand (E0806)"),
        "{stderr}"
    );
    assert!(server.writes().is_empty());
}

#[tokio::test]
async fn what_stands_in_the_way_is_named() {
    let server = Server::new();
    server.let_administer();
    let fleet = fleet(&server, "").await;
    let mut said = String::new();
    let mut note = |arguments: &str, (code, stdout, stderr): (Option<i32>, String, String)| {
        assert_eq!(stdout, "");
        let code = code.unwrap_or(-1);
        let _ = write!(
            said,
            "$ reconcile import {arguments}\n{stderr}exit {code}\n\n"
        );
    };
    for arguments in [
        "orders . --namespace etcd",
        "eu-2/orders . --namespace etcd",
        "eu-1/orders . --namespace etcd",
        "eu-1/nobody . --adopt --yes",
        "eu-1/users . --namespace nowhere",
        "eu-1/users . --namespace etcd",
        "eu-1/orders . --adopt --yes",
    ] {
        note(arguments, import(fleet.path(), arguments).await);
    }
    server.put(
        &format!("{SETS}/users"),
        with(hand_made(), &json!({"metadata": {"name": "users"}})),
    );
    let arguments = "eu-1/users . --namespace etcd --out there.yaml";
    std::fs::write(fleet.path().join("there.yaml"), "a person's").expect("written");
    note(arguments, import(fleet.path(), arguments).await);
    let arguments = "eu-1/users . --namespace etcd --statefulset etcd";
    note(arguments, import(fleet.path(), arguments).await);
    let owner = json!({"metadata": {"name": "users", "ownerReferences": [
        {"apiVersion": "druid.gardener.cloud/v1alpha1", "kind": "Etcd", "name": "users", "uid": "u", "controller": true}
    ]}});
    server.put(&format!("{SETS}/users"), with(hand_made(), &owner));
    let arguments = "eu-1/users . --namespace etcd";
    note(arguments, import(fleet.path(), arguments).await);
    let no_claim = json!({"metadata": {"name": "users"}, "spec": {"volumeClaimTemplates": null}});
    server.put(&format!("{SETS}/users"), with(hand_made(), &no_claim));
    note(arguments, import(fleet.path(), arguments).await);
    for template in [
        json!({"spec": {"containers": null}}),
        json!({"spec": {"containers": [{"name": "etcd", "image": "etcd:latest"}]}}),
    ] {
        let other = json!({"metadata": {"name": "users"}, "spec": {"template": template}});
        server.put(&format!("{SETS}/users"), with(hand_made(), &other));
        note(arguments, import(fleet.path(), arguments).await);
    }
    let arguments = "eu-1/orders . --adopt --yes";
    server.put(&format!("{SETS}/orders"), hand_made());
    note(arguments, import(fleet.path(), arguments).await);
    put(&server, &theirs());
    let held = json!({"spec": {"holderIdentity": "ada@elsewhere", "renewTime": "2099-01-01T00:00:00.000000Z"}});
    let lease = server.get(super::lock::LEASE);
    server.put(super::lock::LEASE, with(lease, &held));
    note(arguments, import(fleet.path(), arguments).await);
    let set = server.get(&format!("{SETS}/orders"));
    let users = json!({"metadata": {"labels": {"reconcile/cluster": "users"}}});
    server.put(&format!("{SETS}/orders"), with(set, &users));
    note(arguments, import(fleet.path(), arguments).await);
    for number in 1..=8 {
        let code = format!("(E080{number})");
        assert!(said.contains(&code), "no {code}: {said}");
    }
    assert!(server.writes().is_empty());
    super::golden::hold("import-refused", said);
    let kept = std::fs::read_to_string(fleet.path().join("there.yaml")).expect("there");
    assert_eq!(kept, "a person's");
}
