//! Level 1: the live etcd half against real members on loopback. No Kubernetes.
//!
//! `RECONCILE_ETCD_BIN_DIR` names a directory with `etcd-<version>` binaries. A version that is not there is skipped by
//! name; `RECONCILE_TEST_REQUIRE=all` makes that a failure.

#[path = "snapshot_store/disk.rs"]
mod disk;
#[path = "live_etcd/faults.rs"]
mod faults;
#[path = "fake_api/fixture.rs"]
mod fixture;
#[path = "fake_api/golden.rs"]
mod golden;
#[path = "live_etcd/process.rs"]
mod process;
#[path = "live_etcd/snapshots.rs"]
mod snapshots;
#[path = "live_etcd/stale_peer.rs"]
mod stale_peer;

use std::time::{Duration, Instant};

use faults::{
    a_frozen_member_is_named, a_slow_wire_is_waited_for_up_to_the_deadline, auth_faults_are_named,
    ports_closed_are_named, tls_faults_are_named,
};
use process::{Cluster, tls};
use reconcile::fleet::Ordinal;
use reconcile::state::{Alarm, AlarmKind, Etcd, Member, MemberId, MemberStatus, Reading};
use reconcile::world::PerformError;
use reconcile::world::live::etcd::{Access, Credentials, MembershipAct, Seats, read};
use snapshots::{
    a_follower_gives_it_and_another_lineage_is_refused, a_full_disk_is_named_and_leaves_nothing,
    a_member_that_stops_mid_stream_leaves_nothing, a_snapshot_is_taken_listed_and_verified,
    damage_is_found_and_marked, etcdutl_restores_what_was_taken,
};
use stale_peer::a_leader_that_takes_a_peer_for_lost_is_not_asked_alone;

const DEADLINE: Duration = Duration::from_secs(2);
const ACT: Duration = Duration::from_secs(10);

