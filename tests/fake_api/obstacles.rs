//! What Kubernetes says of a claim or a pod that does not come.

use jiff::SignedDuration;
use reconcile::fleet::Ordinal;
use reconcile::state::Kube;
use serde_json::{Value, json};

use super::server::Server;
use super::{CORE, fixture, known, labelled, observed, with};

const SET: &str = "/apis/apps/v1/namespaces/etcd/statefulsets/orders";

async fn look(server: &Server) -> Kube {
    known(&observed(server, &fixture::spec()).await).clone()
}

/// Seats 0 and 1 have all they want, the claim of 2 is not bound, and 3 has nothing.
fn with_two_missing() -> Server {
    let server = Server::new();
    server.put(
        SET,
        with(labelled("orders"), &json!({"spec": {"replicas": 4}})),
    );
    for (ordinal, phase) in [(0, "Bound"), (1, "Bound"), (2, "Pending")] {
        let pod = format!("orders-{ordinal}");
        server.put(
            &format!("{CORE}/pods/{pod}"),
            with(labelled(&pod), &json!({"status": {"phase": "Running"}})),
        );
        let name = format!("data-{pod}");
        let claim = json!({
            "spec": {"resources": {"requests": {"storage": "1Gi"}}},
            "status": {"phase": phase}
        });
        server.put(
            &format!("{CORE}/persistentvolumeclaims/{name}"),
            with(labelled(&name), &claim),
        );
    }
    server
}

struct Said<'a> {
    of: &'a str,
    kind: &'a str,
    reason: &'a str,
    message: &'a str,
    minutes_ago: i64,
}

async fn say(server: &Server, said: &Said<'_>) {
    let now = observed(server, &fixture::spec()).await.at;
    let at = now - SignedDuration::from_mins(said.minutes_ago);
    let event = json!({
        "metadata": {"name": said.reason},
        "involvedObject": {"uid": said.of},
        "type": said.kind, "reason": said.reason, "message": said.message,
        "eventTime": Value::Null, "lastTimestamp": at
    });
    let name = format!("{}-{}-{}", said.of, said.reason, said.minutes_ago);
    server.put(&format!("{CORE}/events/{name}"), event);
}

#[tokio::test]
async fn a_refusal_is_told_in_its_own_words_and_before_silence() {
    let server = with_two_missing();
    let full = Said {
        of: "uid-data-orders-2",
        kind: "Warning",
        reason: "ProvisioningFailed",
        message: "no room\n\tleft",
        minutes_ago: 3,
    };
    say(&server, &full).await;
    let silent = Said {
        kind: "Normal",
        reason: "ExternalProvisioning",
        message: "waiting for a volume to be created",
        minutes_ago: 0,
        ..full
    };
    say(&server, &silent).await;
    let quota = Said {
        of: "uid-orders",
        reason: "FailedCreate",
        message: "create Claim data-orders-3 for Pod orders-3 in StatefulSet orders failed error: exceeded quota",
        ..full
    };
    say(&server, &quota).await;
    let kube = look(&server).await;
    let told: Vec<_> = kube
        .obstacles
        .iter()
        .map(|(ordinal, o)| (ordinal.0, o.said.as_str(), o.refused))
        .collect();
    assert_eq!(
        told,
        [
            (2, "ProvisioningFailed: no room left", true),
            (
                3,
                "FailedCreate: create Claim data-orders-3 for Pod orders-3 in StatefulSet orders failed error: exceeded quota",
                true
            )
        ]
    );
    let asked = server.requests("GET", &format!("{CORE}/events"));
    let query = "fieldSelector=involvedObject.kind%3DPersistentVolumeClaim%2CinvolvedObject.name%3Ddata-orders-2";
    assert!(
        asked.iter().any(|seen| seen.query.contains(query)),
        "{asked:#?}"
    );
}

#[tokio::test]
async fn what_was_said_of_another_or_long_ago_is_not_told() {
    let server = with_two_missing();
    let of_an_earlier_claim = Said {
        of: "uid-of-an-earlier-claim",
        kind: "Warning",
        reason: "ProvisioningFailed",
        message: "no room left",
        minutes_ago: 1,
    };
    say(&server, &of_an_earlier_claim).await;
    let of_another_seat = Said {
        of: "uid-orders",
        reason: "FailedCreate",
        message: "create Pod orders-30 in StatefulSet orders failed",
        ..of_an_earlier_claim
    };
    say(&server, &of_another_seat).await;
    let long_ago = Said {
        of: "uid-data-orders-2",
        minutes_ago: 60,
        ..of_an_earlier_claim
    };
    say(&server, &long_ago).await;
    let no_one_answers = Said {
        of: "uid-data-orders-2",
        kind: "Normal",
        reason: "ExternalProvisioning",
        message: "waiting for the provisioner",
        minutes_ago: 1,
    };
    say(&server, &no_one_answers).await;
    let kube = look(&server).await;
    assert_eq!(kube.obstacles.len(), 1, "{:?}", kube.obstacles);
    let silence = &kube.obstacles[&Ordinal(2)];
    assert!(!silence.refused);
    assert!(silence.said.starts_with("ExternalProvisioning: "));
}

#[tokio::test]
async fn events_that_may_not_be_read_are_words_that_are_missing_and_a_cluster_at_rest_asks_for_none()
 {
    let server = with_two_missing();
    server.fail("GET", &format!("{CORE}/events"), 403, 99);
    assert_eq!(look(&server).await.obstacles.len(), 0);
    let rest = Server::new();
    rest.put(
        SET,
        with(labelled("orders"), &json!({"spec": {"replicas": 0}})),
    );
    look(&rest).await;
    assert!(rest.requests("GET", &format!("{CORE}/events")).is_empty());
}
