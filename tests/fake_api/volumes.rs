//! What is done to claims and volumes reaches the API server bound to what was observed.

use reconcile::decide::Act;
use reconcile::fleet::{ClusterSpec, Ordinal};
use reconcile::state::{Attributes, MemberId, Modification, ModificationState, Reading, Uid};
use reconcile::world::PerformError;
use serde_json::{Value, json};

use super::server::Server;
use super::{CORE, fixture, known, labelled, observed, perform, with};

const VOLUME: &str = "/api/v1/persistentvolumes/pv-7";

fn volume(policy: &str) -> Value {
    json!({
        "metadata": {"name": "pv-7", "uid": "uid-pv-7", "resourceVersion": "7"},
        "spec": {"persistentVolumeReclaimPolicy": policy},
        "status": {"phase": "Released"}
    })
}

fn claim() -> String {
    format!("{CORE}/persistentvolumeclaims/data-orders-0")
}

fn expand(uid: &str) -> Act {
    Act::ExpandClaim {
        ordinal: Ordinal(0),
        claim: "data-orders-0".into(),
        uid: Uid(uid.into()),
        size: "16Gi".parse().expect("a quantity"),
    }
}

fn modify(uid: &str) -> Act {
    Act::ModifyClaim {
        ordinal: Ordinal(0),
        claim: "data-orders-0".into(),
        uid: Uid(uid.into()),
        class: "gold".into(),
    }
}

fn retain(uid: &str) -> Act {
    Act::RetainVolume {
        ordinal: Ordinal(0),
        volume: "pv-7".into(),
        uid: Uid(uid.into()),
        etcd_cluster: Some(MemberId(0x00c1)),
    }
}

fn discard(uid: &str, version: &str) -> Act {
    Act::DiscardVolume {
        ordinal: Ordinal(0),
        volume: "pv-7".into(),
        uid: Uid(uid.into()),
        resource_version: version.into(),
    }
}

#[tokio::test]
async fn a_claim_asks_for_more_and_nothing_else_of_it_moves() {
    let server = Server::new();
    let before = with(
        labelled("data-orders-0"),
        &json!({"spec": {"storageClassName": "gp3", "resources": {"requests": {"storage": "8Gi"}}}}),
    );
    server.put(&claim(), before);
    assert_eq!(perform(&server, expand("uid-data-orders-0")).await, Ok(()));
    let spec = &server.get(&claim())["spec"];
    assert_eq!(
        *spec,
        json!({"storageClassName": "gp3", "resources": {"requests": {"storage": "16Gi"}}})
    );
    let body = &server.requests("PATCH", &claim())[0].body;
    assert_eq!(body["metadata"], json!({"uid": "uid-data-orders-0"}));
}

#[tokio::test]
async fn a_claim_asks_for_other_attributes_and_nothing_else_of_it_moves() {
    let server = Server::new();
    let before = with(
        labelled("data-orders-0"),
        &json!({"spec": {
            "volumeAttributesClassName": "silver", "resources": {"requests": {"storage": "8Gi"}}
        }}),
    );
    server.put(&claim(), before);
    assert_eq!(perform(&server, modify("uid-data-orders-0")).await, Ok(()));
    let spec = &server.get(&claim())["spec"];
    assert_eq!(
        *spec,
        json!({"volumeAttributesClassName": "gold", "resources": {"requests": {"storage": "8Gi"}}})
    );
    let body = &server.requests("PATCH", &claim())[0].body;
    assert_eq!(
        *body,
        json!({
            "metadata": {"uid": "uid-data-orders-0"},
            "spec": {"volumeAttributesClassName": "gold"}
        })
    );
}

const ATTRIBUTES_CLASSES: &str = "/apis/storage.k8s.io/v1/volumeattributesclasses";

/// A claim whose driver is at it, and a class of that driver beside one that Git does not name.
fn modified(server: &Server) -> ClusterSpec {
    let begun = json!({
        "spec": {
            "volumeName": "pv-7", "volumeAttributesClassName": "gold",
            "resources": {"requests": {"storage": "1Gi"}}
        },
        "status": {
            "phase": "Bound", "currentVolumeAttributesClassName": "silver",
            "modifyVolumeStatus": {
                "status": "Infeasible", "targetVolumeAttributesClassName": "gold"
            },
            "conditions": [{
                "type": "ModifyVolumeError", "status": "True", "message": "no such tier"
            }]
        }
    });
    server.put(&claim(), with(labelled("data-orders-0"), &begun));
    let csi = json!({"spec": {"csi": {"driver": "testbed.csi", "volumeHandle": "7"}}});
    server.put(VOLUME, with(volume("Delete"), &csi));
    let class = json!({"metadata": {"name": "gold"}, "driverName": "testbed.csi"});
    server.put(&format!("{ATTRIBUTES_CLASSES}/gold"), class);
    let other = json!({"metadata": {"name": "silver"}, "driverName": "testbed.csi"});
    server.put(&format!("{ATTRIBUTES_CLASSES}/silver"), other);
    let mut spec = fixture::spec();
    spec.storage.attributes_class_name = Some("gold".into());
    spec
}

