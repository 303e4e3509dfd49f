//! A leader that thinks of a restarted peer as lost, for ever (etcd-io/etcd#14523).
//!
//! While the peer is down the leader's heartbeats go to it as POSTs. One of them hangs on the way, the peer comes back and
//! is connected, and then the POST fails: the peer counts as lost from there on, though everything reaches it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reconcile::fleet::Ordinal;
use reconcile::world::live::etcd::{Access, MembershipAct, Seats};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::process::Cluster;
use super::{ACT, leader, look_until, whole};

/// The member that is restarted, behind a wire on which POSTs can hang.
const BEHIND: Ordinal = Ordinal(2);
/// What etcd wants of every peer before it lets a member be added (`HealthInterval`), and what a POST may hang at most
/// (`ConnReadTimeout`), each 5 s.
const HELD_AGAINST_IT: Duration = Duration::from_secs(6);

pub(super) async fn a_leader_that_takes_a_peer_for_lost_is_not_asked_alone(version: &str) {
    let wire = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = wire.local_addr().expect("bound").port();
    let Some((mut cluster, behind)) = Cluster::start_behind(version, 3, port) else {
        return;
    };
    let hangs = Arc::new(AtomicBool::new(false));
    let (tell, mut held) = unbounded_channel();
    tokio::spawn(forward(wire, behind, Arc::clone(&hangs), tell));

    let seats = cluster.seats(&Access::default()).await;
    whole(&cluster, &seats).await;
    lead_from_elsewhere(&seats).await;
    hangs.store(true, Ordering::SeqCst);
    cluster.kill(BEHIND);
    let hung = hanging(&mut held).await;
    hangs.store(false, Ordering::SeqCst);
    cluster.join(BEHIND);
    let seats = cluster.seats(&Access::default()).await;
    whole(&cluster, &seats).await;
    tokio::time::sleep(HELD_AGAINST_IT).await;
    drop(hung);

    let etcd = whole(&cluster, &seats).await;
    let (leads, _) = leader(&etcd).expect("whole");
    let add = MembershipAct::AddLearner {
        peer_url: "http://127.0.0.1:9".to_owned(),
    };
    let channel = seats[&leads].as_ref().expect("open").clone();
    let alone: Seats = [(leads, Ok(channel))].into();
    let refused = add.perform(&alone, ACT).await;
    let why = format!("{refused:?}");
    assert!(why.contains("unhealthy cluster"), "{why}");
    assert_eq!(add.perform(&seats, ACT).await, Ok(()));
    look_until(&seats, "grown", |etcd| {
        super::members(etcd).iter().any(|m| m.learner)
    })
    .await;
}

/// Until it is not the one behind the wire.
async fn lead_from_elsewhere(seats: &Seats) {
    let etcd = super::look(seats).await;
    let (from, _) = leader(&etcd).expect("whole");
    if from != BEHIND {
        return;
    }
    let to = etcd.statuses[&Ordinal(0)].known().expect("whole");
    let transferee = to.member_id;
    let moved = MembershipAct::MoveLeader { from, transferee };
    assert_eq!(moved.perform(seats, ACT).await, Ok(()));
    look_until(seats, "led by another", |etcd| {
        leader(etcd).is_some_and(|(leads, _)| leads != BEHIND)
    })
    .await;
}

async fn hanging(held: &mut UnboundedReceiver<TcpStream>) -> TcpStream {
    let wait = tokio::time::timeout(Duration::from_secs(20), held.recv());
    wait.await
        .expect("a leader sends heartbeats")
        .expect("the wire stays")
}

/// To the member, but while POSTs shall hang: then these are kept, and what else comes is closed.
async fn forward(
    wire: TcpListener,
    behind: u16,
    hangs: Arc<AtomicBool>,
    held: UnboundedSender<TcpStream>,
) {
    loop {
        let (mut peer, _) = wire.accept().await.expect("an open listener");
        let (hangs, held) = (Arc::clone(&hangs), held.clone());
        tokio::spawn(async move {
            if hangs.load(Ordering::SeqCst) {
                let mut start = [0; 4];
                let read = peer.peek(&mut start).await.unwrap_or(0);
                if &start[..read] == b"POST" {
                    let _ = held.send(peer);
                }
                return;
            }
            if let Ok(mut member) = TcpStream::connect(("127.0.0.1", behind)).await {
                let _ = copy_bidirectional(&mut peer, &mut member).await;
            }
        });
    }
}
