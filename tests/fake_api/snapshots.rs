//! What an observation holds of a cluster's snapshots, and that it fails for none of them.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use reconcile::fleet::{ClusterSpec, Reach, SnapshotStore};
use reconcile::state::{Backup, MemberId, Observation};
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
    let observed = crate::observed(&server, &spec).await;
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
    let store = live.store(&spec).await.expect("it opens");
    let listed = store.snapshots().await.expect("a list");
    assert_eq!(listed.newest, snapshots.newest);
}

#[tokio::test]
async fn a_store_that_cannot_be_opened_costs_only_itself() {
    let server = Server::new();
    let spec = spec_with(s3("http://127.0.0.1:9"));
    let observed = crate::observed(&server, &spec).await;
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
        let observed = crate::observed(&server, &spec).await;
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

/// etcd on the client port of an address of its own, as a pod has it; ended with the value.
struct Member {
    child: std::process::Child,
    address: String,
    _data: tempfile::TempDir,
}

impl Member {
    /// `None`, said aloud: that etcd is not here.
    fn start() -> Option<Self> {
        let folder = std::env::var_os("RECONCILE_ETCD_BIN_DIR");
        let binary = folder.map(|folder| Path::new(&folder).join("etcd-3.6.16"));
        let Some(binary) = binary.filter(|binary| binary.is_file()) else {
            let required = std::env::var("RECONCILE_TEST_REQUIRE").is_ok_and(|v| v == "all");
            assert!(!required, "etcd-3.6.16 is not in RECONCILE_ETCD_BIN_DIR");
            let said = writeln!(
                std::io::stderr(),
                "SKIP a snapshot of a pod: no etcd-3.6.16"
            );
            said.expect("stderr is open");
            return None;
        };
        let data = tempfile::tempdir().expect("a temporary directory");
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let address = format!("127.79.{high}.{}", low.max(1));
        let (client, peer) = (
            format!("http://{address}:2379"),
            format!("http://{address}:2380"),
        );
        let child = std::process::Command::new(binary)
            .args(["--name=orders-0", "--log-level=error", "--unsafe-no-fsync"])
            .arg(format!("--data-dir={}", data.path().display()))
            .arg(format!("--listen-client-urls={client}"))
            .arg(format!("--advertise-client-urls={client}"))
            .arg(format!("--listen-peer-urls={peer}"))
            .arg(format!("--initial-advertise-peer-urls={peer}"))
            .arg(format!("--initial-cluster=orders-0={peer}"))
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the binary was there a moment ago");
        Some(Self {
            child,
            address,
            _data: data,
        })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_snapshot_of_a_pod_goes_to_the_store_and_into_the_next_observation() {
    let Some(member) = Member::start() else {
        return;
    };
    let root = tempfile::tempdir().expect("a temporary directory");
    let mut spec = spec_with(SnapshotStore::Path(root.path().display().to_string()));
    spec.access.reach = Reach::Direct;
    let server = Server::new();
    let pod = json!({"status": {"phase": "Running", "podIP": member.address}});
    server.put(
        &format!("{CORE}/pods/orders-0"),
        with(labelled("orders-0"), &pod),
    );
    let live = live(&server);
    let end = std::time::Instant::now() + Duration::from_secs(20);
    loop {
        let observed = live.observe(&spec).await;
        let etcd = &observed.etcd;
        if etcd.membership.known().is_some() {
            let snapshots = backup(&observed).snapshots.known();
            assert_eq!(
                snapshots.map(|s| s.count),
                Some(0),
                "nothing was ever taken"
            );
            break;
        }
        assert!(std::time::Instant::now() < end, "{etcd:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let facts = Box::pin(live.take_snapshot(&spec, &|_| {})).await;
    let facts = facts.expect("taken");
    let observed = live.observe(&spec).await;
    let snapshots = backup(&observed).snapshots.known().expect("known");
    assert_eq!(
        snapshots.newest,
        Some(facts),
        "at once, not with the next list"
    );
}
