//! What happens to a cluster or to a run.

use std::collections::BTreeSet;

use reconcile::fleet::Ordinal;
use reconcile::state::{
    FieldManager, Kube, MemberFile, MemberId, ObjectKind, Observation, Reading,
};
use serde_json::json;

use super::World;

/// Something that happens to a cluster or to a run. Numbers pick one of those there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// The run is dropped; the next one starts without its evidence.
    Killed,
    /// Git asks for another size.
    Git(u32),
    PodLost(u32),
    /// A pod cannot start or start again: image, node, quota.
    Stuck(u32),
    Unstuck,
    LeaderMoves(u32),
    LabelTakenOff(u32),
    ObjectDeleted(ObjectKind),
    ObjectEdited(ObjectKind),
    /// Someone sets `replicas`.
    Scaled(u32),
    /// Someone deletes a claim: its data is gone when its pod restarts.
    ClaimDeleted(u32),
    /// Part of the world cannot be read.
    Blind(Part),
    Sight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    Kubernetes,
    Membership,
    Status(u32),
    Volumes,
    Alarms,
}

impl Event {
    /// Leaves the cluster in a state that only a person can mend, as far as the procedures of today go.
    pub(crate) fn lasts(self) -> bool {
        matches!(
            self,
            Self::Scaled(_) | Self::ClaimDeleted(_) | Self::ObjectDeleted(ObjectKind::StatefulSet)
        )
    }
}

impl World {
    pub(crate) fn happen(&mut self, event: Event) {
        self.story.push(format!("-- {event:?}"));
        let before = self.truth.clone();
        match event {
            Event::Killed => self.forget(),
            Event::Git(members) => {
                self.spec.members = members;
                self.forget();
            }
            Event::PodLost(nth) => {
                if let Some(ordinal) = pick(self.kube_ref().pods.keys(), nth) {
                    self.kube().pods.remove(&ordinal);
                    self.truth.etcd.statuses.remove(&ordinal);
                    self.pass();
                }
            }
            Event::Stuck(nth) => {
                if let Some(ordinal) = pick(self.kube_ref().pods.keys(), nth) {
                    self.truth.etcd.statuses.remove(&ordinal);
                    if let Some(pod) = self.kube().pods.get_mut(&ordinal) {
                        pod.waiting = Some("ImagePullBackOff: no such image".into());
                        pod.ready = false;
                    }
                    self.pass();
                }
            }
            Event::Unstuck => {
                for pod in self.kube().pods.values_mut() {
                    pod.waiting = None;
                }
                self.pass();
            }
            Event::LeaderMoves(nth) => self.move_leader(nth),
            Event::LabelTakenOff(nth) => {
                if let Some(ordinal) = pick(self.kube_ref().pods.keys(), nth)
                    && let Some(pod) = self.kube().pods.get_mut(&ordinal)
                {
                    pod.serving_label = false;
                }
            }
            Event::ObjectDeleted(kind) => self.delete_object(kind),
            Event::ObjectEdited(kind) => self.edit_object(kind),
            Event::Scaled(replicas) => {
                self.set_replicas(replicas);
                self.pass();
            }
            Event::ClaimDeleted(nth) => {
                if let Some(ordinal) = pick(self.kube_ref().claims.keys(), nth)
                    && let Some(claim) = self.kube().claims.get_mut(&ordinal)
                {
                    claim.deleting = true;
                }
            }
            Event::Blind(part) => {
                self.blind.insert(part);
            }
            Event::Sight => self.blind.clear(),
        }
        self.seen.clear();
        self.check_passage(&before);
    }

    fn move_leader(&mut self, nth: u32) {
        let list = self.truth.etcd.membership.known();
        let voters: Vec<MemberId> = list
            .iter()
            .flat_map(|m| &m.members)
            .filter(|m| !m.learner && self.runs(m.id))
            .map(|m| m.id)
            .collect();
        if let Some(to) = pick(voters.iter(), nth)
            && self.has_quorum()
        {
            for status in self
                .truth
                .etcd
                .statuses
                .values_mut()
                .filter_map(Reading::known_mut)
            {
                status.leader = Some(to);
                status.term += 1;
            }
        }
    }

    fn set_replicas(&mut self, replicas: u32) {
        let kube = self.kube();
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
        let kube = self.kube();
        kube.objects.remove(&kind);
        match kind {
            ObjectKind::ConfigMap => kube.member_files.clear(),
            // Orphaned: its pods and claims stay.
            ObjectKind::StatefulSet => kube.stateful_set = None,
            _ => {}
        }
    }

    fn edit_object(&mut self, kind: ObjectKind) {
        let kube = self.kube();
        let Some(live) = kube.objects.get_mut(&kind) else {
            return;
        };
        let (pointer, value) = match kind {
            ObjectKind::PodDisruptionBudget => ("/spec/minAvailable", json!(1)),
            ObjectKind::StatefulSet => ("/spec/updateStrategy/type", json!("RollingUpdate")),
            ObjectKind::PeerService => ("/spec/publishNotReadyAddresses", json!(false)),
            ObjectKind::ConfigMap => {
                rearm(kube);
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
fn rearm(kube: &mut Kube) {
    let files: Vec<(Ordinal, MemberFile)> = kube
        .member_files
        .iter()
        .filter_map(|(o, file)| Some((*o, file.life()?.clone())))
        .collect();
    let all: Vec<String> = files
        .iter()
        .flat_map(|(_, f)| {
            f.initial_cluster()
                .split(',')
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let life = MemberFile::Join {
        initial_cluster: all.join(","),
    };
    for (ordinal, _) in files {
        let text = life.rewrite(&kube.member_files[&ordinal]);
        let key = format!("orders-{ordinal}.yaml");
        if let Some(map) = kube.objects.get_mut(&ObjectKind::ConfigMap) {
            map.content["data"][&key] = json!(text);
        }
        kube.member_files.insert(ordinal, text.into());
    }
}

/// Takes a part of what is from what is seen.
pub(super) fn hide(seen: &mut Observation, part: Part) {
    let why = || "deadline exceeded".to_owned();
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

fn pick<'a, T: Copy + 'a>(items: impl Iterator<Item = &'a T>, nth: u32) -> Option<T> {
    let items: Vec<T> = items.copied().collect();
    let at = (nth as usize).checked_rem(items.len())?;
    Some(items[at])
}
