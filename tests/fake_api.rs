//! Level 0: the Kubernetes half against an API server in this process.
//!
//! For what a real one will not give on demand: foreign objects, conflicts, throttling, lost rights, dead holders.

#[path = "fake_api/answers.rs"]
mod answers;
#[path = "fake_api/by_name.rs"]
mod by_name;
#[path = "fake_api/certificates.rs"]
mod certificates;
#[path = "fake_api/faults.rs"]
mod faults;
#[path = "fake_api/fixture.rs"]
mod fixture;
#[path = "fake_api/golden.rs"]
mod golden;
#[path = "fake_api/import.rs"]
mod import;
#[path = "fake_api/lock.rs"]
mod lock;
#[path = "fake_api/logs.rs"]
mod logs;
#[path = "fake_api/many.rs"]
mod many;
#[path = "fake_api/obstacles.rs"]
mod obstacles;
#[path = "fake_api/others.rs"]
mod others;
#[path = "fake_api/quotas.rs"]
mod quotas;
#[path = "fake_api/rights.rs"]
mod rights;
#[path = "fake_api/server.rs"]
mod server;
#[path = "fake_api/snapshots.rs"]
mod snapshots;
#[path = "fake_api/unlock.rs"]
mod unlock;
#[path = "fake_api/volumes.rs"]
mod volumes;

use std::time::Duration;

use reconcile::decide::{Act, FileLife};
use reconcile::fleet::{ClusterSpec, Context, ContextSource, Ordinal};
use reconcile::plan::{Basis, Plan, SourceFacts, unroll};
use reconcile::report::{Tool, plan_json};
use reconcile::state::{Kube, Ledger, ObjectKey, ObjectKind, Observation, Reading, Uid};
use reconcile::world::live::{Contexts, Live, Options};
use reconcile::world::{PerformError, World};
use serde_json::{Value, json};
use server::Server;

const CORE: &str = "/api/v1/namespaces/etcd";

fn live(server: &Server) -> Live {
    live_pinned(server, None)
}

fn live_pinned(server: &Server, cluster_uid: Option<&str>) -> Live {
    let context = Context {
        source: ContextSource::InCluster,
        cluster_uid: cluster_uid.map(str::to_owned),
    };
    let options = Options {
        read_timeout: Duration::from_secs(3),
        ..Options::default()
    };
    let client = ("eu-1".to_owned(), context, server.client());
    Live::new(Contexts::with_clients([client]), options)
}

async fn observed(server: &Server, spec: &ClusterSpec) -> Observation {
    server.knows(spec);
    live(server).observe(spec).await
}

fn known(observation: &Observation) -> &Kube {
    observation
        .kube
        .known()
        .unwrap_or_else(|| panic!("{:?}", observation.kube))
}

fn why(observation: &Observation) -> &str {
    observation.kube.why_unknown().expect("unknown")
}

fn labelled(name: &str) -> Value {
    json!({
        "metadata": {
            "name": name, "namespace": "etcd", "uid": format!("uid-{name}"), "resourceVersion": "7",
            "labels": {"reconcile/fleet": "prod", "reconcile/context": "eu-1", "reconcile/cluster": "orders"}
        }
    })
}

fn with(mut object: Value, more: &Value) -> Value {
    server::merge(&mut object, more);
    object
}

fn members() -> Value {
    with(
        labelled("orders-members"),
        &json!({
            "data": {"orders-0.yaml": "zero", "orders-1.yaml": "one", "readme": "x"},
            "metadata": {
                "annotations": {
                    "reconcile/content": "abc",
                    "kubectl.kubernetes.io/last-applied-configuration": "{}"
                },
                "managedFields": [
                    {"manager": "reconcile", "operation": "Apply", "fieldsV1": {"f:data": {"f:orders-0.yaml": {}, "f:orders-1.yaml": {}}}},
                    {"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-21T10:00:00Z", "fieldsV1": {"f:data": {"f:readme": {}}}},
                    {"manager": "kubelet", "operation": "Update", "subresource": "status", "fieldsV1": {"f:status": {}}}
                ]
            }
        }),
    )
}

