//! What is done to claims and volumes reaches the API server bound to what was observed.

use reconcile::decide::Act;
use reconcile::fleet::Ordinal;
use reconcile::state::{MemberId, Uid};
use reconcile::world::PerformError;
use serde_json::{Value, json};

use super::server::Server;
use super::{CORE, labelled, perform, with};

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
