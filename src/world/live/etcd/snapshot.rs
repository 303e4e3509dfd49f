//! A snapshot's stream, from the follower that lags least.

use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::join_all;
use futures::stream::{self, BoxStream};

use super::channel::MemberChannel;
use super::read::{Seats, linearizable_read, status};
use crate::state::MemberStatus;
use crate::world::store::{SnapshotError, Source};

/// One member's stream, begun when it is first polled.
pub type SnapshotStream = BoxStream<'static, Result<Bytes, String>>;

/// Opens the stream of the healthiest follower, or of the leader where no follower answers.
///
/// The member answers a linearizable read first: what was committed before this call is in it, and its revision
/// afterwards is a lower bound of what the snapshot holds.
pub async fn open_snapshot(
    seats: &Seats,
    deadline: Duration,
) -> Result<Source<SnapshotStream>, SnapshotError> {
    let mut whys = Vec::new();
    for (channel, _) in followers_first(seats, deadline, &mut whys).await {
        match settled(&channel, deadline).await {
            Ok(status) => {
                let pieces = pieces(channel);
                return Ok(Source { status, pieces });
            }
            Err(why) => whys.push(format!("member {}: {why}", channel.ordinal)),
        }
    }
    if whys.is_empty() {
        whys.push("no pod to ask".to_owned());
    }
    Err(SnapshotError::NoMember(whys.join("; ")))
}

async fn followers_first(
    seats: &Seats,
    deadline: Duration,
    whys: &mut Vec<String>,
) -> Vec<(MemberChannel, MemberStatus)> {
    let asked = join_all(seats.iter().map(|(ordinal, seat)| async move {
        let answer = match seat {
            Ok(channel) => match status(channel, deadline).await {
                Ok(status) => Ok((channel.clone(), status)),
                Err(error) => Err(error.to_string()),
            },
            Err(silence) => Err(silence.to_string()),
        };
        (*ordinal, answer)
    }))
    .await;
    let mut voters = Vec::new();
    for (ordinal, answer) in asked {
        match answer {
            Ok((_, status)) if status.learner => {}
            Ok(voter) => voters.push(voter),
            Err(why) => whys.push(format!("member {ordinal}: {why}")),
        }
    }
    voters.sort_by_key(|(channel, status)| {
        let leads = status.leader == Some(status.member_id);
        let lag = status.index.saturating_sub(status.applied);
        (leads, lag, channel.ordinal)
    });
    voters
}

/// Its status once it has applied all that was committed.
async fn settled(channel: &MemberChannel, deadline: Duration) -> Result<MemberStatus, String> {
    let read = linearizable_read(channel, deadline).await;
    read.map_err(|error| format!("a linearizable read fails: {error}"))?;
    let status = status(channel, deadline).await;
    status.map_err(|error| error.to_string())
}

fn pieces(channel: MemberChannel) -> SnapshotStream {
    let begin = async move {
        let mut client = channel.client.clone();
        client
            .snapshot()
            .await
            .map_err(|error| super::EtcdError::from(error).to_string())
    };
    stream::once(begin)
        .flat_map(|begun| match begun {
            Err(why) => stream::once(async { Err(why) }).boxed(),
            Ok(messages) => stream::unfold(Some(messages), |messages| async {
                let mut messages = messages?;
                match messages.message().await {
                    Ok(None) => None,
                    Ok(Some(message)) => {
                        let piece = Bytes::copy_from_slice(message.blob());
                        Some((Ok(piece), Some(messages)))
                    }
                    Err(error) => {
                        let why = super::EtcdError::from(error).to_string();
                        Some((Err(why), None))
                    }
                }
            })
            .boxed(),
        })
        .boxed()
}
