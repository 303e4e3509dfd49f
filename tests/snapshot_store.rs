//! Stores without etcd: a directory, and S3 against a real server on loopback.
//!
//! `RECONCILE_S3_SERVER` names an `s3s-fs` binary (`cargo install s3s-fs --features binary`). Without it those tests are
//! skipped by name; `RECONCILE_TEST_REQUIRE=all` makes that a failure.

#[path = "snapshot_store/disk.rs"]
mod disk;
#[path = "fake_api/fixture.rs"]
mod fixture;
#[path = "snapshot_store/server.rs"]
mod server;

use std::fs;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream};
use jiff::Timestamp;
use reconcile::fleet::SnapshotStore;
use reconcile::state::{MemberId, MemberStatus, SnapshotFacts};
use reconcile::world::store::{SnapshotError, Source, Store, StoreError, Taking};
use server::{S3Server, keys, s3_spec};
use sha2::{Digest as _, Sha256};

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

fn status(revision: i64) -> MemberStatus {
    MemberStatus {
        cluster_id: MemberId(0xcdf8_1819),
        member_id: MemberId(0x8e9e),
        leader: Some(MemberId(1)),
        term: 2,
        index: 9,
        applied: 9,
        revision,
        version: "3.6.16".into(),
        db_size: 4096,
        db_size_in_use: 4096,
        learner: false,
        linearizable_read: None,
        errors: Vec::new(),
        connected: None,
    }
}

/// So many pages of 512 bytes, and their hash.
fn database(pages: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..pages * 512)
        .map(|at| u8::try_from((at / 7) % 251).expect("below 251"))
        .collect();
    let hash = Sha256::digest(&bytes);
    bytes.extend_from_slice(&hash);
    bytes
}

/// As etcd sends it: pieces of 32 KiB.
fn pieces(bytes: &[u8]) -> impl Stream<Item = Result<Bytes, String>> + Unpin + Send + use<> {
    let pieces: Vec<_> = bytes
        .chunks(32 << 10)
        .map(|piece| Ok(Bytes::copy_from_slice(piece)))
        .collect();
    stream::iter(pieces)
}

async fn take(
    store: &Store,
    now: &str,
    revision: i64,
    pieces: impl Stream<Item = Result<Bytes, String>> + Unpin + Send,
) -> Result<SnapshotFacts, SnapshotError> {
    let source = Source {
        status: status(revision),
        pieces,
    };
    let taking = Taking {
        now: at(now),
        patience: Duration::from_millis(500),
        progress: &|_| {},
    };
    Box::pin(store.take(source, taking)).await
}

fn directory(root: &Path) -> Store {
    let mut spec = fixture::spec();
    spec.backup.store = Some(SnapshotStore::Path(root.display().to_string()));
    Store::open(&spec, None, None).expect("a directory")
}

const NOON: &str = "2026-11-21T12:00:00.250Z";
const LATER: &str = "2026-11-21T12:10:00Z";

fn files(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root.join("eu-1/orders"))
        .expect("made")
        .flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().into_string().expect("ASCII"))
        .collect();
    names.sort();
    names
}

/// What every store must do.
async fn lives_its_life(store: &Store) {
    assert_eq!(store.list().await, Ok(Vec::new()), "a new one is empty");
    let small = database(9);
    let first = take(store, NOON, 12, pieces(&small)).await.expect("taken");
    assert_eq!((first.revision, first.size), (12, small.len() as u64));
    // Several parts of an upload.
    let large = database(40_000);
    let second = take(store, LATER, 20, pieces(&large)).await.expect("taken");
    let listed = store.list().await.expect("a list");
    assert_eq!(listed, [second.clone(), first.clone()], "the newest first");
    for facts in &listed {
        let verified = store
            .verify(facts, at(LATER), &|_| {})
            .await
            .expect("whole");
        assert_eq!(verified.manifest.size, facts.size);
        assert_eq!(verified.manifest.taken, facts.taken);
    }
    let behind = take(store, LATER, 19, pieces(&small)).await;
    assert_eq!(behind.expect_err("gone back").code(), "store-lineage");

    // A stream that breaks, stands still, ends early or says something else: nothing of it is ever listed.
    let cut = stream::iter(vec![
        Ok(Bytes::from(large[..9 << 20].to_vec())),
        Err("gone".into()),
    ]);
    let error = take(store, LATER, 30, cut).await.expect_err("broken");
    assert_eq!(error.code(), "snapshot-broken");
    let still = pieces(&small[..512]).chain(stream::pending().boxed());
    let error = take(store, LATER, 30, still).await.expect_err("stalled");
    assert_eq!(error.code(), "snapshot-stalled");
    let error = take(store, LATER, 30, pieces(&small[..1024])).await;
    assert_eq!(error.expect_err("cut").code(), "snapshot-truncated");
    let mut flipped = large.clone();
    flipped[large.len() / 2] ^= 1;
    let error = take(store, LATER, 30, pieces(&flipped)).await;
    assert_eq!(error.expect_err("damaged").code(), "snapshot-hash");
    assert_eq!(store.list().await, Ok(listed), "and what was there stays");
}

