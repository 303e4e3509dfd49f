//! etcd's membership, and how its server answers a change (etcd-operations.md 2.3).

use std::collections::BTreeSet;

use super::ModelError;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{
    Contents, Member, MemberFile, MemberId, MemberStatus, Membership, Observation, Reading,
};

/// Raft entries every change adds.
const ENTRY: u64 = 1;
/// The last words of a process that is to join, has no log, and reaches none of the others that its file lists.
const NO_LOG: &str = "cannot fetch cluster info from peer urls";

pub(super) fn add_learner(observed: &mut Observation, peer_url: &str) -> Result<(), ModelError> {
    let id = fresh_member(observed);
    let members = &mut membership(observed)?.members;
    if members
        .iter()
        .any(|m| m.peer_urls.iter().any(|u| u == peer_url))
    {
        return Err(ModelError::Etcd("Peer URLs already exists"));
    }
    if members.iter().any(|m| m.learner) {
        return Err(ModelError::Etcd("too many learner members in cluster"));
    }
    members.push(Member {
        id,
        name: String::new(),
        peer_urls: vec![peer_url.to_owned()],
        client_urls: Vec::new(),
        learner: true,
    });
    members.sort_by_key(|m| m.id);
    commit(observed);
    Ok(())
}

pub(super) fn promote(observed: &mut Observation, id: MemberId) -> Result<(), ModelError> {
    let member = membership(observed)?
        .members
        .iter_mut()
        .find(|m| m.id == id);
    let member = member.ok_or(ModelError::Etcd("member not found"))?;
    if !member.learner {
        return Err(ModelError::Etcd("can only promote a learner member"));
    }
    if !member.has_started() {
        return Err(ModelError::Etcd(
            "can only promote a learner member which is in sync with leader",
        ));
    }
    member.learner = false;
    for status in statuses(observed).filter(|s| s.member_id == id) {
        status.learner = false;
        status.linearizable_read = Some(Reading::Known(()));
    }
    commit(observed);
    Ok(())
}

pub(super) fn move_leader(observed: &mut Observation, to: MemberId) -> Result<(), ModelError> {
    let member = membership(observed)?.members.iter().find(|m| m.id == to);
    if member.is_none_or(|m| m.learner) {
        return Err(ModelError::Etcd("bad leader transferee"));
    }
    for status in statuses(observed) {
        status.leader = Some(to);
        status.term += 1;
    }
    commit(observed);
    Ok(())
}

pub(super) fn remove(
    observed: &mut Observation,
    spec: &ClusterSpec,
    id: MemberId,
) -> Result<(), ModelError> {
    let members = &mut membership(observed)?.members;
    let Some(at) = members.iter().position(|m| m.id == id) else {
        return Err(ModelError::Etcd("member not found"));
    };
    let gone = members.remove(at);
    // "the member has been permanently removed": the process exits, its pod restarts it in vain.
    if let Some(ordinal) = gone
        .peer_urls
        .iter()
        .find_map(|u| spec.ordinal_of_peer_url(u))
    {
        observed.etcd.statuses.remove(&ordinal);
    }
    elect(observed);
    commit(observed);
    Ok(())
}

