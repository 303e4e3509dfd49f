//! Our Kubernetes objects: as Git wants them beside as they are.

use std::collections::BTreeMap;

use super::view::quorum;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::manifest::{self, Difference, LiveInputs, Object, member_file};
use crate::state::{Kube, MemberFile, ObjectKind};

/// Every object rendered against the live inputs, and how the live one differs.
pub struct Objects {
    desired: BTreeMap<ObjectKind, Object>,
    differences: BTreeMap<ObjectKind, Vec<Difference>>,
    /// The settings stamp of the desired template.
    pub stamp: String,
    settings_moved: bool,
}

impl Objects {
    pub(super) fn new(spec: &ClusterSpec, kube: &Kube, voters: Option<usize>) -> Self {
        let stamp = manifest::settings_stamp(spec);
        let settings_moved = kube
            .stateful_set
            .as_ref()
            .is_some_and(|s| s.stamp.as_ref() != Some(&stamp));
        let inputs = LiveInputs {
            member_files: member_files(spec, kube, voters.is_some(), settings_moved),
            replicas: replicas(spec, kube),
            min_available: min_available(spec, kube, voters),
        };
        let desired: BTreeMap<ObjectKind, Object> = ObjectKind::ALL
            .into_iter()
            .map(|kind| (kind, manifest::object(kind, spec, &inputs)))
            .collect();
        let differences = desired
            .iter()
            .filter_map(|(kind, object)| {
                let live = kube.objects.get(kind)?;
                Some((*kind, manifest::differences(&object.body, &live.content)))
            })
            .collect();
        Self {
            desired,
            differences,
            stamp,
            settings_moved,
        }
    }

    pub fn desired(&self, kind: ObjectKind) -> &Object {
        &self.desired[&kind]
    }

    /// Git moved a setting that takes a restart.
    pub const fn settings_moved(&self) -> bool {
        self.settings_moved
    }

    /// Differences that an update mends without a restart. None of a StatefulSet that also differs where it cannot be
    /// changed in place: the server would refuse the whole of it, or take settings along.
    pub fn mendable(&self, kind: ObjectKind) -> &[Difference] {
        if kind == ObjectKind::StatefulSet && self.is_held_back() {
            return &[];
        }
        self.differences(kind)
    }

    /// Differences of the StatefulSet that no update in place can bring about yet.
    pub fn not_yet_possible(&self) -> Vec<&Difference> {
        self.differences(ObjectKind::StatefulSet)
            .iter()
            .filter(|d| !d.pointer.starts_with("/metadata/"))
            .filter(|d| self.settings_moved || !is_mutable(&d.pointer))
            .collect()
    }

    fn is_held_back(&self) -> bool {
        let set = self.differences(ObjectKind::StatefulSet);
        self.settings_moved || set.iter().any(|d| !is_mutable(&d.pointer))
    }

    fn differences(&self, kind: ObjectKind) -> &[Difference] {
        self.differences.get(&kind).map_or(&[], Vec::as_slice)
    }
}

/// Fields of a StatefulSet that the API server lets change and that restart nothing under `OnDelete`.
fn is_mutable(pointer: &str) -> bool {
    [
        "/metadata/",
        "/spec/template/",
        "/spec/updateStrategy",
        "/spec/persistentVolumeClaimRetentionPolicy",
    ]
    .iter()
    .any(|prefix| pointer.starts_with(prefix))
}

/// As many as run, and before the birth as many as the bootstrap files name: growing and shrinking have steps of
/// their own.
fn replicas(spec: &ClusterSpec, kube: &Kube) -> u32 {
    let born_with = u32::try_from(kube.member_files.len()).unwrap_or(spec.members);
    match &kube.stateful_set {
        Some(set) => set.replicas,
        None if born_with > 0 => born_with,
        None => spec.members,
    }
}

/// `max(q(live voters), q(target))`, 0 where one member would only block (2.8 #6). Without a list it is never lowered.
fn min_available(spec: &ClusterSpec, kube: &Kube, voters: Option<usize>) -> u32 {
    let wanted = usize::try_from(spec.members).unwrap_or(usize::MAX);
    // Without a list every seat that may hold a voter counts as one.
    let unknown = || (replicas(spec, kube) as usize).max(kube.claims.len());
    let largest = voters.unwrap_or_else(unknown).max(wanted);
    let floor = if largest > 1 { quorum(largest) } else { 0 };
    let floor = u32::try_from(floor).unwrap_or(u32::MAX);
    let live = kube
        .objects
        .get(&ObjectKind::PodDisruptionBudget)
        .and_then(|o| o.content.pointer("/spec/minAvailable")?.as_u64())
        .and_then(|n| u32::try_from(n).ok());
    match (voters, live) {
        (None, Some(live)) => floor.max(live),
        _ => floor,
    }
}

fn member_files(
    spec: &ClusterSpec,
    kube: &Kube,
    has_list: bool,
    settings_moved: bool,
) -> BTreeMap<Ordinal, String> {
    let unborn = !has_list && kube.ledger.as_ref().is_none_or(|l| l.cluster_id.is_none());
    if unborn && kube.stateful_set.is_none() {
        let token = kube
            .objects
            .get(&ObjectKind::PeerService)
            .map_or(String::new(), |o| o.uid.to_string());
        return spec
            .target()
            .map(|o| (o, member_file::bootstrap(spec, o, &token)))
            .collect();
    }
    if kube.member_files.is_empty() {
        // Lost while the cluster lives: poison is right for every member that has started, and one that has not gets
        // its list right before its pod is made.
        let seats = spec.target().chain(kube.pods.keys().copied());
        return seats.map(|o| (o, member_file::poisoned(spec, o))).collect();
    }
    kube.member_files
        .iter()
        .map(|(ordinal, live)| match MemberFile::parse(live) {
            Ok(life) if !settings_moved => (
                *ordinal,
                life.rewrite(&member_file::poisoned(spec, *ordinal)),
            ),
            _ => (*ordinal, live.clone()),
        })
        .collect()
}
