//! One picture of the members: everyone's status, a linearizable read through every voter, the list and the alarms.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use etcd_client::{AlarmAction, AlarmType, GetOptions};
use futures::future::join_all;

use super::answer::{Answer, EtcdError};
use super::channel::{MemberChannel, within};
use super::wire::{MEMBER_LIST, MemberListRequest, MemberListResponse, unary};
use crate::fleet::Ordinal;
use crate::state::{Alarm, AlarmKind, Etcd, Member, MemberId, MemberStatus, Membership, Reading};

/// Each seat's channel, or why there is none.
pub type Seats = BTreeMap<Ordinal, Result<MemberChannel, String>>;

/// A follower applies a membership change a moment after the leader: lists are asked again before they are held to
/// disagree.
const LIST_LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(150);

/// Asks every seat, each call under `deadline`. A learner is asked for its status and nothing else: it serves no more.
pub async fn read(seats: &Seats, deadline: Duration) -> Etcd {
    let mut statuses = read_statuses(seats, deadline).await;
    if seats.is_empty() {
        return Etcd {
            membership: Reading::Unknown("no pod to ask".into()),
            disagreement: None,
            statuses,
            alarms: Reading::Unknown("no pod to ask".into()),
        };
    }
    let voters = voters(seats, &statuses);
    let reads = join_all(
        voters
            .iter()
            .map(|channel| linearizable_read(channel, deadline)),
    );
    let (reads, membership) = tokio::join!(reads, read_membership(&voters, &statuses, deadline));
    for (channel, outcome) in voters.iter().zip(&reads) {
        if let Some(status) = statuses
            .get_mut(&channel.ordinal)
            .and_then(Reading::known_mut)
        {
            status.linearizable_read = Some(reading(outcome.clone()));
        }
    }
    let healthy = voters
        .iter()
        .zip(&reads)
        .find_map(|(channel, read)| read.is_ok().then_some(channel));
    let alarms = match healthy {
        Some(channel) => reading(read_alarms(channel, deadline).await),
        None => Reading::Unknown("no voter serves linearizable reads".into()),
    };
    Etcd {
        membership,
        disagreement: None,
        statuses,
        alarms,
    }
}

fn reading<T>(outcome: Result<T, EtcdError>) -> Reading<T> {
    match outcome {
        Ok(value) => Reading::Known(value),
        Err(error) => Reading::Unknown(error.to_string()),
    }
}

