//! What an event does to the world.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde_json::json;

use super::event::Event;
use super::stage::Stage;
use super::volumes::Trouble;
use crate::fleet::{Ordinal, Quantity};
use crate::state::{
    Claim, ClaimPhase, Contents, FieldManager, Kube, Limit, Member, MemberConfig, MemberFile,
    MemberId, ObjectKind, Quota, Reading,
};

const SECOND: SignedDuration = SignedDuration::from_secs(1);

impl Stage {
    /// Events about the run, Git and the wire are the play's own.
    pub(super) fn strike(&mut self, event: Event) {
        match event {
            Event::Exhausted => self.suffer(Trouble::Exhausted),
            Event::RoomAgain => self.recover(&[Trouble::Exhausted]),
            Event::Rationed(more) => self.ration(more),
            Event::RationLifted => self.kube_mut().quotas = Reading::Known(Vec::new()),
            Event::Stunted => self.suffer(Trouble::Stunted),
            Event::GrowsAgain => self.recover(&[Trouble::Stunted]),
            Event::Rigid => self.suffer(Trouble::Rigid),
            Event::PliantAgain => self.recover(&[Trouble::Rigid]),
            Event::StoreFull => self.suffer(Trouble::StoreFull),
            Event::StoreAway => self.suffer(Trouble::StoreAway),
            Event::StoreBack => self.recover(&[Trouble::StoreFull, Trouble::StoreAway]),
            Event::PodLost(nth) => self.lose_pod(nth),
            Event::Evicted(nth) => {
                let pod = pick(self.kube().pods.keys(), nth);
                if pod.is_some_and(|ordinal| self.budget_allows(ordinal)) {
                    self.lose_pod(nth);
                }
            }
            Event::Stuck(nth) => {
                let pod = pick(self.kube().pods.keys(), nth);
                self.stuck.insert(pod.unwrap_or(Ordinal(nth)));
                self.pass(SECOND);
            }
            Event::Unstuck => {
                self.stuck.clear();
                self.pass(SECOND);
            }
            Event::NodeLost(nth) => self.lose_node(nth),
            Event::NodesGone => self.delete_nodes(),
            Event::NodesBack => self.bring_nodes_back(),
            Event::DiskDead(nth) => self.on_claim(nth, |claim| {
                claim.phase = ClaimPhase::Lost;
                claim.volume = None;
                claim.contents = Some(Contents::Empty);
            }),
            Event::Wiped(nth) => self.on_claim(nth, |claim| claim.contents = Some(Contents::Empty)),
            Event::ClaimDeleted(nth) => self.delete_claim(nth),
            Event::LeaderMoves(nth) => self.move_leader(nth),
            Event::LabelTakenOff(nth) => self.take_label_off(nth),
            Event::ObjectDeleted(kind) => self.delete_object(kind),
            Event::ObjectEdited(kind) => self.edit_object(kind),
            Event::Scaled(replicas) => {
                self.set_replicas(replicas);
                self.pass(SECOND);
            }
            Event::StrangerJoins => self.let_stranger_in(),
            Event::LearnersStall => self.learners_stall = true,
            Event::ApiAway(seconds) => {
                let span = SignedDuration::from_secs(i64::from(seconds));
                self.away_until = self.truth.at.checked_add(span).ok();
            }
            Event::Blind(part) => {
                self.blind.insert(part);
            }
            Event::Sight => self.blind.clear(),
            Event::Passes(seconds) => self.pass(SignedDuration::from_secs(i64::from(seconds))),
            Event::Killed
            | Event::Frozen { .. }
            | Event::TimesOut { .. }
            | Event::Size(_)
            | Event::Quota(_)
            | Event::Class(_)
            | Event::VolumeSize(_)
            | Event::Tier(_)
            | Event::Way(_)
            | Event::Image(_) => {}
        }
    }

    fn delete_claim(&mut self, nth: u32) {
        if let Some(ordinal) = pick(self.kube().claims.keys(), nth)
            && let Some(claim) = self.kube_mut().claims.get_mut(&ordinal)
        {
            claim.deleting = true;
        }
    }

    fn take_label_off(&mut self, nth: u32) {
        if let Some(ordinal) = pick(self.kube().pods.keys(), nth)
            && let Some(pod) = self.kube_mut().pods.get_mut(&ordinal)
        {
            pod.serving_label = false;
            self.pass(SECOND);
        }
    }

