//! A state in one line: what the small worlds are told apart by, and what a failing story shows.

use std::fmt::Write as _;

use reconcile::fleet::Ordinal;
use reconcile::state::{
    Claim, Contents, Kube, Member, MemberConfig, MemberFile, ObjectKind, Observation, Reading,
};
use serde_json::json;

/// An observation as far as decisions depend on it, without its time and what every act writes.
pub(super) fn fingerprint(seen: &Observation) -> String {
    let mut seen = seen.clone();
    seen.at = jiff::Timestamp::UNIX_EPOCH;
    if let Some(kube) = seen.kube.known_mut() {
        kube.ledger = None;
        kube.objects
            .values_mut()
            .for_each(|o| o.content = json!(o.content.to_string().len()).into());
    }
    format!("{seen:?}")
}

/// What small worlds are told apart by: ordinal → role, incarnation of its claim, file, pod, serving; and the objects.
pub(crate) fn projection(truth: &Observation) -> String {
    let Some(kube) = truth.kube.known() else {
        return "unknown".into();
    };
    let mut text = String::new();
    for ordinal in (0..8).map(Ordinal) {
        seat(&mut text, truth, kube, ordinal);
    }
    let set = kube.stateful_set.as_ref().map(|s| s.replicas);
    let budget = kube.objects.get(&ObjectKind::PodDisruptionBudget);
    let budget = budget.and_then(|o| o.content.pointer("/spec/minAvailable")?.as_u64());
    let kinds: Vec<_> = kube.objects.keys().collect();
    let noted = kube.ledger.as_ref().and_then(|l| l.cluster_id);
    let _ = write!(
        text,
        "replicas {set:?} budget {budget:?} objects {kinds:?} serving {:?} noted {noted:?}",
        kube.serving,
    );
    text
}

fn seat(text: &mut String, truth: &Observation, kube: &Kube, ordinal: Ordinal) {
    let host = format!("//orders-{ordinal}.");
    let list = truth.etcd.membership.known();
    let member = list
        .iter()
        .flat_map(|m| &m.members)
        .find(|m| m.peer_urls.iter().any(|u| u.contains(&host)));
    let claim = kube.claims.get(&ordinal);
    let file = kube.member_files.get(&ordinal);
    let pod = kube.pods.get(&ordinal);
    if member.is_none() && claim.is_none() && pod.is_none() && file.is_none() {
        return;
    }
    let status = truth.etcd.statuses.get(&ordinal).and_then(Reading::known);
    let leads = status.is_some_and(|s| s.leader == Some(s.member_id));
    let drained = pod.is_some_and(|p| !p.serving_label);
    let waiting = pod.and_then(|p| p.waiting.as_deref());
    let _ = write!(
        text,
        "{ordinal}:{}{}/{}/{}/{}{}{}{} ",
        member.map_or("-", role),
        if leads { "*" } else { "" },
        claim.map_or_else(|| "-".into(), |c| volume(c, member)),
        file.map_or_else(|| "-".into(), life),
        if pod.is_some() { "pod" } else { "-" },
        if drained { ",drained" } else { "" },
        match waiting {
            Some(why) if why.starts_with("CrashLoop") => ",crash",
            Some(_) => ",stuck",
            None => "",
        },
        if status.is_some() { ",up" } else { "" },
    );
}

fn role(member: &Member) -> &'static str {
    match (member.learner, member.has_started()) {
        (true, false) => "added",
        (true, true) => "learner",
        (false, false) => "unpublished",
        (false, true) => "voter",
    }
}

fn volume(claim: &Claim, member: Option<&Member>) -> String {
    let data = match (claim.contents, member) {
        _ if claim.deleting => "terminating",
        (Some(Contents::Of(id)), Some(m)) if m.id == id => "own",
        (Some(Contents::Of(_)), _) => "old",
        (Some(Contents::Empty), _) => "empty",
        (None, _) => "?",
    };
    let volume = claim.volume.as_ref().and_then(Reading::known);
    let kept = volume.is_some_and(|v| v.reclaim_policy == "Retain");
    format!("{data}{}", if kept { "+" } else { "" })
}

fn life(file: &MemberConfig) -> String {
    match file.life() {
        Some(MemberFile::Bootstrap {
            initial_cluster, ..
        }) => {
            format!("new{}", initial_cluster.split(',').count())
        }
        Some(MemberFile::Join { initial_cluster }) => {
            format!("join{}", initial_cluster.split(',').count())
        }
        Some(MemberFile::Poisoned { .. }) => "poisoned".to_owned(),
        None => "broken".to_owned(),
    }
}
