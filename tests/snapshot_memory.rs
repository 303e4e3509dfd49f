//! A snapshot of gigabytes takes some megabytes of memory, whatever it is written to.
//!
//! Alone in its program, for what is measured is the whole program.

#[path = "fake_api/fixture.rs"]
mod fixture;
#[path = "snapshot_store/server.rs"]
mod server;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, stream};
use reconcile::fleet::SnapshotStore;
use reconcile::state::{MemberId, MemberStatus};
use reconcile::world::store::{Progress, Source, Store, Taking};
use server::S3Server;
use sha2::{Digest as _, Sha256};

const PIECE: usize = 32 << 10;
const MOST: u64 = 64 << 20;

/// Bytes of ours that are in memory, without the program's own text.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("RssAnon:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kilobytes: u64 = kilobytes
        .and_then(|n| n.parse().ok())
        .expect("a number of kB");
    kilobytes << 10
}

/// So many bytes and their hash, made as they are asked for.
fn pieces(size: usize) -> impl Stream<Item = Result<Bytes, String>> + Unpin + Send {
    // A database is no zeros: those a file system would not even write.
    let piece: Vec<u8> = (0..251).cycle().take(PIECE).collect();
    let (piece, mut hasher) = (Bytes::from(piece), Sha256::new());
    let (mut left, mut ended) = (size / PIECE, false);
    stream::iter(std::iter::from_fn(move || {
        if left > 0 {
            left -= 1;
            hasher.update(&piece);
            return Some(Ok(piece.clone()));
        }
        let hash = std::mem::take(&mut hasher).finalize();
        (!std::mem::replace(&mut ended, true)).then(|| Ok(Bytes::copy_from_slice(&hash)))
    }))
}

fn status() -> MemberStatus {
    MemberStatus {
        cluster_id: MemberId(1),
        member_id: MemberId(2),
        leader: Some(MemberId(2)),
        term: 2,
        index: 9,
        applied: 9,
        revision: 12,
        version: "3.6.16".into(),
        db_size: 0,
        db_size_in_use: 0,
        learner: false,
        linearizable_read: None,
        errors: Vec::new(),
        connected: None,
    }
}

/// Takes and verifies one of this size; the most memory that was seen.
async fn most_memory(store: &Store, size: usize) -> u64 {
    let most = AtomicU64::new(0);
    let note = |progress: Progress| {
        if progress.done % (16 << 20) < PIECE as u64 {
            most.fetch_max(resident(), Ordering::Relaxed);
        }
    };
    let now = "2026-11-21T12:00:00Z".parse().expect("a time");
    let source = Source {
        status: status(),
        pieces: pieces(size),
    };
    let taking = Taking {
        now,
        patience: Duration::from_secs(60),
        progress: &note,
    };
    let facts = Box::pin(store.take(source, taking)).await.expect("taken");
    assert_eq!(facts.size, size as u64 + 32);
    store.verify(&facts, now, &note).await.expect("whole");
    let most = most.into_inner();
    assert!(most > 0, "measured");
    most
}

#[tokio::test]
async fn a_snapshot_is_never_held_in_memory() {
    let root = tempfile::tempdir().expect("a temporary directory");
    let mut spec = fixture::spec();
    spec.backup.store = Some(SnapshotStore::Path(root.path().display().to_string()));
    let store = Store::open(&spec, None, None).expect("a directory");
    let most = most_memory(&store, 2 << 30).await;
    assert!(most < MOST, "a directory: {} MiB", most >> 20);
    drop(root);

    let Some(server) = S3Server::start() else {
        return;
    };
    let most = most_memory(&server.store("etcd-backups"), 512 << 20).await;
    assert!(most < MOST, "S3: {} MiB", most >> 20);
}