    fn ration(&mut self, more: u32) {
        let used = self.kube().claims.len() as u128;
        let count = |n: u128| Quantity::of_milli(n * 1000);
        let limit = Limit {
            hard: count(used + u128::from(more)),
            used: count(used),
        };
        self.kube_mut().quotas = Reading::Known(vec![Quota {
            name: "rehearsed".into(),
            limits: [("persistentvolumeclaims".to_owned(), limit)].into(),
        }]);
    }

    fn suffer(&mut self, trouble: Trouble) {
        self.trouble.insert(trouble);
    }

    fn recover(&mut self, from: &[Trouble]) {
        self.trouble.retain(|t| !from.contains(t));
    }

    fn lose_pod(&mut self, nth: u32) {
        if let Some(ordinal) = pick(self.kube().pods.keys(), nth) {
            self.kube_mut().pods.remove(&ordinal);
            self.truth.etcd.statuses.remove(&ordinal);
            self.pass(SECOND);
        }
    }

    /// Its process ends; what the claim is afterwards is up to `change`.
    fn on_claim(&mut self, nth: u32, change: fn(&mut Claim)) {
        if let Some(ordinal) = pick(self.kube().claims.keys(), nth)
            && let Some(claim) = self.kube_mut().claims.get_mut(&ordinal)
        {
            change(claim);
            let uid = claim.uid.clone();
            self.data.wipe(&uid);
            self.truth.etcd.statuses.remove(&ordinal);
            self.pass(SECOND);
        }
    }

    fn lose_node(&mut self, nth: u32) {
        let now = self.truth.at;
        let pod = pick(self.kube().pods.keys(), nth);
        let node = pod.and_then(|o| self.kube().pods.get(&o)?.node.clone());
        let Some(node) = node else { return };
        let kube = self.kube_mut();
        if let Some(lost) = kube.nodes.known_mut().and_then(|all| all.get_mut(&node)) {
            lost.ready = false;
            lost.since = Some(now);
        }
        let on_it = |pod: &crate::state::Pod| pod.node.as_ref() == Some(&node);
        let lost: Vec<Ordinal> = {
            let pods = kube.pods.iter().filter(|(_, pod)| on_it(pod));
            pods.map(|(o, _)| *o).collect()
        };
        for ordinal in lost {
            if let Some(pod) = self.kube_mut().pods.get_mut(&ordinal) {
                pod.deleting = true;
                pod.ready = false;
            }
            self.truth.etcd.statuses.remove(&ordinal);
        }
        self.pass(SECOND);
    }

    /// Pods on nodes that are not there any more are collected.
    fn delete_nodes(&mut self) {
        let lost = self.lost_nodes();
        let kube = self.kube_mut();
        if let Some(nodes) = kube.nodes.known_mut() {
            nodes.retain(|name, _| !lost.contains(name));
        }
        let gone = |node: &Option<String>| node.as_ref().is_some_and(|n| lost.contains(n));
        kube.pods.retain(|_, pod| !gone(&pod.node));
        self.pass(SECOND);
    }

    /// The kubelet ends what was to be ended.
    fn bring_nodes_back(&mut self) {
        let lost = self.lost_nodes();
        let kube = self.kube_mut();
        for node in kube
            .nodes
            .known_mut()
            .into_iter()
            .flat_map(|all| all.values_mut())
        {
            node.ready = true;
        }
        let back = |node: &Option<String>| node.as_ref().is_some_and(|n| lost.contains(n));
        kube.pods
            .retain(|_, pod| !(pod.deleting && back(&pod.node)));
        self.pass(SECOND);
    }

    fn lost_nodes(&self) -> BTreeSet<String> {
        let nodes = self.kube().nodes.known();
        let all = nodes.into_iter().flatten();
        all.filter(|(_, n)| !n.ready)
            .map(|(name, _)| name.clone())
            .collect()
    }

    fn move_leader(&mut self, nth: u32) {
        let list = self.truth.etcd.membership.known();
        let members = list.iter().flat_map(|m| &m.members);
        let voters: Vec<MemberId> = members
            .filter(|m| !m.learner && self.runs(m.id))
            .map(|m| m.id)
            .collect();
        let to = (nth as usize)
            .checked_rem(voters.len())
            .map(|at| voters[at]);
        if let Some(to) = to.filter(|_| self.has_quorum()) {
            for status in self.statuses_mut() {
                status.leader = Some(to);
                status.term += 1;
            }
        }
    }