#[tokio::test]
async fn a_directory_lives_its_life() {
    let root = tempfile::tempdir().expect("a temporary directory");
    lives_its_life(&directory(root.path())).await;
    let names = files(root.path());
    assert_eq!(
        names.len(),
        4,
        "two snapshots, their manifests, nothing half: {names:?}"
    );
    let manifest = fs::read_to_string(root.path().join("eu-1/orders").join(&names[1]));
    let found = manifest.expect("a manifest");
    assert!(
        found.contains("\"schema\": \"reconcile.snapshot/v1\""),
        "{found}"
    );
}

#[tokio::test]
async fn s3_lives_its_life() {
    let Some(server) = S3Server::start() else {
        return;
    };
    lives_its_life(&server.store("etcd-backups")).await;
}

#[tokio::test]
async fn another_file_in_its_place_is_found() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let store = directory(root.path());
    let facts = take(&store, NOON, 12, pieces(&database(9)))
        .await
        .expect("taken");
    fs::write(&facts.place, database(10)).expect("written");
    let error = store.verify(&facts, at(LATER), &|_| {}).await;
    assert_eq!(error.expect_err("another").code(), "snapshot-changed");
    let names = files(root.path());
    assert!(
        names.iter().any(|name| name.ends_with(".broken")),
        "{names:?}"
    );
    let listed = store.list().await.expect("a list");
    assert!(!listed[0].verified);
}

#[tokio::test]
async fn files_of_others_are_passed_over() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let store = directory(root.path());
    let facts = take(&store, NOON, 12, pieces(&database(9)))
        .await
        .expect("taken");
    let folder = root.path().join("eu-1/orders");
    for name in ["notes.txt", "snapshot.db", "snapshot.json", ".x.partial"] {
        fs::write(folder.join(name), "x").expect("written");
    }
    fs::create_dir(folder.join("a.db")).expect("made");
    assert_eq!(store.list().await, Ok(vec![facts]));
}

#[tokio::test]
async fn what_is_wrong_with_a_directory_is_named() {
    let root = tempfile::tempdir().expect("a temporary directory");
    fs::write(root.path().join("file"), "x").expect("written");
    let store = directory(&root.path().join("file"));
    let error = store.list().await.expect_err("no directory");
    assert!(matches!(error, StoreError::Absent { .. }), "{error}");
}

#[tokio::test]
async fn what_is_wrong_with_s3_is_named_and_no_key_is_shown() {
    let Some(server) = S3Server::start() else {
        return;
    };
    let error = server.store("no-such-bucket").list().await;
    let error = error.expect_err("no bucket");
    assert!(matches!(error, StoreError::Absent { .. }), "{error}");

    let wrong = keys(&[
        ("accessKeyID", "planted-access-key"),
        ("secretAccessKey", "planted-secret-key"),
    ]);
    let spec = server.spec("etcd-backups");
    let store = Store::open(&spec, Some(&wrong), None).expect("opened");
    let error = store.list().await.expect_err("not let in");
    assert!(matches!(error, StoreError::Denied { .. }), "{error}");
    assert!(
        !format!("{error} {error:?} {store:?}").contains("planted"),
        "{error:?}"
    );

    let error = Store::open(&spec, Some(&keys(&[("user", "planted-user")])), None);
    let error = error.expect_err("a key is missing").to_string();
    assert!(error.starts_with("store-credentials: "), "{error}");
    assert!(
        error.contains("accessKeyID") && !error.contains("planted"),
        "{error}"
    );
}

#[tokio::test]
async fn a_server_whose_disk_is_full_keeps_nothing_half() {
    let Some(disk) = disk::small_disk() else {
        return;
    };
    let Some(server) = S3Server::start_in(disk.path()) else {
        return;
    };
    let store = server.store("etcd-backups");
    let first = take(&store, NOON, 12, pieces(&database(9)))
        .await
        .expect("room for this");
    let error = take(&store, LATER, 20, pieces(&database(20_000))).await;
    let error = error.expect_err("no room").to_string();
    assert!(error.starts_with("store-"), "{error}");
    assert_eq!(store.list().await, Ok(vec![first]));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    let spec = s3_spec("etcd-backups", "http://127.0.0.1:9");
    let keys = keys(&[
        ("accessKeyID", "access-key"),
        ("secretAccessKey", "secret-key"),
    ]);
    let store = Store::open(&spec, Some(&keys), None).expect("opened");
    let begun = std::time::Instant::now();
    let error = store.list().await.expect_err("nobody there");
    assert!(matches!(error, StoreError::Unreachable { .. }), "{error}");
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn without_a_store_they_go_to_the_state_home_or_nowhere() {
    let mut spec = fixture::spec();
    let store = Store::open(&spec, None, Some(Path::new("/state"))).expect("opened");
    assert_eq!(store.place(), "/state/reconcile/snapshots/prod/eu-1/orders");
    assert_eq!(
        Store::open(&spec, None, None).err(),
        Some(StoreError::NoHome)
    );
    spec.policy.require_store = true;
    let refused = Store::open(&spec, None, Some(Path::new("/state")));
    assert_eq!(refused.err(), Some(StoreError::Required));
}
