//! Whom a member is connected to, by its own metrics: the one place where etcd says so.
//!
//! A member of 3.5 to 3.7 sends 160 to 180 kB of them, so nobody is asked who need not be.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::dial::Dial;
use crate::state::MemberId;

/// More than any member has to say.
const LONGEST: usize = 4 << 20;
const GAUGE: &str = "etcd_network_active_peers{";

/// Members that `member` has a connection to; `None`: not read.
pub(super) async fn connected(
    dial: &Dial,
    member: MemberId,
    deadline: Duration,
) -> Option<BTreeSet<MemberId>> {
    let read = tokio::time::timeout(deadline, get(dial.clone()));
    let why = match read.await {
        Ok(Ok(text)) => return Some(active_peers(&text, member)),
        Ok(Err(why)) => why.to_string(),
        Err(_) => format!("no answer within {} ms", deadline.as_millis()),
    };
    tracing::debug!(%member, why, "its metrics were not read");
    None
}

async fn get(dial: Dial) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let stream = dial.open().await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/metrics")
        .header(header::HOST, "etcd")
        .body(Empty::<Bytes>::new())?;
    let exchange = async {
        let answer = sender.send_request(request).await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("HTTP {}", answer.status()).into());
        }
        let body = Limited::new(answer.into_body(), LONGEST).collect().await?;
        Ok(String::from_utf8(body.to_bytes().into())?)
    };
    tokio::pin!(exchange);
    // The connection is driven here rather than in a task that could outlive the deadline.
    tokio::select! {
        outcome = &mut exchange => outcome,
        ended = connection => {
            ended?;
            exchange.await
        }
    }
}

/// `etcd_network_active_peers{Local="a",Remote="b"} 1`, of which a peer that was lost keeps a line with 0.
fn active_peers(text: &str, member: MemberId) -> BTreeSet<MemberId> {
    text.lines()
        .filter_map(|line| line.strip_prefix(GAUGE)?.split_once("} "))
        .filter(|(labels, _)| id(labels, "Local") == Some(member))
        .filter(|(_, value)| value.trim().parse().is_ok_and(|count: f64| count > 0.0))
        .filter_map(|(labels, _)| id(labels, "Remote"))
        .collect()
}

fn id(labels: &str, name: &str) -> Option<MemberId> {
    let mut pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(label, _)| *label == name)?;
    value.trim_matches('"').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_living_connections_of_the_member_itself_count() {
        let text = "\
# TYPE etcd_network_active_peers gauge
etcd_network_active_peers{Local=\"3c\",Remote=\"69\"} 1
etcd_network_active_peers{Local=\"3c\",Remote=\"9e\"} 0
etcd_network_active_peers{Local=\"aa\",Remote=\"bb\"} 1
etcd_network_active_peers{Local=\"3c\",Remote=\"not hex\"} 1
etcd_network_client_grpc_received_bytes_total 12
";
        assert_eq!(
            active_peers(text, MemberId(0x3c)),
            [MemberId(0x69)].into(),
            "one is lost, one is another member's, one is no ID"
        );
    }
}
