//! A state in one line: what small worlds are told apart by, and what a story ends with.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher};

use serde_json::Value;

use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{
    Claim, ClaimPhase, Contents, Kube, Member, MemberConfig, MemberFile, ObjectKind, Observation,
    Reading,
};

/// Ordinals that are looked at: seven members and their spare.
const SEATS: u32 = 9;

/// Ordinal → role, incarnation of its claim, file, pod, serving; and the objects.
pub(super) fn projection(truth: &Observation, spec: &ClusterSpec) -> String {
    let Some(kube) = truth.kube.known() else {
        return "unknown".into();
    };
    let mut text = String::new();
    for ordinal in (0..SEATS).map(Ordinal) {
        seat(&mut text, truth, kube, spec, ordinal);
    }
    let set = kube.stateful_set.as_ref();
    let budget = kube.objects.get(&ObjectKind::PodDisruptionBudget);
    let budget = budget.and_then(|o| o.content.pointer("/spec/minAvailable")?.as_u64());
    let kinds: Vec<_> = kube.objects.keys().collect();
    let noted = kube.ledger.as_ref().and_then(|l| l.cluster_id);
    let _ = write!(
        text,
        "replicas {:?} budget {budget:?} objects {kinds:?} serving {:?} noted {noted:?}",
        set.map(|s| s.replicas),
        kube.serving,
    );
    text
}

fn seat(text: &mut String, truth: &Observation, kube: &Kube, spec: &ClusterSpec, ordinal: Ordinal) {
    let list = truth.etcd.membership.known();
    let at = |m: &&Member| {
        m.peer_urls
            .iter()
            .any(|u| spec.ordinal_of_peer_url(u) == Some(ordinal))
    };
    let member = list.iter().flat_map(|m| &m.members).find(at);
    let claim = kube.claims.get(&ordinal);
    let file = kube.member_files.get(&ordinal);
    let pod = kube.pods.get(&ordinal);
    if member.is_none() && claim.is_none() && pod.is_none() && file.is_none() {
        return;
    }
    let status = truth.etcd.statuses.get(&ordinal).and_then(Reading::known);
    let leads = status.is_some_and(|s| s.leader == Some(s.member_id));
    let set = kube.stateful_set.as_ref();
    let old = pod.is_some_and(|p| set.is_some_and(|s| s.stamp != p.stamp));
    let waiting = pod.and_then(|p| p.waiting.as_deref());
    let marks = [
        (pod.is_some_and(|p| !p.serving_label), ",drained"),
        (pod.is_some_and(|p| p.deleting), ",going"),
        (old, ",old"),
        (
            waiting.is_some_and(|w| w.starts_with("CrashLoop")),
            ",crash",
        ),
        (
            waiting.is_some_and(|w| !w.starts_with("CrashLoop")),
            ",stuck",
        ),
        (status.is_some(), ",up"),
    ];
    let _ = write!(
        text,
        "{ordinal}:{}{}/{}/{}/{}",
        member.map_or("-", role),
        if leads { "*" } else { "" },
        claim.map_or_else(|| "-".into(), |c| volume(c, member)),
        file.map_or_else(|| "-".into(), life),
        if pod.is_some() { "pod" } else { "-" },
    );
    for (_, mark) in marks.iter().filter(|(holds, _)| *holds) {
        text.push_str(mark);
    }
    text.push(' ');
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
        _ if claim.phase == ClaimPhase::Lost => "lost",
        (Some(Contents::Of(id)), Some(m)) if m.id == id => "own",
        (Some(Contents::Of(_)), _) => "old",
        (Some(Contents::Empty), _) => "empty",
        (None, _) => "?",
    };
    let volume = claim.volume.as_ref().and_then(Reading::known);
    let kept = volume.is_some_and(|v| v.reclaim_policy == "Retain");
    let mut text = format!("{data}{}", if kept { "+" } else { "" });
    if claim.phase == ClaimPhase::Pending {
        text.push_str("?unbound");
    }
    if let Some(class) = &claim.class_name {
        let _ = write!(text, ":{class}");
    }
    let _ = write!(text, ":{}", claim.request);
    let attributes = &claim.attributes;
    for name in attributes.asked.iter().chain(&attributes.current) {
        let _ = write!(text, ":{name}");
    }
    if let Some(modification) = &attributes.modification {
        let _ = write!(text, "~{:?}", modification.state);
    }
    if claim
        .capacity
        .as_ref()
        .is_some_and(|has| *has < claim.request)
    {
        text.push('<');
    }
    text
}

fn life(file: &MemberConfig) -> String {
    match file.life() {
        Some(MemberFile::Bootstrap {
            initial_cluster, ..
        }) => format!("new{}", initial_cluster.split(',').count()),
        Some(MemberFile::Join { initial_cluster }) => {
            format!("join{}", initial_cluster.split(',').count())
        }
        Some(MemberFile::Poisoned { .. }) => "poisoned".to_owned(),
        None => "broken".to_owned(),
    }
}

/// Two states that a decision could tell apart, its time, the ledger and raft's indices left out.
pub(super) fn fingerprint(truth: &Observation, spec: &ClusterSpec) -> u64 {
    let mut hash = DefaultHasher::new();
    projection(truth, spec).hash(&mut hash);
    let Some(kube) = truth.kube.known() else {
        return hash.finish();
    };
    for (kind, object) in &kube.objects {
        kind.hash(&mut hash);
        object.uid.hash(&mut hash);
        content(&object.content, &mut hash);
    }
    for (ordinal, pod) in &kube.pods {
        (ordinal, &pod.uid, &pod.stamp, &pod.node).hash(&mut hash);
    }
    for (ordinal, claim) in &kube.claims {
        (ordinal, &claim.uid).hash(&mut hash);
    }
    // Each of them is deleted by an act of its own, whichever member it was of.
    let released = kube.released_volumes.known().into_iter().flatten();
    for volume in released.filter(|v| !v.claim.is_empty()) {
        volume.name.hash(&mut hash);
    }
    let set = kube.stateful_set.as_ref();
    set.map(|s| &s.resource_version).hash(&mut hash);
    kube.member_files.hash(&mut hash);
    for member in truth
        .etcd
        .membership
        .known()
        .iter()
        .flat_map(|l| &l.members)
    {
        (member.id, member.learner).hash(&mut hash);
    }
    hash.finish()
}

fn content(value: &Value, hash: &mut DefaultHasher) {
    match value {
        Value::Null => 0_u8.hash(hash),
        Value::Bool(b) => b.hash(hash),
        Value::Number(n) => n.hash(hash),
        Value::String(s) => s.hash(hash),
        Value::Array(all) => all.iter().for_each(|v| content(v, hash)),
        Value::Object(fields) => {
            for (key, value) in fields {
                key.hash(hash);
                content(value, hash);
            }
        }
    }
}

/// What states are counted by.
pub(super) fn state_hash(truth: &Observation, spec: &ClusterSpec) -> u64 {
    let mut hash = DefaultHasher::new();
    projection(truth, spec).hash(&mut hash);
    hash.finish()
}
