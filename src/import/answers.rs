//! What the members themselves say beside what their objects say.

use std::collections::BTreeSet;

use super::Finding;
use crate::fleet::{ClusterSpec, EtcdVersion};
use crate::state::Observation;

/// The version of all members that answer; `None` where there is none, or more than one.
pub fn version_of(observed: &Observation) -> Option<EtcdVersion> {
    let said = versions(observed);
    let mut said = said.iter();
    let first = said.next()?.parse().ok()?;
    said.next().is_none().then_some(first)
}

fn versions(observed: &Observation) -> BTreeSet<&str> {
    let answers = observed.etcd.statuses.values();
    answers
        .filter_map(|s| Some(s.known()?.version.as_str()))
        .collect()
}

/// Where members and document differ.
pub fn answers(spec: &ClusterSpec, observed: &Observation) -> Vec<Finding> {
    let mut found = Vec::new();
    let said: Vec<&str> = versions(observed).into_iter().collect();
    let wanted = spec.version.to_string();
    if said.iter().any(|version| *version != wanted) {
        found.push(Finding::new(
            "version",
            format!("members run {}", said.join(" and ")),
            format!(
                "the document has {wanted}: members of another version are restarted, where that is possible"
            ),
        ));
    }
    let Some(list) = observed.etcd.membership.known() else {
        let why = observed.etcd.membership.why_unknown().unwrap_or_default();
        found.push(Finding::new(
            "members",
            format!("their list is not known: {why}"),
            "the document has as many as the StatefulSet; the plan says what it needs to know",
        ));
        return found;
    };
    let voters = list.members.iter().filter(|m| !m.learner).count();
    if usize::try_from(spec.members).ok() != Some(voters) {
        found.push(Finding::new(
            "members",
            format!("etcd lists {voters} voters"),
            format!(
                "the document has {} as the StatefulSet has replicas: see the plan",
                spec.members
            ),
        ));
    }
    for member in &list.members {
        let foreign = |url: &&String| spec.ordinal_of_peer_url(url).is_none();
        for url in member.peer_urls.iter().filter(foreign) {
            found.push(Finding::new(
                format!("member {}", member.name),
                url.clone(),
                "no member of this cluster's names: the plan refuses it (foreign-member)",
            ));
        }
    }
    found
}
