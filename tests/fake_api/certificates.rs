//! When certificates expire, and nothing else of them.

use k8s_openapi::ByteString;
use reconcile::fleet::{ClusterSpec, TlsSecret};
use reconcile::state::{Observation, Reading};
use reconcile::world::recorded::Recording;
use serde_json::{Value, json};

use super::server::Server;
use super::{CORE, fixture, known, observed};

const EARLY: &str = include_str!("../../src/world/live/certificates/early.pem");
const LATE: &str = include_str!("../../src/world/live/certificates/late.pem");

fn spec() -> ClusterSpec {
    let mut spec = fixture::spec();
    spec.tls.client = Some(TlsSecret {
        secret_name: "members".into(),
        ca_secret_name: "authority".into(),
    });
    spec.access.client_cert_secret_name = Some("us".into());
    spec
}

fn put(server: &Server, name: &str, files: &[(&str, &str)]) {
    let data: serde_json::Map<String, Value> = files
        .iter()
        .map(|(key, text)| {
            let bytes = ByteString(text.as_bytes().to_vec());
            ((*key).to_owned(), json!(bytes))
        })
        .collect();
    let secret =
        json!({"metadata": {"name": name, "namespace": "etcd", "uid": name}, "data": data});
    server.put(&format!("{CORE}/secrets/{name}"), secret);
}

fn reading<'o>(
    observation: &'o Observation,
    secret: &str,
    key: &str,
) -> &'o Reading<Vec<jiff::Timestamp>> {
    &known(observation).certificates[secret][key]
}

#[tokio::test]
async fn every_certificate_that_the_spec_names_is_read_to_its_end() {
    let server = Server::new();
    put(
        &server,
        "members",
        &[("tls.crt", EARLY), ("tls.key", "a key"), ("ca.crt", LATE)],
    );
    put(
        &server,
        "authority",
        &[("ca.crt", &format!("{LATE}{EARLY}"))],
    );
    put(
        &server,
        "us",
        &[("tls.crt", "no certificate"), ("tls.key", "a key")],
    );
    let observation = observed(&server, &spec()).await;
    let ends = |secret: &str, key: &str| -> Vec<String> {
        let all = reading(&observation, secret, key).known().expect("known");
        all.iter().map(ToString::to_string).collect()
    };
    assert_eq!(ends("members", "tls.crt"), ["2049-12-31T23:59:59Z"]);
    assert_eq!(
        ends("authority", "ca.crt"),
        ["2050-12-31T23:59:59Z", "2049-12-31T23:59:59Z"]
    );
    assert_eq!(
        reading(&observation, "us", "tls.crt").why_unknown(),
        Some("found no certificate, expected one in PEM form")
    );
    let certificates = &known(&observation).certificates;
    assert_eq!(
        certificates["members"].len(),
        1,
        "its ca.crt is not asked for"
    );
    let text = Recording::text(observation.at, &[observation], [].into()).expect("JSON");
    assert!(text.contains("2049-12-31T23:59:59Z"));
    for secret in ["BEGIN", "MIIB", "a key"] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn what_is_not_there_has_no_end() {
    let server = Server::new();
    put(&server, "members", &[("tls.key", "a key")]);
    let observation = observed(&server, &spec()).await;
    let kube = known(&observation);
    assert!(kube.certificates.is_empty(), "{:?}", kube.certificates);
    assert_eq!(kube.secrets["authority"], None);
}