#[tokio::test]
async fn attributes_are_read_off_claim_volume_and_class() {
    let server = Server::new();
    let spec = modified(&server);
    let observation = observed(&server, &spec).await;
    let kube = known(&observation);
    let claim = &kube.claims[&Ordinal(0)];
    let modification = Modification {
        target: "gold".into(),
        state: ModificationState::Infeasible,
    };
    let expected = Attributes {
        asked: Some("gold".into()),
        current: Some("silver".into()),
        modification: Some(modification),
    };
    assert_eq!(claim.attributes, expected);
    assert_eq!(
        claim.resize.as_deref(),
        Some("ModifyVolumeError: no such tier")
    );
    let volume = claim.volume.as_ref().and_then(Reading::known);
    assert_eq!(volume.expect("read").driver.as_deref(), Some("testbed.csi"));
    let driver = Some("testbed.csi".to_owned());
    assert_eq!(
        kube.attributes_classes,
        Reading::Known([("gold".to_owned(), driver)].into())
    );
}

/// No right is needed for what Git does not name, and before Kubernetes 1.34 nobody serves it.
#[tokio::test]
async fn classes_of_attributes_are_asked_for_only_where_git_names_one() {
    let server = Server::new();
    let mut spec = modified(&server);
    spec.storage.attributes_class_name = None;
    let observation = observed(&server, &spec).await;
    assert_eq!(
        known(&observation).attributes_classes,
        Reading::none_asked()
    );
    assert_eq!(server.requests("GET", ATTRIBUTES_CLASSES).len(), 0);
}

#[tokio::test]
async fn a_class_of_attributes_that_is_absent_or_cannot_be_read_is_told_apart() {
    let server = Server::new();
    let mut spec = modified(&server);
    spec.storage.attributes_class_name = Some("bronze".into());
    let absent = observed(&server, &spec).await;
    assert_eq!(
        known(&absent).attributes_classes,
        Reading::Known([("bronze".to_owned(), None)].into())
    );
    for (code, expected) in [
        (403, "no right to list volumeattributesclasses"),
        (404, "served from Kubernetes 1.34 on"),
    ] {
        let server = Server::new();
        let spec = modified(&server);
        server.fail("GET", ATTRIBUTES_CLASSES, code, 99);
        let observation = observed(&server, &spec).await;
        let why = known(&observation).attributes_classes.why_unknown();
        assert!(why.is_some_and(|why| why.contains(expected)), "{why:?}");
    }
}

#[tokio::test]
async fn a_volume_is_retained_and_says_whose_it_was() {
    let server = Server::new();
    server.put(VOLUME, volume("Delete"));
    assert_eq!(perform(&server, retain("uid-pv-7")).await, Ok(()));
    let now = server.get(VOLUME);
    assert_eq!(now["spec"]["persistentVolumeReclaimPolicy"], "Retain");
    let annotations = &now["metadata"]["annotations"];
    assert_eq!(annotations["reconcile/etcd-cluster"], "c1");
}

#[tokio::test]
async fn an_old_volume_is_given_to_its_driver_only_as_it_was_seen() {
    let server = Server::new();
    server.put(VOLUME, volume("Retain"));
    assert_eq!(perform(&server, discard("uid-pv-7", "7")).await, Ok(()));
    assert_eq!(
        server.get(VOLUME)["spec"]["persistentVolumeReclaimPolicy"],
        "Delete"
    );
    let body = &server.requests("PATCH", VOLUME)[0].body;
    assert_eq!(
        body["metadata"],
        json!({"uid": "uid-pv-7", "resourceVersion": "7"})
    );
}

/// Another volume of that name, another claim, or somebody who took the volume into use meanwhile.
#[tokio::test]
async fn what_is_not_as_it_was_seen_is_left_alone() {
    let stale = [
        retain("another"),
        discard("another", "7"),
        discard("uid-pv-7", "6"),
        expand("another"),
        modify("another"),
    ];
    for act in stale {
        let server = Server::new();
        server.put(VOLUME, volume("Retain"));
        server.put(&claim(), labelled("data-orders-0"));
        let before = (server.get(VOLUME), server.get(&claim()));
        let outcome = perform(&server, act).await;
        assert!(
            matches!(outcome, Err(PerformError::NotDone(_))),
            "{outcome:?}"
        );
        assert_eq!((server.get(VOLUME), server.get(&claim())), before);
    }
}