/// A member's process is up on its volume: what it does with its log, its file and the live list. The error is its
/// last words.
pub(super) fn boot(
    observed: &mut Observation,
    spec: &ClusterSpec,
    ordinal: Ordinal,
) -> Result<(), &'static str> {
    let Some(kube) = observed.kube.known_mut() else {
        return Ok(());
    };
    let file = kube.member_files.get(&ordinal);
    let file = file.ok_or("error loading config file: no such file or directory")?;
    let file = file.life().cloned().ok_or("error verifying flags")?;
    let claim = kube.claims.get_mut(&ordinal);
    let claim = claim.ok_or("persistentvolumeclaim not found")?;
    let url = spec.peer_url(ordinal);
    let Reading::Known(membership) = &mut observed.etcd.membership else {
        return Ok(());
    };
    let of_url = |m: &&mut Member| m.peer_urls.contains(&url);
    let others_answer = observed
        .etcd
        .statuses
        .iter()
        .any(|(other, s)| *other != ordinal && s.known().is_some());
    let urls: BTreeSet<String> = membership
        .members
        .iter()
        .flat_map(|m| m.peer_urls.clone())
        .collect();
    let member = membership.members.iter_mut().find(of_url);
    // On a recording of a live cluster nobody knows what is on a volume: a member that has started has its data there.
    let contents = claim.contents.unwrap_or(match &member {
        Some(m) if m.has_started() => Contents::Of(m.id),
        _ => Contents::Empty,
    });
    match (contents, &member) {
        (Contents::Of(id), Some(m)) if id == m.id => {} // with a log, the file is not read
        (Contents::Of(_), _) => {
            return Err("the member has been permanently removed from the cluster");
        }
        (Contents::Empty, None) => return Err(unlisted(&file)),
        (Contents::Empty, Some(m)) => {
            may_join(&file, &urls, m, others_answer)?;
            claim.contents = Some(Contents::Of(m.id));
        }
    }
    let Some(member) = member else {
        return Ok(());
    };
    member.name = spec.pod_name(ordinal);
    member.client_urls = vec![spec.client_url(ordinal)];
    let (id, learner, cluster_id) = (member.id, member.learner, membership.cluster_id);
    let identity = (cluster_id, id, learner);
    let status = booted(observed, identity, version(observed, spec, ordinal));
    observed
        .etcd
        .statuses
        .insert(ordinal, Reading::Known(status));
    elect(observed);
    Ok(())
}

/// What a process says of itself that has just come up: it has caught up with its leader.
fn booted(
    observed: &Observation,
    (cluster_id, id, learner): (MemberId, MemberId, bool),
    version: String,
) -> MemberStatus {
    let leader = leader(observed);
    let past = observed.past.unwrap_or_default();
    let kept = (past.term.max(1), past.index.max(1), kept_revision(observed));
    let (term, index, revision) = leader
        .as_ref()
        .map_or(kept, |l| (l.term, l.index, l.revision));
    let (db_size, db_size_in_use) = leader
        .as_ref()
        .map_or((20 << 10, 16 << 10), |l| (l.db_size, l.db_size_in_use));
    MemberStatus {
        cluster_id,
        member_id: id,
        leader: leader.map(|l| l.member_id),
        term,
        index,
        applied: index,
        revision,
        version,
        db_size,
        db_size_in_use,
        learner,
        linearizable_read: (!learner).then_some(Reading::Known(())),
        errors: Vec::new(),
        connected: None,
    }
}

/// Of a recording in which no process runs nobody knows it: at least what a snapshot has seen is on their volumes.
fn kept_revision(observed: &Observation) -> i64 {
    let snapshots = observed.backup.as_ref().and_then(|b| b.snapshots.known());
    let seen = snapshots.map_or(1, |s| s.highest_revision);
    observed.past.unwrap_or_default().revision.max(seen).max(1)
}

/// Of a process on an empty directory whose URL is in no list. A poisoned file names nobody else to ask
/// (`bootstrapExistingClusterNoWAL` looks for remote peers before it compares lists).
const fn unlisted(file: &MemberFile) -> &'static str {
    match file {
        MemberFile::Poisoned { .. } => NO_LOG,
        MemberFile::Bootstrap { .. } | MemberFile::Join { .. } => "member count is unequal",
    }
}

/// Of the template that its pod was made from: Git's, or else the one before, which the others still run.
fn version(observed: &Observation, spec: &ClusterSpec, ordinal: Ordinal) -> String {
    let pod = observed.kube.known().and_then(|k| k.pods.get(&ordinal));
    let stamp = crate::manifest::settings_stamp(spec);
    let is_new = pod.is_none_or(|p| p.stamp.as_ref() == Some(&stamp));
    let mut others = observed.etcd.statuses.iter();
    let other =
        others.find_map(|(o, s)| Some(s.known()?.version.clone()).filter(|_| *o != ordinal));
    match other {
        Some(other) if !is_new => other,
        _ => spec.version.to_string(),
    }
}

