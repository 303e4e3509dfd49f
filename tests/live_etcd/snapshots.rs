//! Snapshots of real members: taken, listed, looked at again, restored; damaged ones are found.

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use reconcile::fleet::{Ordinal, SnapshotStore};
use reconcile::state::SnapshotFacts;
use reconcile::world::live::etcd::{Access, open_snapshot};
use reconcile::world::store::{Etcdutl, SnapshotError, Store, StoreError, Taking};

use crate::process::Cluster;
use crate::{DEADLINE, is_whole, leader, look, look_until};

const KEYS: u32 = 300;
const VALUE: usize = 20_000;

fn store(folder: &Path) -> Store {
    let mut spec = crate::fixture::spec();
    spec.backup.store = Some(SnapshotStore::Path(folder.display().to_string()));
    Store::open(&spec, None, None).expect("a directory")
}

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().expect("a time")
}

fn taking(progress: &(dyn Fn(reconcile::world::store::Progress) + Send + Sync)) -> Taking<'_> {
    Taking {
        now: now(),
        patience: Duration::from_secs(10),
        progress,
    }
}

async fn take(cluster: &Cluster, store: &Store) -> Result<SnapshotFacts, SnapshotError> {
    let seats = cluster.seats(&Access::default()).await;
    let source = Box::pin(open_snapshot(&seats, DEADLINE)).await?;
    Box::pin(store.take(source, taking(&|_| {}))).await
}

fn folder_of(root: &Path) -> PathBuf {
    root.join("eu-1/orders")
}

/// One snapshot of one member with some megabytes of data; `None`: that etcd is not here.
async fn taken(version: &str, root: &Path) -> Option<(Cluster, Store, SnapshotFacts)> {
    let cluster = Cluster::start(version, 1)?;
    let seats = cluster.seats(&Access::default()).await;
    look_until(&seats, "whole", |etcd| is_whole(etcd, 1)).await;
    cluster.put_many(KEYS, VALUE).await;
    let store = store(root);
    let facts = take(&cluster, &store).await.expect("a snapshot");
    Some((cluster, store, facts))
}

pub(crate) async fn a_snapshot_is_taken_listed_and_verified(version: &str) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let Some((cluster, store, facts)) = taken(version, root.path()).await else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    let etcd = look(&seats).await;
    let status = etcd.statuses[&Ordinal(0)]
        .known()
        .expect("it answers")
        .clone();
    assert_eq!(facts.revision, status.revision);
    assert_eq!(facts.cluster_id, status.cluster_id);
    assert!(facts.size > u64::from(KEYS) * VALUE as u64, "{facts:?}");
    assert_eq!(store.list().await, Ok(vec![facts.clone()]));
    let manifest = store
        .verify(&facts, now(), &|_| {})
        .await
        .expect("whole")
        .manifest;
    assert_eq!(manifest.etcd_version, version);
    assert_eq!(manifest.member_id, status.member_id);

    let folder = folder_of(root.path());
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(&folder).expect("made") {
        let entry = entry.expect("an entry");
        let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().expect("ASCII"));
    }
    assert_eq!(
        names.len(),
        2,
        "a file and its manifest, nothing half: {names:?}"
    );
    assert_eq!(
        fs::metadata(&folder).expect("metadata").mode() & 0o777,
        0o700
    );
}

pub(crate) async fn etcdutl_restores_what_was_taken(version: &str) {
    let Some(tool) = crate::process::etcdutl(version) else {
        return;
    };
    let root = tempfile::tempdir().expect("a temporary directory");
    let Some((_cluster, store, facts)) = taken(version, root.path()).await else {
        return;
    };
    let tool = Etcdutl::at(tool);
    let restored = store
        .restore(&facts, &tool, root.path())
        .await
        .expect("restores");
    let counts = !version.starts_with("3.5.");
    let keys = counts.then_some(u64::from(KEYS));
    assert_eq!(restored.keys, keys, "3.5's counts its bookkeeping too");
    assert_eq!(restored.revision, facts.revision);
    let left: Vec<_> = fs::read_dir(root.path())
        .expect("there")
        .flatten()
        .collect();
    assert_eq!(left.len(), 1, "only the store stays: {left:?}");
}

