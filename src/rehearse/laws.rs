//! I1 to I5 of etcd-operations.md 2.8, counted on the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::stage::{Stage, is_ready};
use crate::decide::{Act, FileLife, RowId, quorum, tolerance};
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{
    Contents, Kube, MemberConfig, MemberId, ObjectKind, Observation, Pod, Reading, Uid,
};

/// A law that was broken: which, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// `I1` to `I5`, or the number of a state of 2.8.
    pub law: &'static str,
    pub what: String,
}

impl Violation {
    /// The law and the beginning of its breach, without the numbers: two breaches of one shape are one finding.
    pub fn shape(&self) -> String {
        const LONG_ENOUGH: usize = 48;
        let words = self.what.chars().filter(|c| !c.is_ascii_digit());
        let words: String = words.take(LONG_ENOUGH).collect();
        format!("{}: {words}", self.law)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.law, self.what)
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "laws are asked one after the other, and this is the answer of one that is broken"
)]
pub(super) fn broken(law: &'static str, what: impl Into<String>) -> Option<Violation> {
    Some(Violation {
        law,
        what: what.into(),
    })
}

/// What the laws remember of the past.
#[derive(Clone, Default)]
pub(super) struct Laws {
    cluster: Option<MemberId>,
    /// IDs that have had data, and the claim it was on; none after a wipe.
    data: BTreeMap<MemberId, Option<Uid>>,
    /// IDs whose file was seen poisoned after they had started, and which nobody re-armed since.
    poisoned: BTreeSet<MemberId>,
    retired: BTreeSet<MemberId>,
    listed: BTreeSet<MemberId>,
    /// A person's hand took the poison out of a file: what I2 and I4 promise is void from then on.
    disarmed: bool,
    /// IDs that have had data only since the last act of ours but poisoning: nobody could poison their files yet.
    fresh: BTreeSet<MemberId>,
    /// Those of them that lost it before anybody could.
    exposed: BTreeSet<MemberId>,
}

impl Laws {
    /// What a person's hand does is not held against a run: one that was poisoned is not any more.
    pub(super) fn hand(&mut self, before: &Kube, stage: &Stage) {
        let now = &stage.kube().member_files;
        let poisoned = before.member_files.iter().filter(|(_, t)| t.is_poisoned());
        let armed = poisoned.filter(|(o, _)| now.get(o).is_some_and(|t| !t.is_poisoned()));
        for (ordinal, _) in armed {
            self.disarmed = true;
            // Also of a member whose volume is empty by now, which no claim names any more.
            if let Some(id) = stage.member_at(*ordinal) {
                self.poisoned.remove(&id);
            }
        }
    }

    /// Something takes data. The moment between a member's start and the poisoning of its file, which goes before all
    /// other work, is nobody's to close (2.8 #3).
    pub(super) fn struck(&mut self, before: &Kube) {
        let files = &before.member_files;
        for (ordinal, claim) in &before.claims {
            let armed = files.get(ordinal).is_some_and(|t| !t.is_poisoned());
            if let Some(Contents::Of(id)) = claim.contents
                && armed
                && self.fresh.contains(&id)
            {
                self.exposed.insert(id);
            }
        }
    }

    /// Writes are gone that nobody could have kept.
    pub(super) fn concedes(&mut self, stage: &Stage) -> bool {
        let lost = |counts: &dyn Fn(MemberId) -> bool| {
            let data = &stage.data;
            let lost = data.could_be_lost(&stage.truth, &stage.rendered, counts);
            lost.is_some()
        };
        let exposed = std::mem::take(&mut self.exposed);
        let conceded = lost(&|_| true) && !lost(&|id| !exposed.contains(&id));
        if !conceded {
            self.exposed = exposed;
        }
        conceded
    }

    /// An act of ours was done.
    pub(super) fn acted(&mut self, act: &Act) {
        let poisons = matches!(
            act,
            Act::WriteMemberFile {
                life: FileLife::Poison,
                ..
            }
        );
        if !poisons {
            self.fresh.clear();
        }
    }

