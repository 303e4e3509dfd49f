//! What must be the same on both sides.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use reconcile::fleet::Ordinal;
use reconcile::state::{Kube, Member, Membership, ObjectKind, Observation, Uid};

/// Tells the incarnations of claims apart: the first UID seen on a seat is 0, the next 1, and so on.
#[derive(Default)]
pub(super) struct Projection {
    claims: BTreeMap<Ordinal, Vec<Uid>>,
}

/// More seats than any story has.
const SEATS: u32 = 8;

impl Projection {
    /// A line for each seat that has anything, and one for the objects' numbers.
    pub(super) fn of(&mut self, seen: &Observation) -> String {
        let Some(kube) = seen.kube.known() else {
            return "Kubernetes is not known\n".into();
        };
        let mut text = String::new();
        let list = seen.etcd.membership.known();
        for ordinal in (0..SEATS).map(Ordinal) {
            let role = role(list, ordinal);
            let claim = self.claim(kube, ordinal);
            let pod = pod(kube, ordinal);
            if (role, claim.as_str(), pod) != ("-", "-", "-") {
                let serving = kube.serving.contains(&ordinal);
                let serving = if serving { "serving" } else { "-" };
                let _ = writeln!(
                    text,
                    "  {ordinal}: {role}, claim {claim}, pod {pod}, {serving}"
                );
            }
        }
        let replicas = kube.stateful_set.as_ref().map(|set| set.replicas);
        let budget = kube.objects.get(&ObjectKind::PodDisruptionBudget);
        let budget = budget.and_then(|o| o.content.pointer("/spec/minAvailable")?.as_u64());
        let _ = writeln!(text, "  replicas {replicas:?}, budget {budget:?}");
        text
    }

    fn claim(&mut self, kube: &Kube, ordinal: Ordinal) -> String {
        let Some(claim) = kube.claims.get(&ordinal) else {
            return "-".into();
        };
        let known = self.claims.entry(ordinal).or_default();
        if !known.contains(&claim.uid) {
            known.push(claim.uid.clone());
        }
        let at = known.iter().position(|uid| *uid == claim.uid).unwrap_or(0);
        let deleting = if claim.deleting { " deleting" } else { "" };
        format!("{at}{deleting}")
    }
}

fn role(list: Option<&Membership>, ordinal: Ordinal) -> &'static str {
    let host = format!("//orders-{ordinal}.");
    let members = list.map_or(&[][..], |list| &list.members);
    let of_seat = |m: &&Member| m.peer_urls.iter().any(|url| url.contains(&host));
    match members.iter().find(of_seat) {
        None => "-",
        Some(member) if !member.has_started() => "unstarted",
        Some(member) if member.learner => "learner",
        Some(_) => "voter",
    }
}

fn pod(kube: &Kube, ordinal: Ordinal) -> &'static str {
    let template = kube
        .stateful_set
        .as_ref()
        .and_then(|set| set.stamp.as_ref());
    match kube.pods.get(&ordinal) {
        None => "-",
        Some(pod) if pod.stamp.as_ref() == template => "of this template",
        Some(_) => "of an old template",
    }
}