/// What etcd does on an empty directory (etcd-operations.md 2.6, 2.8 #2, #3). A file that lists the others boots under
/// the ID the list has for its URL, were it started before or not: that is what poisoning is against.
fn may_join(
    file: &MemberFile,
    live: &BTreeSet<String>,
    member: &Member,
    others_answer: bool,
) -> Result<(), &'static str> {
    let pairs = file.initial_cluster().split(',');
    let listed: BTreeSet<String> = pairs
        .filter_map(|pair| Some(pair.split_once('=')?.1.to_owned()))
        .collect();
    match file {
        MemberFile::Bootstrap { .. } if member.has_started() && others_answer => {
            Err("member has already been bootstrapped")
        }
        MemberFile::Poisoned { .. } => Err(NO_LOG),
        MemberFile::Join { .. } if !others_answer => Err(NO_LOG),
        MemberFile::Join { .. } if listed != *live => Err("member count is unequal"),
        MemberFile::Bootstrap { .. } | MemberFile::Join { .. } => Ok(()),
    }
}

/// All the processes of a first bootstrap are up: one cluster is born. Real leader choices are an oracle; here the
/// lowest ordinal leads.
pub(super) fn bear(observed: &mut Observation, spec: &ClusterSpec, ordinals: &[Ordinal]) {
    let member = |(at, ordinal): (usize, &Ordinal)| Member {
        id: MemberId(0x1000 + at as u64),
        name: spec.pod_name(*ordinal),
        peer_urls: vec![spec.peer_url(*ordinal)],
        client_urls: Vec::new(),
        learner: false,
    };
    observed.etcd.membership = Reading::Known(Membership {
        cluster_id: MemberId(0xc1),
        members: ordinals.iter().enumerate().map(member).collect(),
    });
    observed.etcd.alarms = Reading::Known(Vec::new());
}

fn membership(observed: &mut Observation) -> Result<&mut Membership, ModelError> {
    observed
        .etcd
        .membership
        .known_mut()
        .ok_or(ModelError::Etcd("request timed out"))
}

fn statuses(observed: &mut Observation) -> impl Iterator<Item = &mut MemberStatus> {
    observed
        .etcd
        .statuses
        .values_mut()
        .filter_map(Reading::known_mut)
}

fn leader(observed: &Observation) -> Option<MemberStatus> {
    let mut all = observed.etcd.statuses.values().filter_map(Reading::known);
    all.find(|s| s.leader == Some(s.member_id)).cloned()
}

/// Where the leader is gone, the voter furthest ahead takes over: the lowest ordinal among equals.
pub(super) fn elect(observed: &mut Observation) {
    if leader(observed).is_some() {
        return;
    }
    let mut voters: Vec<(u64, MemberId)> = statuses(observed)
        .filter(|s| !s.learner)
        .map(|s| (s.applied, s.member_id))
        .collect();
    voters.sort_by_key(|(applied, _)| std::cmp::Reverse(*applied));
    let next = voters.first().map(|(_, id)| *id);
    for status in statuses(observed) {
        status.leader = next;
        status.term += u64::from(next.is_some());
    }
}

/// Every process that runs is connected to every other.
pub(super) fn connect(observed: &mut Observation) {
    let up: BTreeSet<MemberId> = statuses(observed).map(|s| s.member_id).collect();
    for status in statuses(observed) {
        let mut peers = up.clone();
        peers.remove(&status.member_id);
        status.connected = Some(peers);
    }
}

fn commit(observed: &mut Observation) {
    for status in statuses(observed) {
        status.index += ENTRY;
        status.applied += ENTRY;
    }
    super::remember(observed);
}

/// IDs are never used twice: above every one in the list, and moved by the time, as etcd's are, and the raft index for
/// those already gone.
fn fresh_member(observed: &Observation) -> MemberId {
    let list = observed.etcd.membership.known();
    let highest = list
        .and_then(|m| m.members.iter().map(|m| m.id.0).max())
        .unwrap_or(0x1000);
    let index = leader(observed).map_or(0, |l| l.index);
    let seconds = u64::try_from(observed.at.as_second()).unwrap_or(0) & 0xf_ffff;
    MemberId(highest.max(0x2000 + seconds + index) + 1)
}
