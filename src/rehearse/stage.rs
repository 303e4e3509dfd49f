//! What is: the model's world with the faults that the model has none of, and what a run can see of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::data::Data;
use super::event::Part;
use super::volumes::{self, DELETE, Tier, Trouble};
use crate::decide::{Act, quorum};
use crate::fleet::{ClusterSpec, Ordinal};
use crate::model;
use crate::state::{
    Backup, Claim, ClaimPhase, Content, Kube, MemberId, MemberStatus, ModificationState, Node,
    ObjectKind, Observation, Pod, Reading, Uid,
};

/// An image of this tag can be pulled by no node.
pub(super) const MISSING_TAG: &str = ":missing";
/// Nodes that pods are placed on.
const NODES: u32 = 9;

/// An act that was not answered and takes effect later.
#[derive(Clone)]
pub(super) struct Late {
    pub(super) due: Timestamp,
    pub(super) act: Act,
    /// The object it writes, as it was when it was sent, for as long as nobody else has written it: such a request
    /// carries its `resourceVersion`.
    pub(super) bound: Bound,
}

#[derive(Clone)]
pub(super) enum Bound {
    Free,
    To(ObjectKind, Content),
    Broken,
}

#[derive(Clone)]
pub(super) struct Stage {
    /// Every fact, none of them unknown; the API server may be away and the quorum lost all the same.
    pub(super) truth: Observation,
    /// What the StatefulSet was last made from.
    pub(super) rendered: ClusterSpec,
    pub(super) data: Data,
    pub(super) blind: BTreeSet<Part>,
    pub(super) away_until: Option<Timestamp>,
    pub(super) stuck: BTreeSet<Ordinal>,
    pub(super) learners_stall: bool,
    pub(super) trouble: BTreeSet<Trouble>,
    /// The reclaim policy that volumes are made with.
    pub(super) policy: &'static str,
    pub(super) late: Vec<Late>,
    /// Volumes cannot leave their node.
    pub(super) local: bool,
    /// Clients write all the time.
    pub(super) writes: bool,
    /// The image each pod was made with.
    images: BTreeMap<Uid, String>,
}

impl Stage {
    pub(super) fn empty(spec: &ClusterSpec, at: Timestamp) -> Self {
        let mut truth = model::empty(spec.id.clone(), at);
        model::provide_secrets(&mut truth, spec);
        if let Some(kube) = truth.kube.known_mut() {
            let ready = Node {
                ready: true,
                since: None,
            };
            kube.storage_classes = Reading::Known(volumes::classes());
            kube.nodes =
                Reading::Known((0..NODES).map(|n| (node_name(n), ready.clone())).collect());
        }
        Self {
            truth,
            rendered: spec.clone(),
            data: Data::default(),
            blind: BTreeSet::new(),
            away_until: None,
            stuck: BTreeSet::new(),
            learners_stall: false,
            trouble: BTreeSet::new(),
            policy: DELETE,
            late: Vec::new(),
            local: false,
            writes: true,
            images: BTreeMap::new(),
        }
    }

    pub(super) fn kube(&self) -> &Kube {
        self.truth.kube.known().expect("the truth is never unknown")
    }

    pub(super) fn kube_mut(&mut self) -> &mut Kube {
        self.truth
            .kube
            .known_mut()
            .expect("the truth is never unknown")
    }

    pub(super) fn is_born(&self) -> bool {
        self.truth.etcd.membership.known().is_some()
    }

    /// `n` and `h`.
    pub(super) fn voters(&self) -> (usize, usize) {
        let list = self.truth.etcd.membership.known();
        let voters = || list.iter().flat_map(|m| &m.members).filter(|m| !m.learner);
        let alive = voters().filter(|m| self.runs(m.id)).count();
        (voters().count(), alive)
    }

    /// A member that leads and says so.
    pub(super) fn leader(&self) -> Option<MemberId> {
        let mut known = self.truth.etcd.statuses.values().filter_map(Reading::known);
        let leads = known.find(|s| s.leader == Some(s.member_id));
        leads.map(|s| s.member_id)
    }

    /// Its process answers, and its pod is there.
    pub(super) fn runs(&self, id: MemberId) -> bool {
        let pods = &self.kube().pods;
        let mut answers = self.truth.etcd.statuses.iter();
        answers.any(|(o, s)| s.known().is_some_and(|s| s.member_id == id) && pods.contains_key(o))
    }

