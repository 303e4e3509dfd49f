//! Membership changes: sent to the leader or a healthy voter, and never again where they may have been done.

use std::time::{Duration, Instant};

use etcd_client::MemberAddOptions;
use futures::future::join_all;

use super::answer::{Answer, EtcdError};
use super::channel::{MemberChannel, within};
use super::lists::member_list;
use super::read::{Seats, status};
use super::silence::Silence;
use crate::fleet::Ordinal;
use crate::state::{Member, MemberId};
use crate::world::PerformError;

/// The acts that etcd itself performs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Membership {
    AddLearner { peer_url: String },
    Promote { member: MemberId },
    Remove { member: MemberId },
    MoveLeader { from: Ordinal, transferee: MemberId },
}

const NOBODY: &str = "no voter that knows a leader answers";

/// Finding out whom to send it to must not eat the act's own time.
const LOOK: Duration = Duration::from_secs(2);

impl Membership {
    /// Does it once. What is done already is success, when a linearizable list says so.
    ///
    /// Each member calls the cluster unhealthy by its own connections, and one may think of a peer that was restarted as
    /// lost for as long as their streams hold (etcd-io/etcd#14523): a failed POST to the address it had before marks it so
    /// after they were made, and only new ones mark it otherwise. So the next voter is asked: nothing was done yet.
    pub async fn perform(&self, seats: &Seats, deadline: Duration) -> Result<(), PerformError> {
        let asked = match self {
            Self::MoveLeader { from, .. } => vec![seat(seats, *from)?],
            _ => leader_and_voters(seats).await?,
        };
        let until = Instant::now() + deadline;
        let mut refused = None;
        for channel in asked {
            let left = until.saturating_duration_since(Instant::now());
            match within(left, self.send(channel)).await {
                Ok(()) => return Ok(()),
                Err(error) if error.answer() == Some(Answer::UnhealthyCluster) => {
                    refused = refused.or(Some(error));
                }
                Err(error) => return self.not_sent_again(channel, deadline, &error).await,
            }
        }
        let nobody = || PerformError::NotDone(NOBODY.to_owned());
        Err(refused.map_or_else(nobody, |error| outcome(&error)))
    }

    async fn not_sent_again(
        &self,
        channel: &MemberChannel,
        deadline: Duration,
        error: &EtcdError,
    ) -> Result<(), PerformError> {
        match error.answer() {
            Some(
                Answer::PeerUrlExists
                | Answer::MemberIdExists
                | Answer::NotALearner
                | Answer::MemberNotFound,
            ) => self.done_already(channel, deadline, error).await,
            _ => Err(outcome(error)),
        }
    }

    async fn send(&self, channel: &MemberChannel) -> Result<(), EtcdError> {
        let mut client = channel.client.clone();
        match self {
            Self::AddLearner { peer_url } => {
                let options = MemberAddOptions::new().with_is_learner();
                client
                    .member_add([peer_url.clone()], Some(options))
                    .await
                    .map(drop)
            }
            Self::Promote { member } => client.member_promote(member.0).await.map(drop),
            Self::Remove { member } => client.member_remove(member.0).await.map(drop),
            Self::MoveLeader { transferee, .. } => client.move_leader(transferee.0).await.map(drop),
        }
        .map_err(EtcdError::from)
    }

    async fn done_already(
        &self,
        channel: &MemberChannel,
        deadline: Duration,
        error: &EtcdError,
    ) -> Result<(), PerformError> {
        let list = member_list(channel, true, deadline)
            .await
            .map_err(|unread| {
                PerformError::Unknown(format!("{error}, and the member list: {unread}"))
            })?;
        if self.is_done(&list.members) {
            Ok(())
        } else {
            Err(PerformError::NotDone(error.to_string()))
        }
    }

    fn is_done(&self, members: &[Member]) -> bool {
        match self {
            Self::AddLearner { peer_url } => members
                .iter()
                .any(|m| m.learner && m.peer_urls == [peer_url.clone()]),
            Self::Promote { member } => members.iter().any(|m| m.id == *member && !m.learner),
            Self::Remove { member } => members.iter().all(|m| m.id != *member),
            Self::MoveLeader { .. } => false,
        }
    }
}