const MEMBERS: &str = "/api/v1/namespaces/etcd/configmaps/orders-members";

fn members_key() -> ObjectKey {
    ObjectKey {
        kind: ObjectKind::ConfigMap,
        name: "orders-members".into(),
    }
}

#[tokio::test]
async fn an_object_is_read_without_what_the_server_adds() {
    let server = Server::new();
    server.put(MEMBERS, members());
    let observation = observed(&server, &fixture::spec()).await;
    let kube = known(&observation);
    let object = &kube.objects[&ObjectKind::ConfigMap];
    assert!(object.ours && !object.deleting);
    assert_eq!(object.uid, Uid("uid-orders-members".into()));
    assert_eq!(
        object.content["metadata"],
        json!({
            "name": "orders-members", "namespace": "etcd",
            "labels": labelled("x")["metadata"]["labels"],
            "annotations": {"reconcile/content": "abc"}
        })
    );
    assert_eq!(object.managers.len(), 1, "{:?}", object.managers);
    assert_eq!(object.managers[0].name, "kubectl-edit");
    assert!(object.managers[0].fields.contains("/data/readme"));
    assert_eq!(&*kube.member_files[&Ordinal(1)], "one");
    assert_eq!(kube.member_files.len(), 2);
    assert_eq!(
        observation.etcd.membership.why_unknown(),
        Some("no pod to ask")
    );
}

#[tokio::test]
async fn pods_claims_and_endpoints_become_seats() {
    let server = Server::new();
    let pod = json!({
        "metadata": {"labels": {"reconcile/serving": "true"}, "annotations": {"reconcile/settings": "s1"}},
        "spec": {"nodeName": "n1", "containers": []},
        "status": {"phase": "Pending", "containerStatuses": [{
            "name": "etcd", "image": "", "imageID": "", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
            "lastState": {"terminated": {"exitCode": 1, "message": "member count is unequal\n"}}
        }]}
    });
    server.put(
        &format!("{CORE}/pods/orders-0"),
        with(labelled("orders-0"), &pod),
    );
    server.put(&format!("{CORE}/pods/orders-x"), labelled("orders-x"));
    let claim = json!({
        "spec": {"storageClassName": "fast", "volumeName": "pv-0", "resources": {"requests": {"storage": "1024Mi"}}},
        "status": {"phase": "Bound"}
    });
    let path = format!("{CORE}/persistentvolumeclaims/data-orders-0");
    server.put(&path, with(labelled("data-orders-0"), &claim));
    let volume = |name: &str, claim: &str, uid: &str| {
        json!({
            "metadata": {"name": name, "uid": format!("uid-{name}")},
            "spec": {"persistentVolumeReclaimPolicy": "Delete",
                     "claimRef": {"namespace": "etcd", "name": claim, "uid": uid}}
        })
    };
    let volumes = "/api/v1/persistentvolumes";
    server.put(
        &format!("{volumes}/pv-0"),
        volume("pv-0", "data-orders-0", "uid-data-orders-0"),
    );
    server.put(
        &format!("{volumes}/pv-old"),
        volume("pv-old", "data-orders-0", "an-earlier-life"),
    );
    server.put(
        &format!("{volumes}/pv-other"),
        volume("pv-other", "data-billing-0", "x"),
    );
    let slice = json!({
        "metadata": {"labels": {"kubernetes.io/service-name": "orders-client"}},
        "addressType": "IPv4",
        "endpoints": [
            {"addresses": ["10.0.0.1"], "conditions": {"ready": true}, "targetRef": {"kind": "Pod", "name": "orders-0"}},
            {"addresses": ["10.0.0.2"], "conditions": {"ready": false}, "targetRef": {"kind": "Pod", "name": "orders-1"}}
        ]
    });
    server.put(
        "/apis/discovery.k8s.io/v1/namespaces/etcd/endpointslices/orders-client-abc",
        with(labelled("orders-client-abc"), &slice),
    );

    let observation = observed(&server, &fixture::spec()).await;
    let kube = known(&observation);
    let pod = &kube.pods[&Ordinal(0)];
    assert!(pod.serving_label && !pod.ready);
    assert_eq!((pod.restarts, pod.stamp.as_deref()), (4, Some("s1")));
    assert_eq!(pod.waiting.as_deref(), Some("CrashLoopBackOff: back-off"));
    assert_eq!(pod.last_words.as_deref(), Some("member count is unequal"));
    assert_eq!(kube.pods.len(), 1);
    let claim = &kube.claims[&Ordinal(0)];
    assert_eq!(claim.request, "1Gi".parse().expect("a quantity"));
    let volume = claim
        .volume
        .as_ref()
        .and_then(Reading::known)
        .expect("read");
    assert_eq!(volume.reclaim_policy, "Delete");
    assert_eq!(kube.serving, [Ordinal(0)].into());
    let released = kube.released_volumes.known().expect("no StatefulSet");
    let names: Vec<&str> = released.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["pv-old"]);
    assert_eq!(
        observation.etcd.statuses[&Ordinal(0)].why_unknown(),
        Some("its pod is Pending: CrashLoopBackOff: back-off")
    );
}

