//! The alarms, which are worth knowing most where least else can be had.

use std::collections::BTreeMap;

use etcd_client::{AlarmAction, AlarmType};
use tokio::time::Instant;

use super::answer::EtcdError;
use super::channel::{MemberChannel, within};
use super::read::reading;
use crate::fleet::Ordinal;
use crate::state::{Alarm, AlarmKind, MemberId, MemberStatus, Reading};

/// From a voter that serves linearizable reads; else as the voters that answer have applied them.
pub(super) async fn read(
    voters: &[MemberChannel],
    reads: &[Result<(), EtcdError>],
    statuses: &BTreeMap<Ordinal, Reading<MemberStatus>>,
    until: Instant,
) -> Reading<Vec<Alarm>> {
    let serving = voters.iter().zip(reads).find(|(_, read)| read.is_ok());
    if let Some((channel, _)) = serving {
        let alarms = get(channel, until).await;
        if alarms.is_ok() {
            return reading(alarms);
        }
    }
    if voters.is_empty() {
        return Reading::Unknown("no voter answers".into());
    }
    Reading::Known(applied(statuses))
}

/// etcd sends even the reading of alarms through consensus.
async fn get(channel: &MemberChannel, until: Instant) -> Result<Vec<Alarm>, EtcdError> {
    let mut client = channel.client.clone();
    let left = until.saturating_duration_since(Instant::now());
    let answer = within(left, async {
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

/// Every member's status carries the alarms it knows of, among its errors: no consensus needed.
fn applied(statuses: &BTreeMap<Ordinal, Reading<MemberStatus>>) -> Vec<Alarm> {
    let known = statuses.values().filter_map(Reading::known);
    let mut alarms: Vec<Alarm> = Vec::new();
    for error in known.flat_map(|status| &status.errors) {
        if let Some(alarm) = parse(error)
            && !alarms.contains(&alarm)
        {
            alarms.push(alarm);
        }
    }
    alarms
}

/// `memberID:11417610130673999598 alarm:CORRUPT `; 3.7 puts one space or two.
fn parse(error: &str) -> Option<Alarm> {
    let field = |name: &str| {
        let mut words = error.split_whitespace();
        words.find_map(|word| word.strip_prefix(name)?.strip_prefix(':'))
    };
    let kind = match field("alarm")? {
        "NOSPACE" => AlarmKind::NoSpace,
        "CORRUPT" => AlarmKind::Corrupt,
        _ => return None,
    };
    Some(Alarm {
        member: MemberId(field("memberID")?.parse().ok()?),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_members_say_of_alarms_is_understood() {
        let corrupt = Alarm {
            member: MemberId(0x9e73_7feb_b6b9_9eee),
            kind: AlarmKind::Corrupt,
        };
        for said in [
            "memberID:11417610130673999598 alarm:CORRUPT ",
            "memberID:11417610130673999598  alarm:CORRUPT",
        ] {
            assert_eq!(parse(said), Some(corrupt.clone()), "{said}");
        }
        assert_eq!(
            parse("memberID:1 alarm:NOSPACE ").map(|a| a.kind),
            Some(AlarmKind::NoSpace)
        );
        assert_eq!(parse("etcdserver: no leader"), None);
    }
}