    /// I2 and I4: what has come about since it was last asked.
    pub(super) fn passage(&mut self, stage: &Stage) -> Option<Violation> {
        let found = self.one_cluster(&stage.truth);
        let found = found.or_else(|| self.one_life(stage));
        let lost = || {
            let all = |_| true;
            let lost = stage.data.could_be_lost(&stage.truth, &stage.rendered, all);
            lost.filter(|_| !self.disarmed)
                .and_then(|what| broken("I4", what))
        };
        found.or_else(lost)
    }

    fn one_cluster(&mut self, truth: &Observation) -> Option<Violation> {
        let Some(list) = truth.etcd.membership.known() else {
            let was = self.cluster?;
            return broken("I4", format!("the member list of cluster {was} is gone"));
        };
        let first = *self.cluster.get_or_insert(list.cluster_id);
        if first != list.cluster_id {
            let what = format!("cluster {} was born where {first} was", list.cluster_id);
            return broken("I4", what);
        }
        let now: BTreeSet<MemberId> = list.members.iter().map(|m| m.id).collect();
        self.retired.extend(self.listed.difference(&now));
        let back = now.iter().find(|id| self.retired.contains(id)).copied();
        self.listed = now;
        back.and_then(|id| broken("I4", format!("the removed member ID {id} came back")))
    }

    /// Data under an ID whose file has been poisoned is never on another volume than before.
    fn one_life(&mut self, stage: &Stage) -> Option<Violation> {
        let kube = stage.kube();
        for (ordinal, claim) in &kube.claims {
            let Some(Contents::Of(id)) = claim.contents else {
                self.wiped(&claim.uid);
                continue;
            };
            let home = self.data.insert(id, Some(claim.uid.clone()));
            if home.is_none() {
                self.fresh.insert(id);
            }
            let copied = kube
                .copies
                .get(ordinal)
                .is_some_and(|c| c.is_done_to(claim));
            let moved = home.is_some_and(|home| home.as_ref() != Some(&claim.uid)) && !copied;
            if moved && self.poisoned.contains(&id) {
                return broken("I2", format!("member {id} booted on an empty volume"));
            }
            match kube
                .member_files
                .get(ordinal)
                .map(MemberConfig::is_poisoned)
            {
                Some(true) => self.poisoned.insert(id),
                // Someone else's hand: `disarmed` watches ours.
                Some(false) => self.poisoned.remove(&id),
                None => false,
            };
        }
        None
    }

    fn wiped(&mut self, claim: &Uid) {
        for home in self.data.values_mut() {
            if home.as_ref() == Some(claim) {
                *home = None;
            }
        }
    }
}

/// I1: (voters, healthy voters) before and after a step.
pub(super) fn quorum_kept(
    spec: &ClusterSpec,
    act: &Act,
    (n, h): (usize, usize),
    (n_after, h_after): (usize, usize),
) -> Option<Violation> {
    // Asked for by name, and `may_do` has its own law.
    let stops = matches!(act, Act::HaltMember { .. } | Act::RestartMember { .. });
    let asked = stops && spec.policy.allow_downtime && n < 3;
    if n == 0 || asked {
        return None;
    }
    let verb = act.verb();
    if h >= quorum(n) && h_after < quorum(n_after) {
        let what =
            format!("{verb} took the quorum: {h} of {n} were healthy, now {h_after} of {n_after}");
        return broken("I1", what);
    }
    let left = tolerance(h_after, n_after);
    let floor = tolerance(h, n).min(i64::from(spec.policy.min_tolerance));
    if left < floor {
        let what = format!("{verb} left tolerance {left}, expected at least {floor}");
        return broken("I1", what);
    }
    None
}

