//! The Lease: who gets it, and what it tells the next one.

use std::sync::Mutex;
use std::time::Duration;

use reconcile::apply::{Approval, Ending, Interrupt, Options, apply_cluster};
use reconcile::decide::Run;
use reconcile::plan::unroll;
use reconcile::world::World as _;
use reconcile::world::live::Identity;
use reconcile::world::live::lock::{self, Acquired};
use serde_json::{Value, json};

use super::{fixture, labelled, live, with};
use crate::server::Server;

async fn ask(server: &Server, identity: &Identity, millis: u64) -> Acquired {
    hear(server, identity, millis).await.0
}

/// And what kept us from it meanwhile, in order.
async fn hear(server: &Server, identity: &Identity, millis: u64) -> (Acquired, Vec<String>) {
    let timeout = Duration::from_millis(millis);
    server.let_apply();
    let heard = Mutex::new(Vec::new());
    let acquired = lock::acquire(
        server.client(),
        &fixture::spec(),
        identity,
        Some("c2"),
        timeout,
        &|why| heard.lock().expect("one at a time").push(why.to_string()),
    )
    .await
    .expect("the server answers");
    (acquired, heard.into_inner().expect("one at a time"))
}

pub(crate) const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/etcd/leases/orders";

pub(crate) fn held_by(holder: &str) -> Value {
    with(
        labelled("orders"),
        &json!({
            "metadata": {"annotations": {"reconcile/commit": "c1"}},
            "spec": {"holderIdentity": holder, "leaseDurationSeconds": 30,
                     "renewTime": "2099-01-01T00:00:00.000000Z"}
        }),
    )
}

#[tokio::test]
async fn a_free_lock_is_taken_and_given_back() {
    let server = Server::new();
    let me = Identity::of_this_process();
    let Acquired::Held(held) = ask(&server, &me, 0).await else {
        panic!("it is free");
    };
    assert!(held.remaining() > Duration::from_secs(25));
    assert!(matches!(ask(&server, &me, 0).await, Acquired::HeldBy(_)));
    held.record_commit().await;
    held.release().await;
    let Acquired::Held(again) = ask(&server, &me, 0).await else {
        panic!("it was given back");
    };
    assert_eq!(again.previous_commit(), Some("c2"));
}

#[tokio::test]
async fn a_dead_holder_on_this_machine_keeps_nothing() {
    let server = Server::new();
    let me = Identity::of_this_process();
    // The same place and boot, with a start time that no process has.
    let (alive, _) = me
        .to_string()
        .rsplit_once(':')
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("this is Linux");
    server.put(LEASE, held_by(&format!("{alive}:1")));
    let Acquired::Held(held) = ask(&server, &me, 0).await else {
        panic!("its holder is dead");
    };
    assert_eq!(held.previous_commit(), Some("c1"));
}

fn recorded_commit(server: &Server) -> Value {
    server.get(LEASE)["metadata"]["annotations"]["reconcile/commit"].clone()
}

#[tokio::test]
async fn the_lock_names_the_commit_of_the_last_run_that_went_ahead() {
    let server = Server::new();
    server.put(LEASE, held_by(""));
    let me = Identity::of_this_process();
    let Acquired::Held(refused) = ask(&server, &me, 0).await else {
        panic!("it is free");
    };
    assert_eq!(refused.previous_commit(), Some("c1"));
    refused.release().await;
    assert_eq!(recorded_commit(&server), "c1", "taken and refused");

    let (client, spec) = (server.client(), fixture::spec());
    let outside = lock::acquire(client, &spec, &me, None, Duration::ZERO, &|_| {}).await;
    let Ok(Acquired::Held(outside)) = outside else {
        panic!("it was given back");
    };
    outside.record_commit().await;
    outside.release().await;
    assert_eq!(recorded_commit(&server), "c1", "a run outside Git");

    let Acquired::Held(ahead) = ask(&server, &me, 0).await else {
        panic!("it was given back");
    };
    ahead.record_commit().await;
    assert_eq!(recorded_commit(&server), "c2", "before it is given back");
    ahead.release().await;
    assert_eq!(recorded_commit(&server), "c2", "and after");
}

#[tokio::test]
async fn a_holder_elsewhere_is_named() {
    let server = Server::new();
    server.put(LEASE, held_by("ada@elsewhere/7 boot:b ns:1 start:2"));
    let Acquired::HeldBy(lock) = ask(&server, &Identity::of_this_process(), 0).await else {
        panic!("it is held");
    };
    assert_eq!(lock.holder, "ada@elsewhere/7 boot:b ns:1 start:2");
    assert_eq!(lock.commit.as_deref(), Some("c1"));
}