fn seat(seats: &Seats, ordinal: Ordinal) -> Result<&MemberChannel, PerformError> {
    match seats.get(&ordinal) {
        Some(Ok(channel)) => Ok(channel),
        Some(Err(why)) => Err(PerformError::NotDone(format!(
            "member {ordinal} cannot be asked: {why}"
        ))),
        None => Err(PerformError::NotDone(format!(
            "member {ordinal} has no pod to ask"
        ))),
    }
}

/// The leader where it answers, then the voters that know one.
async fn leader_and_voters(seats: &Seats) -> Result<Vec<&MemberChannel>, PerformError> {
    let channels: Vec<&MemberChannel> = seats
        .values()
        .filter_map(|seat| seat.as_ref().ok())
        .collect();
    let statuses = join_all(channels.iter().map(|channel| status(channel, LOOK))).await;
    let mut able: Vec<(bool, &MemberChannel)> = channels
        .into_iter()
        .zip(statuses)
        .filter_map(|(channel, status)| Some((status.ok()?, channel)))
        .filter(|(status, _)| !status.learner && status.leader.is_some())
        .map(|(status, channel)| (status.leader != Some(status.member_id), channel))
        .collect();
    able.sort_by_key(|(follows, _)| *follows);
    if able.is_empty() {
        return Err(PerformError::NotDone(NOBODY.to_owned()));
    }
    Ok(able.into_iter().map(|(_, channel)| channel).collect())
}

/// Whether it may still take effect. Everything not known to be a refusal may.
fn outcome(error: &EtcdError) -> PerformError {
    let text = error.to_string();
    match error {
        EtcdError::Deadline(_) | EtcdError::Unreachable { .. } => PerformError::Unknown(text),
        EtcdError::Answer { answer, .. } => match answer {
            Answer::NotEnoughStarted
            | Answer::UnhealthyCluster
            | Answer::PeerUrlExists
            | Answer::MemberIdExists
            | Answer::MemberNotFound
            | Answer::LearnerNotReady
            | Answer::NotALearner
            | Answer::TooManyLearners
            | Answer::BadTransferee
            | Answer::NotLeader
            | Answer::NotForLearners
            | Answer::TokenExpired => PerformError::NotDone(text),
            Answer::PermissionDenied | Answer::NotAuthenticated => {
                PerformError::Refused(Silence::from(error).why)
            }
            Answer::TransferTimedOut
            | Answer::LeaderChanged
            | Answer::NoLeader
            | Answer::TimedOut
            | Answer::NoSpace
            | Answer::Corrupt
            | Answer::AuthOff
            | Answer::Other => PerformError::Unknown(text),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u64, learner: bool) -> Member {
        Member {
            id: MemberId(id),
            name: String::new(),
            peer_urls: vec![format!("http://a-{id}:2380")],
            client_urls: Vec::new(),
            learner,
        }
    }

    #[test]
    fn done_already_is_told_from_done_by_someone_else() {
        let add = Membership::AddLearner {
            peer_url: "http://a-1:2380".into(),
        };
        assert!(add.is_done(&[member(1, true)]));
        assert!(
            !add.is_done(&[member(1, false)]),
            "a voter is not a learner"
        );
        let promote = Membership::Promote {
            member: MemberId(1),
        };
        assert!(promote.is_done(&[member(1, false)]));
        assert!(!promote.is_done(&[]), "gone is not promoted");
        let remove = Membership::Remove {
            member: MemberId(1),
        };
        assert!(remove.is_done(&[member(2, false)]));
        assert!(!remove.is_done(&[member(1, false)]));
    }

    #[test]
    fn what_may_still_commit_is_never_called_not_done() {
        let said = |text: &str| EtcdError::from(&tonic::Status::unavailable(text));
        for text in [
            "etcdserver: request timed out",
            "etcdserver: leader changed",
            "etcdserver: request timed out, leader transfer took too long",
            "connection reset",
        ] {
            assert!(
                matches!(outcome(&said(text)), PerformError::Unknown(_)),
                "{text}"
            );
        }
        assert!(matches!(
            outcome(&EtcdError::Deadline(Duration::from_secs(1))),
            PerformError::Unknown(_)
        ));
        assert!(matches!(
            outcome(&said("etcdserver: unhealthy cluster")),
            PerformError::NotDone(_)
        ));
    }
}