#[tokio::test]
async fn someone_elses_object_of_our_name_is_found_by_name() {
    let server = Server::new();
    let service = |labels: Value| json!({"metadata": {"name": "x", "uid": "u", "labels": labels}});
    server.put(
        &format!("{CORE}/services/orders-client"),
        service(json!({"app": "theirs"})),
    );
    server.put(
        &format!("{CORE}/services/orders-peer"),
        service(json!({"reconcile/fleet": "dev", "reconcile/context": "eu-1", "reconcile/cluster": "orders"})),
    );
    let observation = observed(&server, &fixture::spec()).await;
    let kube = known(&observation);
    assert!(!kube.objects[&ObjectKind::ClientService].ours);
    assert!(!kube.objects[&ObjectKind::PeerService].ours);
    assert_eq!(
        kube.claimed_by,
        [(ObjectKind::PeerService, "dev/eu-1/orders".to_owned())].into()
    );
}

#[tokio::test]
async fn a_long_list_is_read_to_its_end() {
    let server = Server::new();
    server.page_by(2);
    for ordinal in 0..5 {
        let name = format!("orders-{ordinal}");
        server.put(&format!("{CORE}/pods/{name}"), labelled(&name));
    }
    let observation = observed(&server, &fixture::spec()).await;
    assert_eq!(known(&observation).pods.len(), 5);
}

#[tokio::test]
async fn a_busy_server_is_asked_again() {
    let server = Server::new();
    server.fail("GET", &format!("{CORE}/pods"), 429, 2);
    server.fail("GET", &format!("{CORE}/services"), 503, 1);
    let observation = observed(&server, &fixture::spec()).await;
    assert!(known(&observation).pods.is_empty());
}

#[tokio::test]
async fn a_lost_right_is_unknown_and_never_empty() {
    let server = Server::new();
    server.fail("GET", &format!("{CORE}/pods"), 403, 99);
    let observation = observed(&server, &fixture::spec()).await;
    assert!(
        why(&observation).starts_with("forbidden: found no right to list pods in namespace etcd ("),
        "{}",
        why(&observation)
    );
    assert!(observation.etcd.membership.known().is_none());
}

#[tokio::test]
async fn a_server_that_stays_away_costs_the_deadline() {
    let server = Server::new();
    server.fail("GET", &format!("{CORE}/pods"), 500, 999);
    let observation = observed(&server, &fixture::spec()).await;
    assert!(
        why(&observation).starts_with("api-away: "),
        "{}",
        why(&observation)
    );
}