    fn let_stranger_in(&mut self) {
        let stranger = Member {
            id: MemberId(0xbeef),
            name: "stranger".into(),
            peer_urls: vec!["http://stranger.example:2380".into()],
            client_urls: vec!["http://stranger.example:2379".into()],
            learner: false,
        };
        if let Some(list) = self.truth.etcd.membership.known_mut() {
            list.members.push(stranger);
        }
    }

    fn set_replicas(&mut self, replicas: u32) {
        let kube = self.kube_mut();
        if let Some(set) = &mut kube.stateful_set {
            set.replicas = replicas;
            set.generation += 1;
            set.observed_generation = set.generation;
            set.resource_version = set.generation.to_string();
        }
        if let Some(object) = kube.objects.get_mut(&ObjectKind::StatefulSet) {
            object.content["spec"]["replicas"] = json!(replicas);
        }
    }

    fn delete_object(&mut self, kind: ObjectKind) {
        let kube = self.kube_mut();
        kube.objects.remove(&kind);
        match kind {
            ObjectKind::ConfigMap => kube.member_files.clear(),
            ObjectKind::StatefulSet => kube.stateful_set = None,
            _ => {}
        }
    }

    fn edit_object(&mut self, kind: ObjectKind) {
        let name = self.rendered.name.clone();
        let kube = self.kube_mut();
        let Some(live) = kube.objects.get_mut(&kind) else {
            return;
        };
        let (pointer, value) = match kind {
            ObjectKind::PodDisruptionBudget => ("/spec/minAvailable", json!(1)),
            ObjectKind::StatefulSet => ("/spec/updateStrategy/type", json!("RollingUpdate")),
            ObjectKind::PeerService => ("/spec/publishNotReadyAddresses", json!(false)),
            ObjectKind::ConfigMap => {
                rearm(kube, &name);
                return;
            }
            ObjectKind::ServiceAccount | ObjectKind::ClientService => (
                "/metadata/labels/app.kubernetes.io~1component",
                json!("edited"),
            ),
        };
        if let Some(field) = live.content.pointer_mut(pointer) {
            *field = value;
            live.managers = vec![FieldManager {
                name: "kubectl-edit".into(),
                time: None,
                fields: BTreeSet::from([pointer.to_owned()]),
            }];
        }
    }
}

/// Someone writes every member's list back into its file.
fn rearm(kube: &mut Kube, name: &str) {
    let read = |(o, file): (&Ordinal, &MemberConfig)| Some((*o, file.life()?.clone()));
    let files: Vec<(Ordinal, MemberFile)> = kube.member_files.iter().filter_map(read).collect();
    let pairs = files
        .iter()
        .flat_map(|(_, f)| f.initial_cluster().split(','));
    let all: BTreeSet<String> = pairs.map(str::to_owned).collect();
    let life = MemberFile::Join {
        initial_cluster: all.into_iter().collect::<Vec<_>>().join(","),
    };
    for (ordinal, _) in files {
        let text = life.rewrite(&kube.member_files[&ordinal]);
        let key = format!("{name}-{ordinal}.yaml");
        if let Some(map) = kube.objects.get_mut(&ObjectKind::ConfigMap) {
            map.content["data"][&key] = json!(text);
        }
        kube.member_files.insert(ordinal, text.into());
    }
}

/// This ordinal, or, counted round, one of those there are.
fn pick<'a>(items: impl Iterator<Item = &'a Ordinal>, nth: u32) -> Option<Ordinal> {
    let items: Vec<Ordinal> = items.copied().collect();
    if items.contains(&Ordinal(nth)) {
        return Some(Ordinal(nth));
    }
    let at = (nth as usize).checked_rem(items.len())?;
    Some(items[at])
}

impl Stage {
    /// Faults stop: what can come back does.
    pub(super) fn heal(&mut self) {
        self.blind.clear();
        self.stuck.clear();
        self.away_until = None;
        // A node that is not ready is gone after a quarter of an hour, and tries that failed count for a whole one.
        self.learners_stall = false;
        self.trouble.clear();
        self.strike(Event::RationLifted);
        self.pass(SignedDuration::from_mins(61));
        let known = self.kube().released_volumes.known().is_some();
        if !known {
            self.kube_mut().released_volumes = Reading::Known(Vec::new());
        }
        self.pass(SECOND);
    }
}
