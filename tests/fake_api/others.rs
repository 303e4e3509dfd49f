//! Other actors: who owns, tracks or scales our objects, who holds their fields, and the same id in another place.

use reconcile::decide::Act;
use reconcile::state::{Kube, Ledger, ObjectKind, Reading, Uid};
use reconcile::world::World;
use serde_json::{Value, json};

use super::server::{Seen, Server};
use super::{
    CORE, MEMBERS, fixture, known, labelled, live, members, members_key, observed, perform, with,
};

const SET: &str = "/apis/apps/v1/namespaces/etcd/statefulsets/orders";
const AUTOSCALERS: &str = "/apis/autoscaling/v2/namespaces/etcd/horizontalpodautoscalers";

async fn look(server: &Server) -> Kube {
    known(&observed(server, &fixture::spec()).await).clone()
}

/// The one object there is, with these marks; who acts on it, and since when.
async fn acting(marks: Value) -> Vec<(String, Option<String>)> {
    let server = Server::new();
    server.put(SET, with(labelled("orders"), &marks));
    let actors = look(&server).await.actors;
    assert!(actors.iter().all(|a| a.on == ObjectKind::StatefulSet));
    actors
        .into_iter()
        .map(|a| (a.name, a.since.map(|t| t.to_string())))
        .collect()
}

#[tokio::test]
async fn an_autoscaler_of_our_set_is_an_actor_and_another_is_none() {
    let server = Server::new();
    let of = |name: &str, kind: &str, target: &str| {
        json!({
            "metadata": {"name": name, "namespace": "etcd", "creationTimestamp": "2026-11-20T16:02:00Z"},
            "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": target}}
        })
    };
    for (name, kind, target) in [
        ("etcd-scaler", "StatefulSet", "orders"),
        ("web", "Deployment", "orders"),
        ("other", "StatefulSet", "billing"),
    ] {
        server.put(&format!("{AUTOSCALERS}/{name}"), of(name, kind, target));
    }
    let actors = look(&server).await.actors;
    assert_eq!(actors.len(), 1, "{actors:?}");
    assert_eq!(actors[0].name, "HorizontalPodAutoscaler etcd/etcd-scaler");
    assert_eq!(actors[0].since, "2026-11-20T16:02:00Z".parse().ok());
}

#[tokio::test]
async fn autoscalers_that_may_not_be_listed_are_not_taken_for_none() {
    let server = Server::new();
    server.fail("GET", AUTOSCALERS, 403, 99);
    let observation = observed(&server, &fixture::spec()).await;
    let why = observation.kube.why_unknown().expect("unknown");
    assert!(
        why.contains("no right to list horizontalpodautoscalers in namespace etcd"),
        "{why}"
    );
}

#[tokio::test]
async fn gitops_tools_and_helm_are_known_by_their_marks() {
    let id = "argocd.argoproj.io/tracking-id";
    let argo = acting(json!({"metadata": {
        "annotations": {id: "shop:apps/StatefulSet:etcd/orders"},
        "managedFields": [{"manager": "argocd-controller", "operation": "Apply", "time": "2026-11-20T16:02:00Z",
            "fieldsV1": {"f:metadata": {"f:annotations": {format!("f:{id}"): {}}}}}]
    }}))
    .await;
    let name = "Argo CD application shop".to_owned();
    assert_eq!(argo, [(name.clone(), Some("2026-11-20T16:02:00Z".into()))]);
    let copied = json!({"metadata": {"annotations": {id: "shop:apps/StatefulSet:etcd/others"}}});
    assert_eq!(acting(copied).await, [], "copied from another object");

    let label = json!({"metadata": {
        "labels": {"app.kubernetes.io/instance": "shop"},
        "managedFields": [{"manager": "argocd-controller", "operation": "Update",
            "fieldsV1": {"f:metadata": {"f:labels": {"f:app.kubernetes.io/instance": {}}}}}]
    }});
    assert_eq!(acting(label).await, [(name, None)]);
    let ours = json!({"metadata": {"labels": {"app.kubernetes.io/instance": "orders"}}});
    assert_eq!(acting(ours).await, [], "the label is ours too");

    let flux = json!({"metadata": {"labels": {
        "kustomize.toolkit.fluxcd.io/name": "etcd", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"
    }}});
    let name = "Flux Kustomization flux-system/etcd".to_owned();
    assert_eq!(acting(flux.clone()).await, [(name, None)]);
    let let_go =
        json!({"metadata": {"annotations": {"kustomize.toolkit.fluxcd.io/reconcile": "disabled"}}});
    assert_eq!(acting(with(flux, &let_go)).await, []);

    let release = json!({"metadata": {
        "labels": {"app.kubernetes.io/managed-by": "Helm"},
        "annotations": {"meta.helm.sh/release-name": "etcd", "meta.helm.sh/release-namespace": "shop"}
    }});
    let name = "Helm release shop/etcd".to_owned();
    assert_eq!(acting(release.clone()).await, [(name, None)]);
    let ours = json!({"metadata": {"labels": {"app.kubernetes.io/managed-by": "reconcile"}}});
    assert_eq!(acting(with(release, &ours)).await, [], "Helm asks for both");
}