#[tokio::test]
async fn another_kubernetes_cluster_is_refused_with_both_names() {
    let server = Server::new();
    let observation = live_pinned(&server, Some("another"))
        .observe(&fixture::spec())
        .await;
    assert!(
        why(&observation).contains("the-cluster"),
        "{}",
        why(&observation)
    );
    assert!(why(&observation).contains("expected another"));
    let right = live_pinned(&server, Some("the-cluster"));
    assert!(right.observe(&fixture::spec()).await.kube.known().is_some());
}

#[tokio::test]
async fn a_secrets_values_are_nowhere_in_the_observation() {
    let server = Server::new();
    let mut spec = fixture::spec();
    spec.access.credentials_secret_name = Some("login".into());
    // "correct-horse" and "root" in base64.
    let data = json!({"data": {"password": "Y29ycmVjdC1ob3JzZQ==", "username": "cm9vdA=="}});
    server.put(
        &format!("{CORE}/secrets/login"),
        with(labelled("login"), &data),
    );
    let pod = json!({"status": {"phase": "Failed", "containerStatuses": [{
        "name": "etcd", "image": "", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"terminated": {"exitCode": 1, "message": "no login with correct-horse"}}
    }]}});
    server.put(
        &format!("{CORE}/pods/orders-0"),
        with(labelled("orders-0"), &pod),
    );
    let observation = observed(&server, &spec).await;
    let kube = known(&observation);
    assert_eq!(
        kube.secrets["login"],
        Some(["password", "username"].map(str::to_owned).into())
    );
    assert_eq!(
        kube.pods[&Ordinal(0)].last_words.as_deref(),
        Some("no login with <secret>")
    );
    assert!(!format!("{observation:?}").contains("correct-horse"));
    // Nor in the document that `plan --out` writes, which is carried about.
    let mut cluster = unroll(&spec, &observation);
    cluster.basis = Some(Basis::of(&spec, &observation));
    let (now, source) = (observation.at, SourceFacts::default());
    let plan = Plan::new("prod".into(), now, source, vec![cluster]);
    let document = plan_json(&plan, Tool::this()).to_string();
    assert!(document.contains("orders"), "{document}");
    for secret in ["correct-horse", "Y29ycmVjdC1ob3JzZQ"] {
        assert!(!document.contains(secret), "{document}");
    }
}

#[tokio::test]
async fn all_clusters_of_a_namespace_share_the_lists() {
    let server = Server::new();
    let specs: Vec<ClusterSpec> = ["orders", "billing", "sessions"]
        .map(|name| {
            let mut spec = fixture::spec();
            name.clone_into(&mut spec.name);
            name.clone_into(&mut spec.id.name);
            spec
        })
        .into();
    let specs: Vec<&ClusterSpec> = specs.iter().collect();
    server.put(MEMBERS, members());
    let observations = live(&server).observe_all(&specs).await;
    let found: Vec<bool> = observations
        .iter()
        .map(|o| known(o).objects.contains_key(&ObjectKind::ConfigMap))
        .collect();
    assert_eq!(found, [true, false, false]);
    let lists = server.requests("GET", &format!("{CORE}/pods"));
    assert_eq!(lists.len(), 1, "{lists:?}");
}

/// On a look of its own.
async fn perform(server: &Server, act: Act) -> Result<(), PerformError> {
    let (live, spec) = (live(server), fixture::spec());
    live.observe(&spec).await;
    server.let_apply();
    live.perform(&spec, &act, &Ledger::default()).await
}

const LEDGER: &str = "/api/v1/namespaces/etcd/configmaps/orders-ledger";