/// One test per supported minor.
macro_rules! on_every_version {
    ($($name:ident)*) => {
        mod v3_5 { $(#[tokio::test] async fn $name() { super::$name("3.5.35").await; })* }
        mod v3_6 { $(#[tokio::test] async fn $name() { super::$name("3.6.16").await; })* }
        mod v3_7 { $(#[tokio::test] async fn $name() { super::$name("3.7.3").await; })* }
    };
}

on_every_version! {
    three_members_are_one_picture
    a_member_lives_its_life
    a_frozen_member_costs_one_deadline_and_no_truth
    without_quorum_nothing_is_claimed_to_be_known
    leadership_moves_from_the_leader_only
    tls_is_checked_against_the_members_own_name
    a_password_is_asked_for_and_given
    a_corrupt_member_is_named_and_the_others_answer
    silence_has_the_others_asked_whom_they_see
    ports_closed_are_named
    a_frozen_member_is_named
    tls_faults_are_named
    auth_faults_are_named
    a_slow_wire_is_waited_for_up_to_the_deadline
    a_snapshot_is_taken_listed_and_verified
    etcdutl_restores_what_was_taken
    damage_is_found_and_marked
    a_follower_gives_it_and_another_lineage_is_refused
    a_member_that_stops_mid_stream_leaves_nothing
    a_full_disk_is_named_and_leaves_nothing
    a_leader_that_takes_a_peer_for_lost_is_not_asked_alone
}

async fn look(seats: &Seats) -> Etcd {
    read(seats, DEADLINE).await
}

/// Looks until the picture is as expected, for as long as an election takes.
async fn look_until(seats: &Seats, what: &str, is_so: impl Fn(&Etcd) -> bool) -> Etcd {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let etcd = look(seats).await;
        if is_so(&etcd) {
            return etcd;
        }
        assert!(Instant::now() < end, "never {what}: {etcd:#?}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn is_whole(etcd: &Etcd, members: usize) -> bool {
    etcd.membership
        .known()
        .is_some_and(|list| list.members.iter().filter(|m| m.has_started()).count() == members)
        && leader(etcd).is_some()
        && etcd.statuses.values().all(reads)
}

fn reads(status: &Reading<MemberStatus>) -> bool {
    status
        .known()
        .is_some_and(|s| s.linearizable_read == Some(Reading::Known(())))
}

fn leader(etcd: &Etcd) -> Option<(Ordinal, MemberId)> {
    etcd.statuses.iter().find_map(|(ordinal, status)| {
        let status = status.known()?;
        (status.leader == Some(status.member_id)).then_some((*ordinal, status.member_id))
    })
}

fn members(etcd: &Etcd) -> &[Member] {
    etcd.membership
        .known()
        .map_or(&[], |list| list.members.as_slice())
}

async fn whole(cluster: &Cluster, seats: &Seats) -> Etcd {
    let count = cluster.size();
    look_until(seats, "whole", |etcd| is_whole(etcd, count)).await
}

async fn three_members_are_one_picture(version: &str) {
    let Some(cluster) = Cluster::start(version, 3) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    let etcd = whole(&cluster, &seats).await;
    for status in etcd.statuses.values() {
        let status = status.known().expect("whole");
        assert_eq!(status.version, version);
        assert_eq!(status.leader, leader(&etcd).map(|(_, id)| id));
        assert!(!status.learner && status.errors.is_empty(), "{status:?}");
    }
    assert_eq!(etcd.alarms, Reading::Known(Vec::new()));
    let list = etcd.membership.known().expect("whole");
    let ids: Vec<MemberId> = list.members.iter().map(|m| m.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
}

async fn a_member_lives_its_life(version: &str) {
    let Some(mut cluster) = Cluster::start(version, 1) else {
        return;
    };
    let mut seats = cluster.seats(&Access::default()).await;
    whole(&cluster, &seats).await;
    let newcomer = cluster.reserve();
    let add = MembershipAct::AddLearner {
        peer_url: cluster.peer_url(newcomer),
    };
    assert_eq!(add.perform(&seats, ACT).await, Ok(()));
    assert_eq!(add.perform(&seats, ACT).await, Ok(()), "done already");
    let second = MembershipAct::AddLearner {
        peer_url: "http://127.0.0.1:1".into(),
    };
    let refused = second.perform(&seats, ACT).await;
    assert!(
        matches!(&refused, Err(PerformError::NotDone(why)) if why.contains("too many learner")),
        "{refused:?}"
    );

    let etcd = look(&seats).await;
    let learner = members(&etcd)
        .iter()
        .find(|m| m.learner)
        .cloned()
        .expect("added");
    assert!(!learner.has_started());
    let promote = MembershipAct::Promote { member: learner.id };
    let early = promote.perform(&seats, ACT).await;
    assert!(
        matches!(&early, Err(PerformError::NotDone(why)) if why.contains("in sync with leader")),
        "{early:?}"
    );

    cluster.join(newcomer);
    seats.insert(newcomer, cluster.seat(newcomer, &Access::default()).await);
    let etcd = look_until(&seats, "a learner that answers", |etcd| {
        etcd.statuses[&newcomer].known().is_some_and(|s| s.learner)
    })
    .await;
    let status = etcd.statuses[&newcomer].known().expect("just seen");
    assert_eq!(status.linearizable_read, None, "a learner is never asked");
    let end = Instant::now() + Duration::from_secs(20);
    while let Err(error) = promote.perform(&seats, ACT).await {
        assert!(Instant::now() < end, "{error}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert_eq!(promote.perform(&seats, ACT).await, Ok(()), "done already");
    let etcd = look_until(&seats, "two voters", |etcd| is_whole(etcd, 2)).await;
    assert!(members(&etcd).iter().all(|m| !m.learner));

    let remove = MembershipAct::Remove { member: learner.id };
    // etcd itself wants every member connected for five seconds before it lets one go.
    let end = Instant::now() + Duration::from_secs(20);
    while let Err(error) = remove.perform(&seats, ACT).await {
        assert!(Instant::now() < end, "{error}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    seats.remove(&newcomer);
    assert_eq!(remove.perform(&seats, ACT).await, Ok(()), "done already");
    look_until(&seats, "one voter", |etcd| members(etcd).len() == 1).await;
    let gone = promote.perform(&seats, ACT).await;
    assert!(matches!(gone, Err(PerformError::NotDone(_))), "{gone:?}");
}

async fn a_frozen_member_costs_one_deadline_and_no_truth(version: &str) {
    let Some(cluster) = Cluster::start(version, 3) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    let etcd = whole(&cluster, &seats).await;
    let (leader, _) = leader(&etcd).expect("whole");
    let frozen = seats
        .keys()
        .copied()
        .find(|o| *o != leader)
        .expect("three members");
    cluster.freeze(frozen);
    let begun = Instant::now();
    let etcd = look(&seats).await;
    let took = begun.elapsed();
    cluster.thaw(frozen);
    assert!(took < DEADLINE * 2, "{took:?}");
    let why = etcd.statuses[&frozen].why_unknown().unwrap_or_default();
    assert!(why.starts_with("etcd-silent: "), "{why}");
    assert_eq!(members(&etcd).len(), 3, "{etcd:#?}");
    assert_eq!(etcd.alarms, Reading::Known(Vec::new()));
}

async fn without_quorum_nothing_is_claimed_to_be_known(version: &str) {
    let Some(mut cluster) = Cluster::start(version, 3) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    whole(&cluster, &seats).await;
    cluster.kill(Ordinal(1));
    cluster.kill(Ordinal(2));
    let etcd = look_until(&seats, "leaderless", |etcd| {
        etcd.statuses[&Ordinal(0)]
            .known()
            .is_some_and(|s| s.leader.is_none())
    })
    .await;
    let survivor = etcd.statuses[&Ordinal(0)].known().expect("just seen");
    assert!(
        matches!(survivor.linearizable_read, Some(Reading::Unknown(_))),
        "{survivor:?}"
    );
    assert!(etcd.membership.known().is_none(), "{etcd:#?}");
    assert_eq!(
        etcd.alarms,
        Reading::Known(Vec::new()),
        "as it applied them"
    );
    let why = etcd.statuses[&Ordinal(1)].why_unknown().unwrap_or_default();
    assert!(why.starts_with("etcd-port-closed: "), "{why}");
    let add = MembershipAct::AddLearner {
        peer_url: "http://127.0.0.1:1".into(),
    };
    let outcome = add.perform(&seats, Duration::from_secs(1)).await;
    assert!(
        matches!(&outcome, Err(PerformError::NotDone(why)) if why.contains("leader")),
        "{outcome:?}"
    );
}

async fn leadership_moves_from_the_leader_only(version: &str) {
    let Some(cluster) = Cluster::start(version, 3) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    let etcd = whole(&cluster, &seats).await;
    let (from, _) = leader(&etcd).expect("whole");
    let (to, transferee) = etcd
        .statuses
        .iter()
        .find_map(|(o, s)| (*o != from).then_some((*o, s.known()?.member_id)))
        .expect("three members");
    let wrong = MembershipAct::MoveLeader {
        from: to,
        transferee,
    };
    let outcome = wrong.perform(&seats, ACT).await;
    assert!(
        matches!(&outcome, Err(PerformError::NotDone(why)) if why.contains("not leader")),
        "{outcome:?}"
    );
    let right = MembershipAct::MoveLeader { from, transferee };
    assert_eq!(right.perform(&seats, ACT).await, Ok(()));
    look_until(&seats, "moved", |etcd| {
        leader(etcd) == Some((to, transferee))
    })
    .await;
}

async fn tls_is_checked_against_the_members_own_name(version: &str) {
    let Some(authority) = tls::Authority::new("here") else {
        return;
    };
    let Some(cluster) = Cluster::start_tls(version, &authority) else {
        return;
    };
    let seats = cluster.seats(&authority.access()).await;
    whole(&cluster, &seats).await;

    let stranger = tls::Authority::new("elsewhere").expect("made one before");
    let mut access = authority.access();
    access.tls.as_mut().expect("TLS").ca = stranger.access().tls.expect("TLS").ca;
    let etcd = look(&cluster.seats(&access).await).await;
    let why = etcd.statuses[&Ordinal(0)].why_unknown().unwrap_or_default();
    assert!(
        why.starts_with("etcd-tls-untrusted: ") && why.contains("UnknownIssuer"),
        "{why}"
    );

    let seats = cluster.seats_named("orders-9", &authority.access()).await;
    let etcd = look(&seats).await;
    let why = etcd.statuses[&Ordinal(0)].why_unknown().unwrap_or_default();
    assert!(
        why.starts_with("etcd-tls-name: ") && why.contains("not valid for name"),
        "{why}"
    );

    let mut access = authority.access();
    access.tls.as_mut().expect("TLS").identity = None;
    let etcd = look(&cluster.seats(&access).await).await;
    let why = etcd.statuses[&Ordinal(0)].why_unknown().unwrap_or_default();
    assert!(why.starts_with("etcd-certificate-wanted: "), "{why}");
    assert_eq!(etcd.barred.as_deref(), Some(&*format!("{why} (member 0)")));
}

async fn a_password_is_asked_for_and_given(version: &str) {
    let Some(cluster) = Cluster::start(version, 1) else {
        return;
    };
    let open = cluster.seats(&Access::default()).await;
    whole(&cluster, &open).await;
    cluster.enable_auth("root", "correct horse").await;

    let with = |password: &str| Access {
        credentials: Some(Credentials::new("root", password)),
        ..Access::default()
    };
    let seats = cluster.seats(&with("correct horse")).await;
    look_until(&seats, "let in", |etcd| is_whole(etcd, 1)).await;
    let wrong = cluster.seats(&with("battery staple")).await;
    let why = &wrong[&Ordinal(0)].as_ref().err().expect("not let in").why;
    assert!(why.starts_with("etcd-auth-rejected: "), "{why}");
    assert!(!why.contains("staple"), "{why}");
    let nobody = look(&open).await;
    assert!(nobody.membership.known().is_none(), "{nobody:#?}");
    let why = nobody.barred.unwrap_or_default();
    assert!(why.starts_with("etcd-auth-wanted: "), "{why}");
}

async fn a_corrupt_member_is_named_and_the_others_answer(version: &str) {
    let Some(mut cluster) = Cluster::start(version, 3) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    let etcd = whole(&cluster, &seats).await;
    let sick = etcd.statuses[&Ordinal(1)].known().expect("whole").member_id;
    cluster.raise_corrupt(sick).await;
    let alarm = Alarm {
        member: sick,
        kind: AlarmKind::Corrupt,
    };
    let etcd = look(&seats).await;
    assert_eq!(etcd.alarms, Reading::Known(vec![alarm.clone()]));
    assert!(
        is_whole(&etcd, 3),
        "refused or not, they answered: {etcd:#?}"
    );

    cluster.kill(Ordinal(1));
    cluster.kill(Ordinal(2));
    let etcd = look_until(&seats, "without quorum", |etcd| {
        etcd.membership.known().is_none()
    })
    .await;
    assert_eq!(etcd.alarms, Reading::Known(vec![alarm]), "{etcd:#?}");
}

async fn silence_has_the_others_asked_whom_they_see(version: &str) {
    let Some(mut cluster) = Cluster::start(version, 3) else {
        return;
    };
    let seats = cluster.seats(&Access::default()).await;
    let etcd = whole(&cluster, &seats).await;
    let status = |etcd: &Etcd, o: u32| etcd.statuses[&Ordinal(o)].known().cloned();
    let ids: Vec<MemberId> = (0..3)
        .map(|o| status(&etcd, o).expect("whole").member_id)
        .collect();
    let connected = |etcd: &Etcd, o: u32| status(etcd, o).and_then(|s| s.connected);
    assert_eq!(
        connected(&etcd, 0),
        None,
        "nobody is silent, nobody is asked"
    );

    cluster.kill(Ordinal(2));
    let etcd = look_until(&seats, "cut off", |etcd| {
        connected(etcd, 0) == Some([ids[1]].into())
    })
    .await;
    assert_eq!(connected(&etcd, 1), Some([ids[0]].into()));

    // The seat has gone altogether; only the list tells that someone is missing.
    let mut two = seats.clone();
    two.remove(&Ordinal(2));
    assert_eq!(connected(&look(&two).await, 0), Some([ids[1]].into()));
}