#[tokio::test]
async fn owners_that_control_are_actors() {
    let owner = |version: &str, kind: &str, controller: bool| {
        json!({"metadata": {"ownerReferences": [
            {"apiVersion": version, "kind": kind, "name": "orders", "uid": "u", "controller": controller}
        ]}})
    };
    let druid = "druid.gardener.cloud/v1alpha1";
    for marks in [owner(druid, "Etcd", true), owner(druid, "Etcd", false)] {
        let name = "its owner Etcd.druid.gardener.cloud orders".to_owned();
        assert_eq!(acting(marks).await, [(name, None)]);
    }
    let other = acting(owner("example.com/v1", "EtcdCluster", true)).await;
    assert_eq!(other[0].0, "its owner EtcdCluster.example.com orders");
    assert_eq!(acting(owner("v1", "ConfigMap", false)).await, []);
    let labels = json!({"metadata": {"labels": {
        "app.kubernetes.io/managed-by": "etcd-druid", "app.kubernetes.io/part-of": "orders"
    }}});
    assert_eq!(acting(labels).await[0].0, "etcd-druid for Etcd orders");
}

fn elsewhere(kube: &Kube) -> &[String] {
    kube.elsewhere.known().expect("read")
}

#[tokio::test]
async fn the_same_id_in_another_place_is_found_before_a_birth() {
    let server = Server::new();
    let old = "/apis/apps/v1/namespaces/etcd-old/statefulsets/orders";
    server.put(
        old,
        with(
            labelled("orders"),
            &json!({"metadata": {"namespace": "etcd-old"}}),
        ),
    );
    let ledger = with(
        labelled("shop-ledger"),
        &json!({"data": {"ledger.json": "{}"}}),
    );
    server.put(&format!("{CORE}/configmaps/shop-ledger"), ledger);
    server.put(MEMBERS, members());
    let kube = look(&server).await;
    assert_eq!(
        elsewhere(&kube),
        ["ConfigMap etcd/shop-ledger", "StatefulSet etcd-old/orders"]
    );

    let ledger = Ledger {
        cluster_id: Some(reconcile::state::MemberId(0xc1)),
        seats: [].into(),
        ..Ledger::default()
    };
    let text = serde_json::to_string(&ledger).expect("plain data");
    server.put(
        &format!("{CORE}/configmaps/orders-ledger"),
        with(
            labelled("orders-ledger"),
            &json!({"data": {"ledger.json": text}}),
        ),
    );
    let lists = || server.requests("GET", "/apis/apps/v1/statefulsets").len();
    let before = lists();
    assert!(elsewhere(&look(&server).await).is_empty(), "it lives here");
    assert_eq!(lists(), before, "not asked");
}

#[tokio::test]
async fn namespaces_that_may_not_be_listed_are_unknown_and_nothing_else_is() {
    let server = Server::new();
    server.fail("GET", "/apis/apps/v1/statefulsets", 403, 99);
    let kube = look(&server).await;
    let why = kube.elsewhere.why_unknown().expect("unknown");
    assert!(
        why.contains("no right to list statefulsets in all namespaces"),
        "{why}"
    );
}