#[tokio::test]
async fn a_ledger_that_moved_is_not_written_over() {
    let server = Server::new();
    let (live, spec) = (live(&server), fixture::spec());
    let act = Act::Drain {
        ordinal: Ordinal(0),
        pod: Uid("uid-orders-0".into()),
    };
    server.put(&format!("{CORE}/pods/orders-0"), labelled("orders-0"));
    let ledger = |commit: &str| Ledger {
        commit: Some(commit.into()),
        ..Ledger::default()
    };
    server.let_apply();
    let blind = live.perform(&spec, &act, &ledger("a")).await;
    assert!(matches!(blind, Err(PerformError::NotDone(_))), "{blind:?}");
    live.observe(&spec).await;
    for commit in ["a", "b"] {
        let outcome = live.perform(&spec, &act, &ledger(commit)).await;
        assert_eq!(outcome, Ok(()), "our own write is no surprise");
    }

    let theirs = serde_json::to_string(&ledger("theirs")).expect("plain data");
    let mut moved = server.get(LEDGER);
    moved["data"]["ledger.json"] = theirs.into();
    server.put(LEDGER, moved.clone());
    let before = server.requests("PATCH", "").len();
    let outcome = live.perform(&spec, &act, &ledger("c")).await;
    let why = "the ledger moved since it was observed".to_owned();
    assert_eq!(outcome, Err(PerformError::NotDone(why)));
    assert_eq!(server.requests("PATCH", "").len(), before);
    assert_eq!(server.get(LEDGER), moved);

    live.observe(&spec).await;
    let outcome = live.perform(&spec, &act, &ledger("c")).await;
    assert_eq!(outcome, Ok(()), "seen, and decided on");
}

#[tokio::test]
async fn a_taken_name_is_refused_and_says_how_to_look() {
    let server = Server::new();
    server.put(MEMBERS, members());
    let body =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "orders-members"}});
    let act = Act::CreateObject {
        object: members_key(),
        body: body.into(),
    };
    let outcome = perform(&server, act).await;
    let Err(PerformError::Refused(why)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(
        why.contains("kubectl -n etcd get configmap orders-members"),
        "{why}"
    );
}

#[tokio::test]
async fn the_ledger_is_written_first_and_only_when_it_changed() {
    let server = Server::new();
    server.put(MEMBERS, members());
    server.conflict(MEMBERS, ".data.orders-1.yaml", "kubectl-edit");
    let act = |text: &str| Act::WriteMemberFile {
        ordinal: Ordinal(1),
        life: FileLife::Poison,
        object: members_key(),
        uid: Uid("uid-orders-members".into()),
        text: text.into(),
    };
    assert_eq!(perform(&server, act("a")).await, Ok(()));
    assert_eq!(perform(&server, act("b")).await, Ok(()));
    let writes = server.requests("PATCH", "");
    let names: Vec<&str> = writes
        .iter()
        .map(|r| r.path.rsplit('/').next().unwrap_or_default())
        .collect();
    assert_eq!(names, ["orders-ledger", "orders-members", "orders-members"]);
    let body = &writes[1].body;
    assert_eq!(
        body["data"],
        json!({"orders-0.yaml": "zero", "orders-1.yaml": "a"}),
        "ours, and nothing of kubectl's"
    );
    assert_eq!(body["metadata"]["uid"], "uid-orders-members");
    assert_eq!(body["metadata"]["resourceVersion"], "7");
    assert!(writes[1].query.contains("fieldManager=reconcile"));
}

#[tokio::test]
async fn a_field_held_by_another_is_named_with_its_holder() {
    let server = Server::new();
    server.put(MEMBERS, members());
    server.conflict(MEMBERS, ".data.readme", "kubectl-edit");
    let body = json!({"metadata": {"name": "orders-members"}, "data": {"readme": "y"}});
    let act = |takes: &[&str]| Act::UpdateObject {
        object: members_key(),
        uid: Uid("uid-orders-members".into()),
        body: body.clone().into(),
        fields: vec!["/data/readme".into()],
        takes: takes.iter().map(|&t| t.to_owned()).collect(),
    };
    let unseen = perform(&server, act(&[])).await;
    assert!(
        matches!(&unseen, Err(PerformError::NotDone(why)) if why.contains("/data/readme (held by kubectl-edit) moved")),
        "{unseen:?}"
    );
    let free = with(members(), &json!({"metadata": {"managedFields": null}}));
    server.put(MEMBERS, free);
    let outcome = perform(&server, act(&[])).await;
    let Err(PerformError::Refused(why)) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(
        why.contains(".data.readme is held by \"kubectl-edit\""),
        "{why}"
    );
    server.put(MEMBERS, members());
    assert_eq!(perform(&server, act(&["/data/readme"])).await, Ok(()));
    let writes = server.requests("PATCH", MEMBERS);
    assert!(writes.last().expect("one").query.contains("force=true"));
}

