//! One picture of the members: everyone's status, a linearizable read through every voter, the list and the alarms.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etcd_client::GetOptions;
use futures::future::join_all;
use tokio::time::Instant;

use super::answer::{Answer, EtcdError};
use super::channel::{MemberChannel, within};
use super::lists::{self, Lists};
use super::silence::{Silence, Told};
use super::{alarms, metrics};
use crate::fleet::Ordinal;
use crate::state::{Etcd, MemberId, MemberStatus, Reading};

/// Each seat's channel, or why there is none.
pub type Seats = BTreeMap<Ordinal, Result<MemberChannel, Silence>>;

/// Asks every seat: for its status within `deadline`, and for all the rest within another. A learner is asked for its
/// status and nothing else: it serves no more.
///
/// Whom members are connected to is read where a member is silent, for nothing else asks for it.
pub async fn read(seats: &Seats, deadline: Duration) -> Etcd {
    if seats.is_empty() {
        return Etcd {
            membership: Reading::Unknown("no pod to ask".into()),
            disagreement: None,
            barred: None,
            statuses: BTreeMap::new(),
            alarms: Reading::Unknown("no pod to ask".into()),
        };
    }
    let told = Told::of(read_statuses(seats, deadline).await);
    let mut statuses = told.statuses;
    let until = Instant::now() + deadline;
    let voters = voters(seats, &statuses);
    let reads = join_all(
        voters
            .iter()
            .map(|channel| linearizable_read(channel, deadline)),
    );
    let silent = statuses.values().any(|status| status.known().is_none());
    let answering = answering(seats, &statuses);
    let (reads, lists, connected) = tokio::join!(
        reads,
        lists::read(&voters, &statuses, until),
        read_connected(&answering, silent, until)
    );
    let connected = match connected {
        None if lacks_a_seat(&lists, &statuses) => read_connected(&answering, true, until).await,
        read => read,
    };
    let alarms = alarms::read(&voters, &reads, &statuses, until).await;
    for (channel, outcome) in voters.iter().zip(reads) {
        if let Some(status) = status_of(&mut statuses, channel.ordinal) {
            status.linearizable_read = Some(reading(outcome));
        }
    }
    for (ordinal, peers) in connected.into_iter().flatten() {
        if let Some(status) = status_of(&mut statuses, ordinal) {
            status.connected = peers;
        }
    }
    Etcd {
        membership: if voters.is_empty() && !told.silent.is_empty() {
            Reading::Unknown(format!("no voter answers: {}", told.silent))
        } else {
            lists.membership
        },
        disagreement: lists.disagreement,
        barred: told.barred,
        statuses,
        alarms,
    }
}

fn status_of(
    statuses: &mut BTreeMap<Ordinal, Reading<MemberStatus>>,
    ordinal: Ordinal,
) -> Option<&mut MemberStatus> {
    statuses.get_mut(&ordinal)?.known_mut()
}

/// Seats that answered, and as which member.
fn answering(
    seats: &Seats,
    statuses: &BTreeMap<Ordinal, Reading<MemberStatus>>,
) -> Vec<(MemberChannel, MemberId)> {
    seats
        .iter()
        .filter_map(|(ordinal, seat)| {
            let member = statuses.get(ordinal)?.known()?.member_id;
            Some((seat.as_ref().ok()?.clone(), member))
        })
        .collect()
}

/// A member is listed that has no pod to ask.
fn lacks_a_seat(lists: &Lists, statuses: &BTreeMap<Ordinal, Reading<MemberStatus>>) -> bool {
    let known = || statuses.values().filter_map(Reading::known);
    lists.membership.known().is_some_and(|list| {
        let mut ids = list.members.iter().map(|member| member.id);
        ids.any(|id| known().all(|status| status.member_id != id))
    })
}

type Connected = Vec<(Ordinal, Option<BTreeSet<MemberId>>)>;

async fn read_connected(
    answering: &[(MemberChannel, MemberId)],
    wanted: bool,
    until: Instant,
) -> Option<Connected> {
    if !wanted {
        return None;
    }
    let left = until.saturating_duration_since(Instant::now());
    let reads = answering.iter().map(|(channel, member)| async move {
        let peers = metrics::connected(&channel.metrics, *member, left).await;
        (channel.ordinal, peers)
    });
    Some(join_all(reads).await)
}

pub(super) fn reading<T>(outcome: Result<T, EtcdError>) -> Reading<T> {
    match outcome {
        Ok(value) => Reading::Known(value),
        Err(error) => Reading::Unknown(error.to_string()),
    }
}

async fn read_statuses(
    seats: &Seats,
    deadline: Duration,
) -> BTreeMap<Ordinal, Result<MemberStatus, Silence>> {
    join_all(seats.iter().map(|(ordinal, seat)| async move {
        let status = match seat {
            Ok(channel) => status(channel, deadline)
                .await
                .map_err(|error| Silence::of(&error, channel.is_anonymous)),
            Err(silence) => Err(silence.clone()),
        };
        (*ordinal, status)
    }))
    .await
    .into_iter()
    .collect()
}

/// One member's own word about itself.
pub(super) async fn status(
    channel: &MemberChannel,
    deadline: Duration,
) -> Result<MemberStatus, EtcdError> {
    let mut client = channel.client.clone();
    let answer = within(deadline, async {
        client.status().await.map_err(EtcdError::from)
    })
    .await?;
    let header = answer
        .header()
        .ok_or_else(|| EtcdError::broken("its status has no header"))?;
    Ok(MemberStatus {
        cluster_id: MemberId(header.cluster_id()),
        member_id: MemberId(header.member_id()),
        leader: Some(answer.leader()).filter(|id| *id != 0).map(MemberId),
        term: answer.raft_term(),
        index: answer.raft_index(),
        applied: answer.raft_applied_index(),
        revision: header.revision(),
        version: answer.version().to_owned(),
        db_size: answer.db_size(),
        db_size_in_use: answer.raft_used_db_size(),
        learner: answer.is_learner(),
        linearizable_read: None,
        errors: answer.errors().to_vec(),
        connected: None,
    })
}

/// Channels of the seats that answer and are voters, the leader first.
fn voters(
    seats: &Seats,
    statuses: &BTreeMap<Ordinal, Reading<MemberStatus>>,
) -> Vec<MemberChannel> {
    let mut voters: Vec<(bool, MemberChannel)> = seats
        .iter()
        .filter_map(|(ordinal, seat)| {
            let status = statuses.get(ordinal)?.known()?;
            let leads = status.leader == Some(status.member_id);
            (!status.learner).then_some((!leads, seat.as_ref().ok()?.clone()))
        })
        .collect();
    voters.sort_by_key(|(follows, channel)| (*follows, channel.ordinal));
    voters.into_iter().map(|(_, channel)| channel).collect()
}

/// The proof of quorum: `status` answers without one.
pub(super) async fn linearizable_read(
    channel: &MemberChannel,
    deadline: Duration,
) -> Result<(), EtcdError> {
    let mut client = channel.client.clone();
    let options = GetOptions::new().with_keys_only().with_limit(1);
    let outcome = within(deadline, async {
        client
            .get("health", Some(options))
            .await
            .map_err(EtcdError::from)
    })
    .await;
    match outcome {
        Ok(_) => Ok(()),
        // It went through consensus to learn that: as good as an answer. An alarm says of whom the cluster is corrupt.
        Err(error) => match error.answer() {
            Some(Answer::PermissionDenied | Answer::Corrupt) => Ok(()),
            _ => Err(error),
        },
    }
}
