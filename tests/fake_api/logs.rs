//! Logs at their finest tell what was asked, and never what is secret.

use serde_json::json;

use super::unlock::{fleet, run};
use super::{CORE, fixture, labelled, with};
use crate::server::Server;

const PLANTED: &str = "planted-password";
/// As the API server's answer has it.
const ENCODED: &str = "cGxhbnRlZC1wYXNzd29yZA==";

#[tokio::test]
async fn no_log_holds_a_secret() {
    let server = Server::new();
    let mut spec = fixture::spec();
    spec.access.credentials_secret_name = Some("root".into());
    server.knows(&spec);
    let secret = json!({"data": {"username": "cm9vdA==", "password": ENCODED}});
    server.put(
        &format!("{CORE}/secrets/root"),
        with(labelled("root"), &secret),
    );
    let fleet = fleet(&server, "  access: {credentialsSecretName: root}\n").await;
    for format in ["text", "json"] {
        let arguments = ["status", ".", "--log", "trace", "--log-format", format];
        let output = run(fleet.path(), &arguments).await;
        let log = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{log}");
        assert!(
            !server
                .requests("GET", &format!("{CORE}/secrets/root"))
                .is_empty()
        );
        assert!(
            log.contains("/secrets/root"),
            "it was read, and that is told: {log}"
        );
        assert!(!log.contains(PLANTED) && !log.contains(ENCODED), "{log}");
    }
}