    pub(super) fn has_quorum(&self) -> bool {
        let (n, h) = self.voters();
        n > 0 && h >= quorum(n)
    }

    pub(super) fn is_listed(&self, id: MemberId) -> bool {
        let list = self.truth.etcd.membership.known();
        list.is_some_and(|m| m.members.iter().any(|m| m.id == id))
    }

    /// The last writes went with volumes that nobody could keep.
    pub(super) fn concede(&mut self) {
        let mut data = self.data.clone();
        data.concede(|id| self.is_listed(id));
        self.data = data;
    }

    /// The member on this ordinal, by its URL.
    pub(super) fn member_at(&self, ordinal: Ordinal) -> Option<MemberId> {
        let url = self.rendered.peer_url(ordinal);
        let list = self.truth.etcd.membership.known()?;
        let member = list.members.iter().find(|m| m.peer_urls.contains(&url));
        member.map(|m| m.id)
    }

    pub(super) fn is_away(&self) -> bool {
        self.away_until.is_some_and(|until| self.truth.at < until)
    }

    pub(super) fn statuses_mut(&mut self) -> impl Iterator<Item = &mut MemberStatus> {
        let statuses = self.truth.etcd.statuses.values_mut();
        statuses.filter_map(Reading::known_mut)
    }

    /// Lets time pass, and what follows by itself come about.
    pub(super) fn pass(&mut self, span: SignedDuration) {
        self.free_pods();
        let mut truth = self.truth.clone();
        model::pass_hindered(&mut truth, &self.rendered, span, self);
        self.truth = truth;
        self.place_pods();
        self.commit_late();
        self.write();
    }

    fn write(&mut self) {
        if self.writes && self.has_quorum() {
            for status in self.statuses_mut() {
                status.index += 1;
                status.applied += 1;
                status.revision += 1;
            }
            model::remember(&mut self.truth);
        }
        self.data.follow(&self.truth, self.writes);
    }