#[tokio::test]
async fn a_persons_key_among_the_files_is_taken_out() {
    let server = Server::new();
    server.put(MEMBERS, members());
    let act = Act::UpdateObject {
        object: members_key(),
        uid: Uid("uid-orders-members".into()),
        body: json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "orders-members"},
            "data": {"orders-0.yaml": "zero", "orders-1.yaml": "one"}
        })
        .into(),
        fields: vec!["/data/readme".into()],
        takes: vec!["/data/readme".into()],
    };
    assert_eq!(perform(&server, act).await, Ok(()));
    assert_eq!(
        server.get(MEMBERS)["data"],
        json!({"orders-0.yaml": "zero", "orders-1.yaml": "one"})
    );
}

/// What the plan names is what is taken: a hand that came later is seen, not overruled.
#[tokio::test]
async fn a_field_taken_since_the_look_is_not_forced() {
    let server = Server::new();
    let set = |managed: Value| {
        let marks = json!({"spec": {"replicas": 3, "podManagementPolicy": "OrderedReady", "paused": 1},
                           "metadata": {"managedFields": managed}});
        with(labelled("orders"), &marks)
    };
    let by = |manager: &str, field: &str| json!({"manager": manager, "operation": "Update", "fieldsV1": {"f:spec": {field: {}}}});
    let kubectl = by("kubectl-edit", "f:podManagementPolicy");
    server.put(SET, set(json!([kubectl])));
    let spec = fixture::spec();
    let world = live(&server);
    world.observe(&spec).await;
    let act = Act::UpdateObject {
        object: reconcile::state::ObjectKey {
            kind: ObjectKind::StatefulSet,
            name: "orders".into(),
        },
        uid: Uid("uid-orders".into()),
        body: json!({"spec": {"podManagementPolicy": "Parallel", "paused": 0}}).into(),
        fields: vec!["/spec/podManagementPolicy".into()],
        takes: vec!["/spec/podManagementPolicy".into()],
    };
    server.let_apply();
    server.put(SET, set(json!([kubectl, by("keda-operator", "f:paused")])));
    let outcome = world.perform(&spec, &act, &Ledger::default()).await;
    let said = format!("{outcome:?}");
    assert!(
        said.contains("/spec/paused (held by keda-operator) moved"),
        "{said}"
    );
    server.put(SET, set(json!([kubectl])));
    assert_eq!(world.perform(&spec, &act, &Ledger::default()).await, Ok(()));
}

#[tokio::test]
async fn known_elsewhere_is_empty_where_nothing_is() {
    let server = Server::new();
    assert_eq!(look(&server).await.elsewhere, Reading::Known(Vec::new()));
}

#[tokio::test]
async fn everything_of_the_fleet_is_sighted_wherever_it_is() {
    let server = Server::new();
    let audit = json!({"metadata": {"namespace": "old", "labels": {"reconcile/cluster": "audit"}}});
    let audit = with(labelled("audit"), &audit);
    server.put("/apis/apps/v1/namespaces/old/statefulsets/audit", audit);
    server.put(SET, labelled("orders"));
    server.put(MEMBERS, members());
    let other = json!({"metadata": {"labels": {"reconcile/fleet": "dev"}}});
    let other = with(labelled("theirs"), &other);
    server.put("/apis/apps/v1/namespaces/etcd/statefulsets/theirs", other);
    let world = live(&server);
    let seen = world.sightings("prod", &["eu-1", "us-2"]).await;
    let here = seen["eu-1"].known().expect("read");
    let here: Vec<String> = here.iter().map(ToString::to_string).collect();
    assert_eq!(here, ["StatefulSet old/audit", "StatefulSet etcd/orders"]);
    for list in ["/apis/apps/v1/statefulsets", "/api/v1/configmaps"] {
        let asked = server.requests("GET", list);
        let metadata_alone = |seen: &Seen| seen.accept.contains("as=PartialObjectMetadataList");
        assert!(
            !asked.is_empty() && asked.iter().all(metadata_alone),
            "{asked:#?}"
        );
    }
    let why = seen["us-2"].why_unknown().expect("not there");
    assert!(why.contains("no context \"us-2\""), "{why}");

    server.fail("GET", "/api/v1/configmaps", 403, 99);
    let seen = world.sightings("prod", &["eu-1"]).await;
    let why = seen["eu-1"].why_unknown().expect("forbidden");
    assert!(
        why.contains("no right to list configmaps in all namespaces"),
        "{why}"
    );
}