/// I3 and the rules about removing, before an act reaches its server.
pub(super) fn may_do(stage: &Stage, act: &Act, row: Option<RowId>) -> Option<Violation> {
    match act {
        Act::ReleaseClaim { ordinal, uid, .. } => release(stage, *ordinal, uid),
        Act::StopMember { replicas, .. } => outside(stage, *replicas, act),
        Act::CreateObject { object, body } if object.kind == ObjectKind::StatefulSet => {
            let replicas = body.pointer("/spec/replicas")?.as_u64()?;
            outside(stage, u32::try_from(replicas).ok()?, act)
        }
        Act::DeletePod { ordinal, pod, .. } | Act::RestartMember { ordinal, pod, .. } => {
            stop_pod(stage, *ordinal, pod, act)
        }
        Act::Drain { ordinal, .. } => drain(stage, *ordinal),
        Act::RemoveMember { ordinal, member } => remove(stage, *ordinal, *member, row),
        Act::DeleteObject {
            object,
            orphan: false,
            ..
        } if object.kind == ObjectKind::StatefulSet => {
            broken("I3", "the StatefulSet was deleted together with its pods")
        }
        _ => None,
    }
}

fn release(stage: &Stage, ordinal: Ordinal, uid: &Uid) -> Option<Violation> {
    let claim = stage.kube().claims.get(&ordinal);
    let claim = claim.filter(|c| c.uid == *uid)?;
    if let Some(Contents::Of(id)) = claim.contents
        && stage.is_listed(id)
    {
        let stopped = super::storage_laws::is_copied_from(stage, ordinal);
        if stopped && stage.runs(id) {
            return broken("P5-b", "the claim of a member that runs was given up");
        }
        if !stopped {
            return broken(
                "I3",
                format!("the claim with the data of listed member {id} was given up"),
            );
        }
    }
    let kept = claim.volume.as_ref().and_then(Reading::known);
    let kept = kept.is_none_or(|v| v.reclaim_policy == "Retain");
    (!kept)
        .then(|| broken("I3", "a volume was released that is not Retain"))
        .flatten()
}

/// A drain leaves somebody whom clients find.
fn drain(stage: &Stage, ordinal: Ordinal) -> Option<Violation> {
    let serves = |pod: &Pod| pod.serving_label && pod.ready && !pod.deleting;
    let mut others = stage.kube().pods.iter().filter(|(o, _)| **o != ordinal);
    (!others.any(|(_, pod)| serves(pod)))
        .then(|| broken("2.8-18", "a drain left the client Service empty"))
        .flatten()
}

/// A listed member's ordinal is put outside `replicas`.
fn outside(stage: &Stage, replicas: u32, act: &Act) -> Option<Violation> {
    let pods = stage.kube().pods.keys();
    let left_out = pods
        .filter(|o| o.0 >= replicas)
        .find(|o| stage.member_at(**o).is_some())?;
    let what = format!(
        "{} puts listed member {left_out} outside replicas {replicas}",
        act.verb()
    );
    broken("I3", what)
}

/// A pod is stopped whose claim would not survive, or that may still run where nobody can see it.
fn stop_pod(stage: &Stage, ordinal: Ordinal, pod: &Uid, act: &Act) -> Option<Violation> {
    let kube = stage.kube();
    let live = kube.pods.get(&ordinal).filter(|p| p.uid == *pod)?;
    let claim = kube.claims.get(&ordinal)?;
    let Some(Contents::Of(id)) = claim.contents else {
        return None;
    };
    if !stage.is_listed(id) {
        return None;
    }
    let verb = act.verb();
    if claim.deleting {
        return broken(
            "I3",
            format!(
                "{verb} {ordinal}: its claim goes with it, and holds the data of listed member {id}"
            ),
        );
    }
    let lost = live.node.as_ref().is_some_and(|n| !is_ready(kube, n));
    let forced = matches!(act, Act::DeletePod { force: true, .. });
    (lost && forced)
        .then(|| {
            let what =
                format!("{verb} {ordinal}: listed member {id} may still run on its lost node");
            broken("2.8-14", what)
        })
        .flatten()
}