pub(crate) async fn damage_is_found_and_marked(version: &str) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let Some((_cluster, store, facts)) = taken(version, root.path()).await else {
        return;
    };
    let good = fs::read(&facts.place).expect("its file");
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    fs::write(&facts.place, flipped).expect("written");
    let error = store
        .verify(&facts, now(), &|_| {})
        .await
        .expect_err("damaged");
    assert_eq!(error.code(), "snapshot-hash");
    let listed = store.list().await.expect("a list");
    assert!(!listed[0].verified, "marked: {listed:?}");
    assert_eq!(store.snapshots().await.expect("a list").newest, None);

    fs::write(&facts.place, &good[..good.len() - 4096]).expect("written");
    let error = store.verify(&facts, now(), &|_| {}).await.expect_err("cut");
    assert_eq!(error.code(), "snapshot-hash", "its end is no hash");
    fs::write(&facts.place, &good[..good.len() - 100]).expect("written");
    let error = store.verify(&facts, now(), &|_| {}).await.expect_err("cut");
    assert_eq!(error.code(), "snapshot-truncated");

    // Without its manifest there is none.
    fs::write(&facts.place, &good).expect("written");
    fs::remove_file(facts.place.replace(".db", ".json")).expect("removed");
    assert_eq!(store.list().await, Ok(Vec::new()));
}

pub(crate) async fn a_follower_gives_it_and_another_lineage_is_refused(version: &str) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let Some(cluster) = Cluster::start(version, 3) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    let etcd = look_until(&seats, "whole", |etcd| is_whole(etcd, 3)).await;
    let leads = leader(&etcd).expect("a leader");
    let source = Box::pin(open_snapshot(&seats, DEADLINE))
        .await
        .expect("a stream");
    let status = &source.status;
    assert_ne!(status.leader, Some(status.member_id), "a follower");
    assert_eq!(status.leader, Some(leads.1));
    let store = store(root.path());
    let seen = Mutex::new(Vec::new());
    let note = |progress| seen.lock().expect("not poisoned").push(progress);
    let facts = Box::pin(store.take(source, taking(&note)))
        .await
        .expect("a snapshot");
    let last = *seen.lock().expect("not poisoned").last().expect("progress");
    assert_eq!((last.done, last.total), (facts.size, facts.size));

    // The same place, another etcd cluster.
    let other = Cluster::start(version, 1).expect("the binary is there");
    let other_seats = other.seats(&Access::default()).await;
    look_until(&other_seats, "whole", |etcd| is_whole(etcd, 1)).await;
    let error = take(&other, &store).await.expect_err("another lineage");
    assert_eq!(error.code(), "store-lineage");
    assert_eq!(
        store.list().await,
        Ok(vec![facts.clone()]),
        "and nothing is lost"
    );

    // A revision that has gone back.
    let ahead = facts.place.replace(
        &format!("-{:016x}-", facts.revision),
        &format!("-{:016x}-", facts.revision + 1000),
    );
    fs::copy(&facts.place, &ahead).expect("copied");
    let manifest = |path: &str| path.replace(".db", ".json");
    fs::copy(manifest(&facts.place), manifest(&ahead)).expect("copied");
    let error = take(&cluster, &store).await.expect_err("ahead");
    assert!(
        error.to_string().contains("above the cluster's own"),
        "{error}"
    );
}

pub(crate) async fn a_member_that_stops_mid_stream_leaves_nothing(version: &str) {
    let root = tempfile::tempdir().expect("a temporary directory");
    let Some(mut cluster) = Cluster::start(version, 1) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    look_until(&seats, "whole", |etcd| is_whole(etcd, 1)).await;
    cluster.put_many(KEYS, VALUE).await;
    let store = store(root.path());
    let source = Box::pin(open_snapshot(&seats, DEADLINE))
        .await
        .expect("a stream");
    cluster.kill(Ordinal(0));
    let taken = Box::pin(store.take(source, taking(&|_| {}))).await;
    let error = taken.expect_err("no member");
    assert_eq!(error.code(), "snapshot-broken");
    let left = fs::read_dir(folder_of(root.path())).expect("made").count();
    assert_eq!(left, 0);
    let error = take(&cluster, &store).await.expect_err("no member");
    assert_eq!(error.code(), "snapshot-no-member");
}

pub(crate) async fn a_full_disk_is_named_and_leaves_nothing(version: &str) {
    let Some(cluster) = Cluster::start(version, 1) else {
        return;
    };
    let Some(small) = crate::disk::small_disk() else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    look_until(&seats, "whole", |etcd| is_whole(etcd, 1)).await;
    cluster.put_many(KEYS, VALUE).await;
    let store = store(small.path());
    let error = take(&cluster, &store).await.expect_err("full");
    assert!(
        matches!(error, SnapshotError::Store(StoreError::Full { .. })),
        "{error}"
    );
    let left = fs::read_dir(folder_of(small.path())).expect("made").count();
    assert_eq!(left, 0);
}