    /// What was sent and not answered takes effect when its time has come, were it refused or not.
    fn commit_late(&mut self) {
        self.break_bounds();
        let now = self.truth.at;
        let (due, late) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|l| l.due <= now);
        self.late = late;
        let due: Vec<Late> = due;
        for Late { act, bound, .. } in due {
            if matches!(bound, Bound::Broken) {
                continue; // 409, nobody hears
            }
            let ledger = self.kube().ledger.clone().unwrap_or_default();
            // What the server says to it now, nobody hears.
            let _unheard = self.carry_out(&act, &ledger);
        }
    }

    /// What was written since it was sent has another version, were it written back as it was.
    pub(super) fn break_bounds(&mut self) {
        let Some(kube) = self.truth.kube.known() else {
            return;
        };
        for late in &mut self.late {
            if let Bound::To(kind, sent) = &late.bound
                && kube.objects.get(kind).is_none_or(|o| o.content != *sent)
            {
                late.bound = Bound::Broken;
            }
        }
    }

    /// Pods that nothing holds back any more are started again.
    fn free_pods(&mut self) {
        let held: Vec<Ordinal> = {
            let kube = self.kube();
            let waits = |pod: &Pod| pod.is_stuck() && !is_crash_loop(pod);
            let waiting = kube.pods.iter().filter(|(_, pod)| waits(pod));
            let free = waiting.filter(|(o, _)| self.hinders(kube, **o).is_none());
            free.map(|(o, _)| *o).collect()
        };
        for ordinal in held {
            if let Some(pod) = self.kube_mut().pods.get_mut(&ordinal) {
                pod.waiting = None;
            }
        }
    }

    /// What keeps this pod from running, in the words of whoever keeps it.
    pub(super) fn hinders(&self, kube: &Kube, ordinal: Ordinal) -> Option<String> {
        let pod = kube.pods.get(&ordinal)?;
        if pod.deleting {
            return None;
        }
        if self.stuck.contains(&ordinal) {
            return Some("CreateContainerError: context deadline exceeded".into());
        }
        let image = self.images.get(&pod.uid).cloned();
        if image
            .or_else(|| template_image(kube))?
            .ends_with(MISSING_TAG)
        {
            return Some("ImagePullBackOff: Back-off pulling image".into());
        }
        let claim = kube.claims.get(&ordinal)?;
        if claim.phase == ClaimPhase::Lost {
            return Some("Unschedulable: persistentvolumeclaim is Lost".into());
        }
        let home = claim.volume.as_ref()?.known()?.node.as_ref()?;
        (!is_ready(kube, home))
            .then(|| "Unschedulable: node(s) had volume node affinity conflict".into())
    }

    /// The scheduler: a node of its own for every pod, the one its volume is on if it cannot leave.
    fn place_pods(&mut self) {
        let local = self.local;
        let image = template_image(self.kube());
        let known: BTreeSet<Uid> = self.kube().pods.values().map(|p| p.uid.clone()).collect();
        self.images.retain(|uid, _| known.contains(uid));
        for uid in known {
            let made_with = image.clone().unwrap_or_default();
            self.images.entry(uid).or_insert(made_with);
        }
        let kube = self.kube_mut();
        let unplaced: Vec<Ordinal> = {
            let is_placed = |pod: &Pod| pod.node.as_ref().is_some_and(|n| n.starts_with("node-"));
            let unplaced = kube.pods.iter().filter(|(_, pod)| !is_placed(pod));
            unplaced.map(|(o, _)| *o).collect()
        };
        for ordinal in unplaced {
            let node = node_for(kube, ordinal);
            if let Some(pod) = kube.pods.get_mut(&ordinal) {
                pod.node.clone_from(&node);
            }
            let claim = kube.claims.get_mut(&ordinal);
            if local && let Some(volume) = claim.and_then(|c| c.volume.as_mut()?.known_mut()) {
                volume.node = volume.node.take().or(node);
            }
        }
    }

    /// What a run can see: without a quorum no list, and nothing of what it is blind to.
    pub(super) fn look(&self) -> Observation {
        let mut seen = self.truth.clone();
        if self.is_born() && !self.has_quorum() {
            silence(&mut seen);
        }
        if self.learners_stall {
            for status in seen
                .etcd
                .statuses
                .values_mut()
                .filter_map(Reading::known_mut)
            {
                if status.learner {
                    status.applied = 1;
                }
            }
            raise_leaders(&mut seen);
        }
        if self.trouble.contains(&Trouble::StoreAway) {
            seen.backup = Some(Backup {
                store: self.rendered.snapshots_place(),
                snapshots: Reading::Unknown(DEADLINE.into()),
            });
        }
        for part in &self.blind {
            hide(&mut seen, *part);
        }
        if self.is_away() {
            hide_all(&mut seen);
        }
        seen
    }
}

/// Far enough ahead that a learner which stalls is seen to lag.
fn raise_leaders(seen: &mut Observation) {
    const AHEAD: u64 = 100_000;
    for status in seen
        .etcd
        .statuses
        .values_mut()
        .filter_map(Reading::known_mut)
    {
        status.index += AHEAD;
        status.applied += if status.learner { 0 } else { AHEAD };
    }
}

fn silence(seen: &mut Observation) {
    let late = || "etcdserver: request timed out".to_owned();
    seen.etcd.membership = Reading::Unknown(late());
    seen.etcd.alarms = Reading::Unknown(late());
    for status in seen
        .etcd
        .statuses
        .values_mut()
        .filter_map(Reading::known_mut)
    {
        status.leader = None;
        status.linearizable_read = Some(Reading::Unknown("no leader".into()));
    }
}

const DEADLINE: &str = "deadline exceeded";

/// Takes a part of what is from what is seen.
fn hide(seen: &mut Observation, part: Part) {
    let why = || DEADLINE.to_owned();
    match part {
        Part::Kubernetes => seen.kube = Reading::Unknown(why()),
        Part::Membership => seen.etcd.membership = Reading::Unknown(why()),
        Part::Alarms => seen.etcd.alarms = Reading::Unknown(why()),
        Part::Status(ordinal) => {
            if let Some(status) = seen.etcd.statuses.get_mut(&Ordinal(ordinal)) {
                *status = Reading::Unknown(why());
            }
        }
        Part::Volumes => {
            if let Some(kube) = seen.kube.known_mut() {
                kube.released_volumes = Reading::Unknown(why());
                for volume in kube.claims.values_mut().filter_map(|c| c.volume.as_mut()) {
                    *volume = Reading::Unknown(why());
                }
            }
        }
    }
}

