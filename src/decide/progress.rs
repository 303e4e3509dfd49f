//! Of what is waited for: how far it is, and what keeps it.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::procedure::Condition;
use crate::fleet::Ordinal;
use crate::state::{MemberStatus, Observation, Obstacle, Pod, Reading};

/// What a member that catches up has still to take over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Raft entries that the leader has and this member has not applied.
    pub entries_to_go: u64,
    /// Bytes that its database is smaller than the leader's by.
    pub bytes_to_go: u64,
}

/// `None` where the condition is about no data, or the two members cannot be compared.
pub fn progress(observed: &Observation, condition: Condition) -> Option<Progress> {
    let Condition::InSync(ordinal) = condition else {
        return None;
    };
    let statuses = &observed.etcd.statuses;
    let own = statuses.get(&ordinal).and_then(Reading::known)?;
    let leads = |s: &&MemberStatus| s.leader == Some(s.member_id);
    let leader = statuses.values().filter_map(Reading::known).find(leads)?;
    let bytes = leader.db_size.saturating_sub(own.db_size);
    Some(Progress {
        entries_to_go: leader.index.saturating_sub(own.applied),
        bytes_to_go: u64::try_from(bytes).unwrap_or(0),
    })
}

/// What is seen to keep a condition from coming about: the words of the pods it is about, and of Kubernetes about what
/// it cannot make.
pub fn hindrance(observed: &Observation, condition: Condition) -> Option<String> {
    let kube = observed.kube.known()?;
    let about = |ordinal: &Ordinal| condition.ordinal().is_none_or(|of| of == *ordinal);
    let words = |(ordinal, pod): (&Ordinal, &Pod)| {
        let waiting = pod.waiting.as_ref()?;
        let last = pod.last_words.as_ref();
        let last = last.map_or_else(String::new, |words| format!("; its last words: {words}"));
        Some(format!("pod {ordinal}: {waiting}{last}"))
    };
    let copies = kube.copies.iter();
    let copies = copies.filter_map(|(o, c)| Some((o, c.pod.as_ref()?)));
    let pods = kube.pods.iter().chain(copies).filter(|(o, _)| about(o));
    let obstacles = kube.obstacles.iter().filter(|(o, _)| about(o));
    let all: Vec<String> = pods
        .filter_map(words)
        .chain(obstacles.map(|(o, obstacle)| format!("member {o}: {}", obstacle.said)))
        .collect();
    let resizes = kube.claims.iter().filter(|(o, _)| about(o));
    let resizes: Vec<String> = resizes
        .filter_map(|(ordinal, claim)| Some(format!("claim {ordinal}: {}", claim.resize.as_ref()?)))
        .collect();
    let silent = || {
        let ordinal = condition.ordinal()?;
        let why = observed.etcd.statuses.get(&ordinal)?.why_unknown()?;
        Some(format!("member {ordinal}: {why}"))
    };
    let list = observed.etcd.membership.why_unknown().map(str::to_owned);
    match (all.is_empty(), condition) {
        (false, _) => Some(all.join("; ")),
        (true, Condition::Quorum) => list,
        (true, Condition::ClaimExpanded(_) | Condition::ClaimModified(_)) => {
            (!resizes.is_empty()).then(|| resizes.join("; "))
        }
        // Its process runs and does not answer: nobody but the member's port knows.
        (true, Condition::MemberUp(_) | Condition::Started(_) | Condition::InSync(_)) => silent(),
        (true, _) => None,
    }
}

/// How long a wait goes on for what Kubernetes says it cannot make: a quota, a class without room. A provisioner tries
/// again a few times meanwhile.
const REFUSED: SignedDuration = SignedDuration::from_mins(2);

/// How long to wait in all. What was refused before may have been mended since: only a no of this wait counts.
pub fn deadline(observed: &Observation, condition: Condition, since: Timestamp) -> SignedDuration {
    let longest = condition.deadline();
    let refused = refused(observed, condition).is_some_and(|no| no.at >= since);
    if refused {
        longest.min(REFUSED)
    } else {
        longest
    }
}

/// The last time that Kubernetes said no to what a condition waits for.
fn refused(observed: &Observation, condition: Condition) -> Option<&Obstacle> {
    // An endpoint comes and goes without anything being made.
    if matches!(condition, Condition::Serving(_) | Condition::NotServing(_)) {
        return None;
    }
    let about = condition.ordinal()?;
    let obstacle = observed.kube.known()?.obstacles.get(&about);
    obstacle.filter(|obstacle| obstacle.refused)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::ClusterId;

    #[test]
    fn what_is_to_go_is_counted_against_the_leader() {
        let recorded = include_str!("../../examples/clusters/sandbox.json");
        let recorded: serde_json::Value = serde_json::from_str(recorded).expect("JSON");
        let of = |o: &serde_json::Value| serde_json::from_value::<Observation>(o.clone());
        let all = recorded["clusters"].as_object().expect("by name");
        let mut seen = all
            .values()
            .filter_map(|o| of(o).ok())
            .find(|o| o.etcd.statuses.len() >= 3)
            .expect("a cluster of three");
        let leads = |s: &MemberStatus| s.leader == Some(s.member_id);
        let statuses = seen.etcd.statuses.iter_mut();
        let mut late = None;
        for (ordinal, status) in statuses {
            let status = status.known_mut().expect("it answers");
            if leads(status) {
                (status.index, status.db_size) = (5000, 4096);
            } else {
                (status.applied, status.db_size) = (4000, 8192);
                late = Some(*ordinal);
            }
        }
        let late = late.expect("a follower");
        let at = |condition| progress(&seen, condition);
        assert_eq!(
            at(Condition::InSync(late)),
            Some(Progress {
                entries_to_go: 1000,
                bytes_to_go: 0
            })
        );
        assert_eq!(at(Condition::InSync(Ordinal(9))), None);
        assert_eq!(at(Condition::Stable), None);
    }

    fn seen(refused: bool) -> Observation {
        let at = "2026-11-21T03:12:04Z".parse().expect("a time");
        let mut observed = crate::model::empty(ClusterId::new("eu-1", "orders"), at);
        let obstacle = Obstacle {
            said: "ProvisioningFailed: no room left".into(),
            at,
            refused,
        };
        let kube = observed.kube.known_mut().expect("the model is readable");
        kube.obstacles.insert(Ordinal(3), obstacle);
        observed
    }

    #[test]
    fn a_no_of_this_wait_shortens_it_and_no_other() {
        let started = Condition::Started(Ordinal(3));
        let no = seen(true);
        let second = SignedDuration::from_secs(1);
        assert_eq!(deadline(&no, started, no.at - second), REFUSED);
        assert_eq!(deadline(&no, started, no.at + second), started.deadline());
        let other = Condition::Started(Ordinal(2));
        assert_eq!(deadline(&no, other, no.at), other.deadline());
        let nobody = seen(false);
        assert_eq!(deadline(&nobody, started, nobody.at), started.deadline());
        let serving = Condition::Serving(Ordinal(3));
        assert_eq!(deadline(&no, serving, no.at), serving.deadline());
    }
}