async fn read_statuses(
    seats: &Seats,
    deadline: Duration,
) -> BTreeMap<Ordinal, Reading<MemberStatus>> {
    join_all(seats.iter().map(|(ordinal, seat)| async move {
        let status = match seat {
            Ok(channel) => reading(status(channel, deadline).await),
            Err(why) => Reading::Unknown(why.clone()),
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
        .ok_or_else(|| EtcdError::Unreachable("its status has no header".into()))?;
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
async fn linearizable_read(channel: &MemberChannel, deadline: Duration) -> Result<(), EtcdError> {
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
        // It went through consensus to learn that: as good as an answer.
        Err(error) if error.answer() == Some(Answer::PermissionDenied) => Ok(()),
        Err(error) => Err(error),
    }
}

pub(super) async fn member_list(
    channel: &MemberChannel,
    linearizable: bool,
    deadline: Duration,
) -> Result<Membership, EtcdError> {
    let request = MemberListRequest { linearizable };
    let answer: MemberListResponse = within(
        deadline,
        unary(channel.service.clone(), MEMBER_LIST, request),
    )
    .await?;
    let header = answer
        .header
        .ok_or_else(|| EtcdError::Unreachable("its member list has no header".into()))?;
    let mut members: Vec<Member> = answer
        .members
        .into_iter()
        .map(|member| Member {
            id: MemberId(member.id),
            name: member.name,
            peer_urls: member.peer_urls,
            client_urls: member.client_urls,
            learner: member.is_learner,
        })
        .collect();
    members.sort_by_key(|member| member.id);
    Ok(Membership {
        cluster_id: MemberId(header.cluster_id),
        members,
    })
}

/// Linearizable from one voter, and every reachable voter's own list says the same.
async fn read_membership(
    voters: &[MemberChannel],
    statuses: &BTreeMap<Ordinal, Reading<MemberStatus>>,
    deadline: Duration,
) -> Reading<Membership> {
    if let Some(split) = split_brain(statuses) {
        return Reading::Unknown(split);
    }
    if voters.is_empty() {
        return Reading::Unknown("no voter answers".into());
    }
    let mut disagreement = String::new();
    for look in 0..LIST_LOOKS {
        if look > 0 {
            tokio::time::sleep(BETWEEN_LOOKS).await;
        }
        let list = match linearizable_list(voters, deadline).await {
            Ok(list) => list,
            Err(why) => return Reading::Unknown(why),
        };
        match all_agree(&list, voters, deadline).await {
            Ok(()) => return Reading::Known(list),
            Err(why) => disagreement = why,
        }
    }
    Reading::Unknown(disagreement)
}

/// Members of different etcd clusters behind one name: nothing may be done to either.
fn split_brain(statuses: &BTreeMap<Ordinal, Reading<MemberStatus>>) -> Option<String> {
    let known = || {
        statuses
            .iter()
            .filter_map(|(ordinal, status)| Some((ordinal, status.known()?)))
    };
    let clusters: BTreeSet<MemberId> = known().map(|(_, status)| status.cluster_id).collect();
    (clusters.len() > 1).then(|| {
        let each: Vec<String> = known()
            .map(|(ordinal, status)| format!("member {ordinal} in {}", status.cluster_id))
            .collect();
        format!(
            "the members are in different etcd clusters: {}",
            each.join(", ")
        )
    })
}

/// All are asked at once and the first in order that answers counts: a frozen one costs no time of its own.
pub(super) async fn linearizable_list(
    voters: &[MemberChannel],
    deadline: Duration,
) -> Result<Membership, String> {
    let answers = join_all(
        voters
            .iter()
            .map(|channel| member_list(channel, true, deadline)),
    )
    .await;
    let mut whys = Vec::new();
    for (channel, answer) in voters.iter().zip(answers) {
        match answer {
            Ok(list) => return Ok(list),
            Err(error) => whys.push(format!("member {}: {error}", channel.ordinal)),
        }
    }
    Err(format!("no linearizable member list: {}", whys.join("; ")))
}

async fn all_agree(
    list: &Membership,
    voters: &[MemberChannel],
    deadline: Duration,
) -> Result<(), String> {
    let own = join_all(
        voters
            .iter()
            .map(|channel| member_list(channel, false, deadline)),
    )
    .await;
    for (channel, own) in voters.iter().zip(own) {
        // One that has just stopped answering is no voice; its status says so.
        let Ok(own) = own else { continue };
        if facts(&own) != facts(list) {
            return Err(format!(
                "the members' lists disagree: member {} has {}, the linearizable list is {}",
                channel.ordinal,
                shown(&own),
                shown(list)
            ));
        }
    }
    Ok(())
}

/// What lists must agree on. Names and client URLs come later than the membership itself, when a member publishes.
fn facts(list: &Membership) -> Vec<(MemberId, &[String], bool)> {
    list.members
        .iter()
        .map(|member| (member.id, member.peer_urls.as_slice(), member.learner))
        .collect()
}

fn shown(list: &Membership) -> String {
    let members: Vec<String> = list
        .members
        .iter()
        .map(|member| {
            let role = if member.learner { " (learner)" } else { "" };
            format!("{}{role} at {}", member.id, member.peer_urls.join(" "))
        })
        .collect();
    format!("[{}]", members.join(", "))
}

async fn read_alarms(channel: &MemberChannel, deadline: Duration) -> Result<Vec<Alarm>, EtcdError> {
    let mut client = channel.client.clone();
    let answer = within(deadline, async {
        client
            .alarm(AlarmAction::Get, AlarmType::None, None)
            .await
            .map_err(EtcdError::from)
    })
    .await?;
    Ok(answer
        .alarms()
        .iter()
        .filter_map(|alarm| {
            let kind = match alarm.alarm() {
                AlarmType::None => return None,
                AlarmType::Nospace => AlarmKind::NoSpace,
                AlarmType::Corrupt => AlarmKind::Corrupt,
            };
            Some(Alarm {
                member: MemberId(alarm.member_id()),
                kind,
            })
        })
        .collect())
}