fn remove(
    stage: &Stage,
    ordinal: Ordinal,
    member: MemberId,
    row: Option<RowId>,
) -> Option<Violation> {
    if stage.leader() == Some(member) && stage.blind.is_empty() {
        return broken("G8", format!("member {ordinal} was removed while it led"));
    }
    // A claim that is going is intact only until its pod ends, and a pod that cannot run will end.
    let claim = stage.kube().claims.get(&ordinal);
    let going = claim.is_some_and(|c| c.deleting);
    let repair = row.is_some_and(|r| r.procedure == "repair") && !going;
    let list = stage.truth.etcd.membership.known()?;
    let votes = list.members.iter().any(|m| m.id == member && !m.learner);
    let pod = stage.kube().pods.get(&ordinal);
    let volume = claim.and_then(|c| c.volume.as_ref()?.known());
    let mut nodes = [
        pod.and_then(|p| p.node.as_ref()),
        volume.and_then(|v| v.node.as_ref()),
    ]
    .into_iter()
    .flatten();
    let node_is_there = nodes.all(|n| is_ready(stage.kube(), n));
    if repair
        && votes
        && node_is_there
        && !stage.runs(member)
        && stage.data.is_intact(&stage.truth, &stage.rendered, member)
    {
        return broken(
            "2.8-4",
            format!(
                "member {ordinal} was given up as lost while its data is intact and its node is there"
            ),
        );
    }
    None
}

/// I2: no act of ours takes the poison out of the file of a listed member that has started.
pub(super) fn files_kept(before: &Kube, stage: &Stage) -> Option<Violation> {
    let after = stage.kube();
    for (ordinal, claim) in &before.claims {
        let Some(Contents::Of(id)) = claim.contents else {
            continue;
        };
        let poisoned = |kube: &Kube| {
            kube.member_files
                .get(ordinal)
                .map(MemberConfig::is_poisoned)
        };
        let disarmed = poisoned(before) == Some(true) && poisoned(after) != Some(true);
        if disarmed && stage.is_listed(id) && stage.member_at(*ordinal) == Some(id) {
            return broken(
                "I2",
                format!("the file of started member {ordinal} was armed again"),
            );
        }
    }
    None
}

/// What in sync means, counted on the truth.
pub(super) fn in_place(stage: &Stage, spec: &ClusterSpec) -> Option<Violation> {
    let kube = stage.kube();
    let all: BTreeSet<Ordinal> = spec.target().collect();
    let members = spec.members as usize;
    let differs = |what: String| broken("I5", format!("said to be in sync, but {what}"));
    if stage.voters() != (members, members) {
        let (n, h) = stage.voters();
        return differs(format!(
            "{h} of {n} voters are healthy, Git asks for {members}"
        ));
    }
    let list = stage.truth.etcd.membership.known()?;
    if list.members.len() != members {
        return differs(format!("{} members are listed", list.members.len()));
    }
    let ours = |kind: &str, found: BTreeSet<Ordinal>| {
        (found != all)
            .then(|| differs(format!("{kind} are on {found:?}")))
            .flatten()
    };
    ours("pods", kube.pods.keys().copied().collect())
        .or_else(|| ours("claims", kube.claims.keys().copied().collect()))
        .or_else(|| ours("endpoints", kube.serving.clone()))
        .or_else(|| {
            (!kube.copies.is_empty())
                .then(|| differs(format!("a copy is there: {:?}", kube.copies)))
                .flatten()
        })
        .or_else(|| {
            let count = kube.objects.len();
            (count != ObjectKind::ALL.len())
                .then(|| differs(format!("{count} objects are there")))
                .flatten()
        })
        .or_else(|| {
            let armed = all.iter().find(|o| {
                !kube
                    .member_files
                    .get(o)
                    .is_some_and(MemberConfig::is_poisoned)
            })?;
            differs(format!("the file of member {armed} is not poisoned"))
        })
        .or_else(|| {
            let stamp = crate::manifest::settings_stamp(spec);
            let old = kube
                .pods
                .iter()
                .find(|(_, p)| p.stamp.as_ref() != Some(&stamp))?;
            differs(format!("pod {} runs with other settings", old.0))
        })
}