#[tokio::test]
async fn a_holder_whose_clock_is_behind_is_watched_first() {
    let server = Server::new();
    let renewed = json!({"spec": {"renewTime": "2001-01-01T00:00:00.000000Z"}});
    let holder = held_by("ada@elsewhere/7 boot:b ns:1 start:2");
    server.put(LEASE, with(holder, &renewed));
    let me = Identity::of_this_process();
    let (waited, heard) = hear(&server, &me, 1500).await;
    assert!(matches!(waited, Acquired::HeldBy(_)));
    assert_eq!(
        heard[0],
        "held by ada@elsewhere/7, renewed 2001-01-01T00:00:00Z"
    );
    let nothing_was_written = server.requests("PUT", LEASE).is_empty();
    assert!(nothing_was_written);
}

#[tokio::test]
async fn whoever_waits_for_the_lock_outwaits_a_server_that_is_away() {
    let server = Server::new();
    server.fail("GET", LEASE, 503, 2);
    let (me, spec) = (Identity::of_this_process(), fixture::spec());
    let (Acquired::Held(_held), heard) = hear(&server, &me, 10_000).await else {
        panic!("it is free");
    };
    assert!(!heard.is_empty(), "the wait has a reason");
    for why in heard {
        assert!(why.starts_with("Lease orders: "), "{why}");
    }
    server.fail("GET", LEASE, 503, 1);
    let at_once = lock::acquire(server.client(), &spec, &me, None, Duration::ZERO, &|_| {}).await;
    let Err(error @ lock::LockError::Away { .. }) = at_once else {
        panic!("there is no time to ask again");
    };
    assert!(error.to_string().starts_with("Lease orders: "), "{error}");
    server.fail("GET", LEASE, 403, 1);
    let long = Duration::from_secs(600);
    let refused = lock::acquire(server.client(), &spec, &me, None, long, &|_| {}).await;
    assert!(matches!(refused, Err(lock::LockError::Failed { .. })));
}

/// The server wrote it, and its answer never came.
#[tokio::test]
async fn a_lock_that_was_reached_for_is_ours_when_it_says_so() {
    let server = Server::new();
    let me = Identity::of_this_process();
    let (leases, _) = LEASE.rsplit_once('/').expect("a path");
    server.fail("POST", leases, 504, 1);
    let written = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        server.put(LEASE, held_by(&me.to_string()));
    };
    let (acquired, ()) = tokio::join!(ask(&server, &me, 10_000), written);
    assert!(matches!(acquired, Acquired::Held(_)));
}

#[tokio::test]
async fn a_lost_lock_is_noticed() {
    let server = Server::new();
    let Acquired::Held(held) = ask(&server, &Identity::of_this_process(), 0).await else {
        panic!("it is free");
    };
    server.put(LEASE, held_by("ada@elsewhere/7 boot:b ns:1 start:2"));
    tokio::time::sleep(Duration::from_secs(8)).await;
    assert_eq!(held.remaining(), Duration::ZERO);
    drop(held);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let holder = server.get(LEASE).pointer("/spec/holderIdentity").cloned();
    assert_eq!(
        holder,
        Some("ada@elsewhere/7 boot:b ns:1 start:2".into()),
        "another's is left alone"
    );
}

#[tokio::test]
async fn a_signal_ends_the_wait_for_the_lock() {
    let server = Server::new();
    server.put(LEASE, held_by("somebody"));
    let (world, spec) = (live(&server), fixture::spec());
    let plan = unroll(&spec, &world.observe(&spec).await);
    server.let_apply();
    let approval = Approval::of(&plan);
    assert!(approval.total() > 0, "or no lock is asked for");
    let options = Options {
        run: Run { commit: None },
        max_steps: None,
        lock_timeout: Duration::from_secs(600),
        is_newer: Box::new(|_, _| false),
    };
    let interrupt = Interrupt::default();
    let signal = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        interrupt.raise(2);
    };
    let apply = apply_cluster(&world, &spec, approval, &options, &interrupt, &|_| {});
    let ended = tokio::time::timeout(Duration::from_secs(20), async {
        tokio::join!(Box::pin(apply), signal).0
    });
    let outcome = Box::pin(ended).await.expect("a signal was raised");
    assert_eq!(outcome.ending, Ending::Interrupted { safe: true });
    assert_eq!(outcome.done, []);
    assert_eq!(server.get(LEASE), held_by("somebody"));
}
