//! The member list: read linearizably, and held against what every reachable voter itself has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future::join_all;
use tokio::time::Instant;

use super::answer::EtcdError;
use super::channel::{MemberChannel, within};
use super::wire::{MEMBER_LIST, MemberListRequest, MemberListResponse, unary};
use crate::fleet::Ordinal;
use crate::state::{Member, MemberId, MemberStatus, Membership, Reading};

/// A follower applies a membership change a moment after the leader: lists are asked again before they are held to
/// disagree.
const LOOKS: usize = 4;
const BETWEEN_LOOKS: Duration = Duration::from_millis(150);

pub(super) struct Lists {
    pub(super) membership: Reading<Membership>,
    /// Which member has what, when they do not all have the same.
    pub(super) disagreement: Option<String>,
}

impl Lists {
    fn unknown(why: impl Into<String>) -> Self {
        Self {
            membership: Reading::Unknown(why.into()),
            disagreement: None,
        }
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
        .ok_or_else(|| EtcdError::broken("its member list has no header"))?;
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
pub(super) async fn read(
    voters: &[MemberChannel],
    statuses: &BTreeMap<Ordinal, Reading<MemberStatus>>,
    until: Instant,
) -> Lists {
    if let Some(split) = split_brain(statuses) {
        return Lists::unknown(split);
    }
    if voters.is_empty() {
        return Lists::unknown("no voter answers");
    }
    let mut looks = 0;
    loop {
        let (list, own) = tokio::join!(linearizable(voters, until), own(voters, until));
        looks += 1;
        let disagreement = disagreement(list.as_ref().ok(), &own);
        let again = list.is_ok() && disagreement.is_some() && looks < LOOKS;
        if again && Instant::now() + BETWEEN_LOOKS < until {
            tokio::time::sleep(BETWEEN_LOOKS).await;
            continue;
        }
        return Lists {
            membership: match (list, &disagreement) {
                (Ok(list), None) => Reading::Known(list),
                (Ok(_), Some(why)) => Reading::Unknown(why.clone()),
                (Err(why), _) => Reading::Unknown(why),
            },
            disagreement,
        };
    }
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
async fn linearizable(voters: &[MemberChannel], until: Instant) -> Result<Membership, String> {
    let left = until.saturating_duration_since(Instant::now());
    let answers = join_all(
        voters
            .iter()
            .map(|channel| member_list(channel, true, left)),
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

/// One that has just stopped answering is no voice; its status says so.
async fn own(voters: &[MemberChannel], until: Instant) -> Vec<(Ordinal, Membership)> {
    let left = until.saturating_duration_since(Instant::now());
    let lists = voters.iter().map(|channel| async move {
        let list = member_list(channel, false, left).await.ok()?;
        Some((channel.ordinal, list))
    });
    join_all(lists).await.into_iter().flatten().collect()
}

fn disagreement(
    linearizable: Option<&Membership>,
    own: &[(Ordinal, Membership)],
) -> Option<String> {
    let mut voices: Vec<(&Membership, Vec<String>)> = Vec::new();
    let all = linearizable
        .map(|list| (list, "the linearizable list".to_owned()))
        .into_iter()
        .chain(own.iter().map(|(o, list)| (list, format!("member {o}"))));
    for (list, who) in all {
        match voices.iter_mut().find(|(l, _)| facts(l) == facts(list)) {
            Some((_, whos)) => whos.push(who),
            None => voices.push((list, vec![who])),
        }
    }
    (voices.len() > 1).then(|| {
        let each: Vec<String> = voices
            .iter()
            .map(|(list, whos)| format!("{}: {}", whos.join(", "), shown(list)))
            .collect();
        format!("the members' lists disagree: {}", each.join("; "))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn list(members: &[(u64, bool)]) -> Membership {
        let member = |(id, learner): &(u64, bool)| Member {
            id: MemberId(*id),
            name: String::new(),
            peer_urls: vec![format!("http://o-{id:x}:2380")],
            client_urls: Vec::new(),
            learner: *learner,
        };
        Membership {
            cluster_id: MemberId(1),
            members: members.iter().map(member).collect(),
        }
    }

    #[test]
    fn a_disagreement_says_which_member_has_what() {
        let (now, before) = (list(&[(0xa, false)]), list(&[(0xa, false), (0xb, true)]));
        let own = [
            (Ordinal(0), now.clone()),
            (Ordinal(1), before.clone()),
            (Ordinal(2), before),
        ];
        assert_eq!(
            disagreement(Some(&now), &own).as_deref(),
            Some(
                "the members' lists disagree: the linearizable list, member 0: [a at http://o-a:2380]; \
                 member 1, member 2: [a at http://o-a:2380, b (learner) at http://o-b:2380]"
            )
        );
        assert_eq!(disagreement(Some(&now), &own[..1]), None);
        assert!(
            disagreement(None, &own).is_some(),
            "without a quorum they may disagree too"
        );
    }

    #[test]
    fn a_name_that_was_published_late_is_no_disagreement() {
        let (mut named, bare) = (list(&[(1, false)]), list(&[(1, false)]));
        named.members[0].name = "orders-0".into();
        assert_eq!(disagreement(Some(&named), &[(Ordinal(0), bare)]), None);
    }
}