#[tokio::test]
async fn replicas_are_bound_to_the_version_that_was_observed() {
    let server = Server::new();
    let path = "/apis/apps/v1/namespaces/etcd/statefulsets/orders";
    let owned = json!({
        "spec": {"replicas": 1, "template": {"spec": {"image": "old", "theirs": 1}}},
        "metadata": {"managedFields": [{"manager": "reconcile", "operation": "Apply", "fieldsV1":
            {"f:spec": {"f:replicas": {}, "f:template": {"f:spec": {"f:image": {}}}}}}]}
    });
    server.put(path, with(labelled("orders"), &owned));
    server.conflict(path, ".spec.replicas", "kubectl-scale");
    let act = |version: &str| Act::StartMember {
        ordinal: Ordinal(1),
        replicas: 2,
        stateful_set: Uid("uid-orders".into()),
        resource_version: version.into(),
    };
    let stale = perform(&server, act("6")).await;
    assert!(matches!(stale, Err(PerformError::NotDone(_))), "{stale:?}");
    assert!(server.requests("PATCH", path).is_empty());
    assert_eq!(perform(&server, act("7")).await, Ok(()));
    let body = &server.requests("PATCH", path)[0].body;
    assert_eq!(
        body["spec"],
        json!({"replicas": 2, "template": {"spec": {"image": "old"}}})
    );
    assert_eq!(body["metadata"]["resourceVersion"], "7");
}

#[tokio::test]
async fn an_update_takes_nothing_back_that_happened_since_the_look() {
    let server = Server::new();
    let set = "/apis/apps/v1/namespaces/etcd/statefulsets/orders";
    let with_replicas = |n: u32| with(labelled("orders"), &json!({"spec": {"replicas": n}}));
    server.put(set, with_replicas(3));
    server.put(MEMBERS, members());
    let (live, spec) = (live(&server), fixture::spec());
    live.observe(&spec).await;
    server.let_apply();
    let update = |object: ObjectKey, more: Value| Act::UpdateObject {
        uid: Uid(format!("uid-{}", object.name)),
        body: with(json!({"metadata": {"name": object.name}}), &more).into(),
        object,
        fields: vec!["/x".into()],
        takes: vec!["/x".into(), "/data/readme".into()],
    };
    let set_key = ObjectKey {
        kind: ObjectKind::StatefulSet,
        name: "orders".into(),
    };
    let cases = [
        (set, update(set_key, json!({"spec": {"replicas": 3}}))),
        (
            MEMBERS,
            update(members_key(), json!({"data": {"orders-1.yaml": "one"}})),
        ),
    ];
    let poisoned = json!({"data": {"orders-1.yaml": "poisoned"}});
    server.put(set, with_replicas(2));
    server.put(MEMBERS, with(members(), &poisoned));
    for (path, act) in &cases {
        let outcome = live.perform(&spec, act, &Ledger::default()).await;
        let Err(PerformError::NotDone(why)) = &outcome else {
            panic!("{outcome:?}");
        };
        assert!(why.contains("moved since it was observed"), "{why}");
        assert!(server.requests("PATCH", path).is_empty());
    }
    server.put(set, with_replicas(3));
    server.put(MEMBERS, members());
    for (path, act) in &cases {
        let outcome = live.perform(&spec, act, &Ledger::default()).await;
        assert_eq!(outcome, Ok(()));
        let body = &server.requests("PATCH", path)[0].body;
        assert_eq!(body["metadata"]["resourceVersion"], "7");
    }
}