/// An API server that is away takes the port-forwards with it.
fn hide_all(seen: &mut Observation) {
    hide(seen, Part::Kubernetes);
    hide(seen, Part::Membership);
    hide(seen, Part::Alarms);
    for status in seen.etcd.statuses.values_mut() {
        *status = Reading::Unknown(DEADLINE.into());
    }
}

fn node_name(n: u32) -> String {
    format!("node-{n}")
}

pub(super) fn is_ready(kube: &Kube, node: &str) -> bool {
    let nodes = kube.nodes.known();
    nodes.is_none_or(|all| all.get(node).is_some_and(|n| n.ready))
}

/// The node of its volume, else its own, else the first one that has none of ours.
fn node_for(kube: &Kube, ordinal: Ordinal) -> Option<String> {
    let volume = kube
        .claims
        .get(&ordinal)
        .and_then(|c| c.volume.as_ref()?.known());
    if let Some(home) = volume.and_then(|v| v.node.clone()) {
        return is_ready(kube, &home).then_some(home);
    }
    let taken = |name: &String| kube.pods.values().any(|p| p.node.as_ref() == Some(name));
    let order = std::iter::once(ordinal.0).chain((0..NODES).rev());
    let mut free = order
        .map(node_name)
        .filter(|n| is_ready(kube, n) && !taken(n));
    free.next()
}

pub(super) fn template_image(kube: &Kube) -> Option<String> {
    let set = kube.objects.get(&ObjectKind::StatefulSet)?;
    let image = set
        .content
        .pointer("/spec/template/spec/containers/0/image")?;
    image.as_str().map(str::to_owned)
}

fn is_crash_loop(pod: &Pod) -> bool {
    let why = pod.waiting.as_deref().unwrap_or_default();
    why.starts_with("CrashLoopBackOff")
}

impl Stage {
    /// Something lasting keeps a pod from running.
    pub(super) fn hinders_any(&self) -> bool {
        let kube = self.kube();
        let held = |o: &Ordinal| self.hinders(kube, *o).is_some();
        kube.pods.iter().any(|(o, pod)| pod.deleting || held(o))
    }

    /// Nothing is hidden from a look, and nothing will turn out otherwise than it looks.
    pub(super) fn shows_all(&self) -> bool {
        let kube = self.kube();
        let seen = self.blind.is_empty() && !self.is_away() && self.has_quorum();
        let waits = kube.pods.values().any(|pod| pod.waiting.is_some());
        let rationed = kube.quotas.known().is_none_or(|quotas| !quotas.is_empty());
        let troubled = self.learners_stall || rationed || !self.trouble.is_empty();
        seen && self.late.is_empty() && !waits && !troubled && !self.hinders_any()
    }

    /// Voters, and those of them that could come up with their data.
    pub(super) fn could_vote(&self) -> (usize, usize) {
        let kube = self.kube();
        let can_run = |ordinal: Ordinal| {
            let pod = kube.pods.get(&ordinal);
            pod.is_none_or(|p| !p.deleting) && self.hinders(kube, ordinal).is_none()
        };
        self.data.intact(&self.truth, &self.rendered, can_run)
    }
}

impl model::Hinders for Stage {
    fn pod(&self, kube: &Kube, ordinal: Ordinal) -> Option<String> {
        self.hinders(kube, ordinal)
    }

    fn has_room(&self, _: &Claim) -> Option<bool> {
        Some(!self.trouble.contains(&Trouble::Exhausted))
    }

    fn is_stunted(&self, _: &Claim) -> bool {
        self.trouble.contains(&Trouble::Stunted)
    }

    fn modification(&self, claim: &Claim) -> Option<ModificationState> {
        if claim.attributes.asked.as_deref() == Some(Tier::Unreal.name()) {
            return Some(ModificationState::Infeasible);
        }
        let hangs = self.trouble.contains(&Trouble::Rigid);
        hangs.then_some(ModificationState::InProgress)
    }

    fn reclaim_policy(&self, _: &Claim) -> &'static str {
        self.policy
    }
}
