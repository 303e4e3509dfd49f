//! What an observation holds of a cluster's snapshots, and that it fails for none of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reconcile::fleet::{ClusterSpec, SnapshotStore};
use reconcile::state::{Backup, MemberId, Observation, Reading};
use reconcile::world::World as _;
use serde_json::json;

use crate::server::Server;
use crate::{CORE, fixture, known, labelled, live, with};

fn spec_with(store: SnapshotStore) -> ClusterSpec {
    let mut spec = fixture::spec();
    spec.backup.store = Some(store);
    spec
}

fn s3(endpoint: &str) -> SnapshotStore {
    SnapshotStore::S3 {
        bucket: "etcd-backups".into(),
        prefix: None,
        region: "us-east-1".into(),
        endpoint: Some(endpoint.into()),
        secret_name: Some("s3".into()),
    }
}

fn backup(observed: &Observation) -> &Backup {
    observed.backup.as_ref().expect("a store")
}

fn why(observed: &Observation) -> &str {
    let why = backup(observed).snapshots.why_unknown();
    why.expect("unknown")
}

/// As a list needs it; what is in it nobody looks at.
fn keep(folder: &Path, stem: &str) {
    fs::create_dir_all(folder).expect("made");
    for file in ["db", "json"] {
        fs::write(folder.join(format!("{stem}.{file}")), "x").expect("written");
    }
}

const OLD: &str = "20261121T110000.000Z-0000000000000384-00000000cdf81819";
const NEW: &str = "20261121T120000.250Z-00000000000004d2-00000000cdf81819";

#[tokio::test]
async fn a_list_is_in_the_observation() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let folder = root.path().join("eu-1/orders");
    keep(&folder, OLD);
    keep(&folder, NEW);
    fs::write(folder.join("half.db"), "x").expect("written");
    let server = Server::new();
    let spec = spec_with(SnapshotStore::Path(root.path().display().to_string()));
    let observed = live(&server).observe(&spec).await;
    let snapshots = backup(&observed).snapshots.known().expect("known");
    assert_eq!(snapshots.count, 2);
    assert_eq!(snapshots.highest_revision, 1234);
    assert_eq!(snapshots.cluster_ids, [MemberId(0xcdf8_1819)].into());
    let newest = snapshots.newest.as_ref().expect("one");
    assert_eq!(newest.taken.to_string(), "2026-11-21T12:00:00.25Z");
    assert_eq!(
        (newest.revision, newest.size, newest.verified),
        (1234, 1, true)
    );
    let text = serde_json::to_string(&observed).expect("JSON");
    assert_eq!(
        serde_json::from_str::<Observation>(&text).expect("reads back"),
        observed
    );
    let schema = reconcile::report::schema("observation").expect("a schema");
    let schema = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let record = json!({
        "schema": "reconcile.observation/v1", "now": observed.at, "observations": [observed],
    });
    let errors: Vec<_> = validator
        .iter_errors(&record)
        .map(|e| e.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[tokio::test]
async fn the_state_home_is_looked_at_once_something_is_there() {
    let home = tempfile::tempdir().expect("a temporary directory");
    let (server, spec) = (Server::new(), fixture::spec());
    let live = live(&server).with_state_home(Some(home.path().to_owned()));
    assert_eq!(
        live.observe(&spec).await.backup,
        None,
        "nothing was ever taken"
    );
    keep(
        &home.path().join("reconcile/snapshots/prod/eu-1/orders"),
        NEW,
    );
    let observed = live.observe(&spec).await;
    let snapshots = backup(&observed).snapshots.known().expect("known");
    assert_eq!(snapshots.count, 1);
    let newest = live.newest_snapshot(&spec).await;
    assert_eq!(newest, Reading::Known(snapshots.newest.clone()));
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_costs_only_itself() {
    let server = Server::new();
    let spec = spec_with(s3("http://127.0.0.1:9"));
    let observed = live(&server).observe(&spec).await;
    known(&observed);
    assert_eq!(backup(&observed).store, "s3://etcd-backups/eu-1/orders");
    let absent = "store-credentials: found that Secret s3 does not exist";
    assert!(why(&observed).starts_with(absent), "{}", why(&observed));
    assert!(
        !known(&observed).secrets.contains_key("s3"),
        "not one that members need"
    );
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_waited_for_as_long_as_for_the_rest() {
    let server = Server::new();
    server.put(
        &format!("{CORE}/secrets/s3"),
        with(
            labelled("s3"),
            // planted-access-key, planted-secret-key
            &json!({"data": {
                "accessKeyID": "cGxhbnRlZC1hY2Nlc3Mta2V5", "secretAccessKey": "cGxhbnRlZC1zZWNyZXQta2V5",
            }}),
        ),
    );
    // Takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = silent.local_addr().expect("bound").port();
    for endpoint in [
        format!("http://127.0.0.1:{port}"),
        "http://127.0.0.1:9".into(),
    ] {
        let spec = spec_with(s3(&endpoint));
        let begun = std::time::Instant::now();
        let observed = live(&server).observe(&spec).await;
        assert!(
            begun.elapsed() < Duration::from_secs(6),
            "{:?}",
            begun.elapsed()
        );
        known(&observed);
        let why = why(&observed);
        assert!(why.starts_with("store-unreachable: "), "{why}");
        let text = serde_json::to_string(&observed).expect("JSON");
        assert!(
            !text.contains("planted") && !text.contains("cGxhbnRl"),
            "{text}"
        );
    }
}
