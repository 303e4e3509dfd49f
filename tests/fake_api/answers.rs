//! What becomes of one write, told from the server's answer.

use reconcile::decide::{Act, RestartBy};
use reconcile::fleet::Ordinal;
use reconcile::state::Uid;
use reconcile::world::PerformError;
use serde_json::json;

use super::server::Server;
use super::{CORE, labelled, perform, with};

#[tokio::test]
async fn a_mutation_is_sent_once_and_its_fate_told_apart() {
    let claim = format!("{CORE}/persistentvolumeclaims/data-orders-0");
    let act = || Act::ReleaseClaim {
        ordinal: Ordinal(0),
        claim: "data-orders-0".into(),
        uid: Uid("u1".into()),
    };
    for (code, expected) in [
        (500, "unknown"),
        (409, "not done"),
        (403, "refused"),
        (429, "not done"),
        (404, ""),
    ] {
        let server = Server::new();
        let size = json!({"spec": {"resources": {"requests": {"storage": "1Gi"}}}});
        server.put(&claim, with(labelled("data-orders-0"), &size));
        server.fail("DELETE", &claim, code, 99);
        let outcome = perform(&server, act()).await;
        let said = match &outcome {
            Ok(()) => "",
            Err(PerformError::NotDone(_)) => "not done",
            Err(PerformError::HeldBack(_)) => "held back",
            Err(PerformError::Unknown(_)) => "unknown",
            Err(PerformError::Refused(_)) => "refused",
        };
        assert_eq!(said, expected, "{code}: {outcome:?}");
        let sent = server.requests("DELETE", &claim);
        assert_eq!(sent.len(), 1, "{code}");
        assert_eq!(sent[0].body["preconditions"]["uid"], "u1");
    }
}

#[tokio::test]
async fn what_a_budget_keeps_back_is_told_from_what_the_server_refuses() {
    let eviction = format!("{CORE}/pods/orders-0/eviction");
    for (code, expected) in [
        (429, "not yet: "),
        (403, "refused: "),
        (500, "outcome unknown: "),
    ] {
        let server = Server::new();
        server.fail("POST", &eviction, code, 99);
        let restart = Act::RestartMember {
            ordinal: Ordinal(0),
            pod: Uid("p0".into()),
            by: RestartBy::Eviction,
        };
        let outcome = perform(&server, restart).await.expect_err("it was refused");
        let said = outcome.to_string();
        assert!(said.starts_with(expected), "{code}: {said}");
        let sent = server.requests("POST", &eviction);
        assert_eq!(sent.len(), 1, "{code}");
        assert_eq!(sent[0].body["deleteOptions"]["preconditions"]["uid"], "p0");
    }
}
