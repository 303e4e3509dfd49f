//! Faults between us and real members, as texts under `tests/golden/faults`: the same for every version.

use std::time::{Duration, Instant};

use reconcile::diag::SourceFile;
use reconcile::fleet::Ordinal;
use reconcile::world::live::etcd::{Access, Credentials, MembershipAct, Seats, read};
use reconcile::world::live::{Contexts, Live, Options};
use reconcile::world::{PerformError, World as _};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::fixture;
use super::golden::hold;
use super::process::{Cluster, tls};
use super::{ACT, DEADLINE, look, look_until, whole};

/// Every seat's silence, and what follows from it for the cluster.
async fn held(name: &str, seats: &Seats) {
    let begun = Instant::now();
    let etcd = look(seats).await;
    assert!(begun.elapsed() < DEADLINE * 3, "{:?}", begun.elapsed());
    let mut lines: Vec<String> = etcd
        .statuses
        .iter()
        .map(|(o, status)| {
            format!(
                "member {o}: {}",
                status.why_unknown().unwrap_or("(answers)")
            )
        })
        .collect();
    let list = etcd.membership.why_unknown();
    lines.extend(list.map(|why| format!("members: {why}")));
    lines.extend(etcd.barred.map(|why| format!("unreadable: {why}")));
    hold(name, lines.join("\n") + "\n");
}

pub(super) async fn ports_closed_are_named(version: &str) {
    let Some(mut cluster) = Cluster::start(version, 3) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    whole(&cluster, &seats).await;
    for ordinal in [0, 1, 2].map(Ordinal) {
        cluster.kill(ordinal);
    }
    held("etcd-port-closed", &cluster.seats(&Access::default()).await).await;
}

pub(super) async fn a_frozen_member_is_named(version: &str) {
    let Some(cluster) = Cluster::start(version, 3) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    whole(&cluster, &seats).await;
    cluster.freeze(Ordinal(2));
    // Long enough for the other two to have elected a leader, were it the one.
    look_until(&seats, "led", |etcd| etcd.membership.known().is_some()).await;
    held("etcd-silent", &seats).await;
    cluster.thaw(Ordinal(2));
}

pub(super) async fn tls_faults_are_named(version: &str) {
    let Some(authority) = tls::Authority::new("here") else {
        return;
    };
    let Some(cluster) = Cluster::start_tls(version, &authority) else {
        return;
    };
    whole(&cluster, &cluster.seats(&authority.access()).await).await;
    let stranger = tls::Authority::new("elsewhere").expect("made one before");
    let mut access = authority.access();
    access.tls.as_mut().expect("TLS").ca = stranger.access().tls.expect("TLS").ca;
    held("etcd-tls-untrusted", &cluster.seats(&access).await).await;

    let elsewhere = cluster.seats_named("orders-9", &authority.access()).await;
    held("etcd-tls-name", &elsewhere).await;

    let mut access = authority.access();
    access.tls.as_mut().expect("TLS").identity = None;
    held("etcd-certificate-wanted", &cluster.seats(&access).await).await;

    // Any server of another authority does for the API server's own handshake.
    let why = unread_by_kube(&cluster.client_url(Ordinal(0), "127.0.0.1"), &stranger).await;
    hold("api-untrusted", why + "\n");
}

async fn unread_by_kube(server: &str, authority: &tls::Authority) -> String {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let trusted = authority.path("ca.crt").display().to_string();
    let kubeconfig = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "eu",
        "clusters": [{"name": "c", "cluster": {"server": server, "certificate-authority": trusted}}],
        "contexts": [{"name": "eu", "context": {"cluster": "c", "user": "u"}}],
        "users": [{"name": "u", "user": {}}]
    });
    std::fs::write(dir.path().join("kubeconfig"), kubeconfig.to_string()).expect("our own file");
    let file = SourceFile {
        name: "fleet.yaml".into(),
        text: "apiVersion: reconcile/v1alpha1\nkind: Fleet\nmetadata: {name: prod}\nspec:\n  contexts:\n    eu-1: {kubeconfig: {path: kubeconfig}}\n".into(),
    };
    let fleet = reconcile::fleet::load(&[file]).fleet.expect("a fleet");
    let live = Live::new(Contexts::new(&fleet, dir.path()), Options::default());
    let begun = Instant::now();
    let observation = live.observe(&fixture::spec()).await;
    assert!(begun.elapsed() < DEADLINE * 3, "asking again does not help");
    let why = observation.kube.why_unknown().expect("not trusted");
    why.to_owned()
}

pub(super) async fn auth_faults_are_named(version: &str) {
    let Some(cluster) = Cluster::start(version, 1) else {
        return;
    };
    let open = cluster.seats(&Access::default()).await;
    whole(&cluster, &open).await;
    let login = |user: &str, password: &str| Access {
        credentials: Some(Credentials::new(user, password)),
        ..Access::default()
    };
    let early = cluster.seats(&login("root", "correct horse")).await;
    whole(&cluster, &early).await;

    cluster.add_user("clerk", "paper").await;
    cluster.enable_auth("root", "correct horse").await;
    held("etcd-auth-wanted", &open).await;
    held(
        "etcd-auth-rejected",
        &cluster.seats(&login("root", "staple")).await,
    )
    .await;

    let clerk = cluster.seats(&login("clerk", "paper")).await;
    whole(&cluster, &clerk).await;
    let add = MembershipAct::AddLearner {
        peer_url: "http://127.0.0.1:1".into(),
    };
    let Err(PerformError::Refused(why)) = add.perform(&clerk, ACT).await else {
        panic!("a clerk may not add members");
    };
    hold("etcd-not-root", why + "\n");
}

pub(super) async fn a_slow_wire_is_waited_for_up_to_the_deadline(version: &str) {
    let Some(cluster) = Cluster::start(version, 1) else {
        return;
    };
    whole(&cluster, &cluster.seats(&Access::default()).await).await;
    let port = cluster.client_port(Ordinal(0));
    let slow = slowed(port, Duration::from_millis(150)).await;
    let access = Access::default();
    let seat = cluster.seat_through(Ordinal(0), slow, &access).await;
    let seats: Seats = [(Ordinal(0), seat)].into();
    let etcd = read(&seats, Duration::from_secs(6)).await;
    assert!(super::is_whole(&etcd, 1), "slow is not down: {etcd:#?}");

    let slower = slowed(port, DEADLINE).await;
    let seat = cluster.seat_through(Ordinal(0), slower, &access).await;
    held("etcd-slow", &[(Ordinal(0), seat)].into()).await;
}

/// A port that leads to `port`, every piece of the way there and back after a pause.
async fn slowed(port: u16, pause: Duration) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let here = listener.local_addr().expect("bound").port();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                return;
            };
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(trickle(near_in, far_out, pause));
            tokio::spawn(trickle(far_in, near_out, pause));
        }
    });
    here
}

async fn trickle(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    pause: Duration,
) {
    let mut piece = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        tokio::time::sleep(pause).await;
        if to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
}
