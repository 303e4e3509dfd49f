//! Our Kubernetes objects: as Git wants them beside as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::view::{View, quorum};
use crate::fleet::pointer::unescaped;
use crate::fleet::{ClusterSpec, EtcdVersion, Ordinal};
use crate::manifest::{self, CONTENT_ANNOTATION, Difference, LiveInputs, Object, member_file};
use crate::state::{
    Content, Flat, Kube, Member, MemberConfig, Membership, ObjectKey, ObjectKind, Observation,
};

/// What every object is rendered from, and how the live one differs.
pub struct Objects {
    inputs: Rc<LiveInputs>,
    /// What is not so in the live ones.
    moved: BTreeMap<ObjectKind, Rc<[Difference]>>,
    /// The settings stamp of the desired template.
    pub stamp: String,
    /// Why files and template do not follow Git.
    pub held: Option<Held>,
    settings_moved: bool,
}

/// A change that would be made by whatever pod happens to restart first, and is no procedure yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    MinorUpgrade(EtcdVersion),
    MinorDowngrade(EtcdVersion),
    TlsSwitch(&'static str),
}

impl Objects {
    pub(super) fn new(spec: &ClusterSpec, observed: &Observation, kube: &Kube) -> Self {
        let _unchanged = manifest::Unchanged::new(spec);
        let stamp = manifest::settings_stamp(spec);
        let settings_moved = kube
            .stateful_set
            .as_ref()
            .is_some_and(|s| s.stamp.as_ref() != Some(&stamp));
        let list = observed.etcd.membership.known();
        let seated = list.map(|m| seated(spec, m));
        let started = seated.as_ref().map(|seated| {
            let started = seated.iter().filter(|(_, m)| m.has_started());
            started.map(|(ordinal, _)| *ordinal).collect()
        });
        let noted = kube.ledger.as_ref().is_some_and(|l| l.cluster_id.is_some());
        // A set that is gone would be made again with whatever Git says.
        let moved = settings_moved || kube.stateful_set.is_none();
        let moved = moved && (list.is_some() || noted);
        let held = moved.then(|| held(spec, observed, kube)).flatten();
        let voters = list.map(|m| m.members.iter().filter(|m| !m.learner).count());
        let inputs = Rc::new(LiveInputs {
            member_files: member_files(spec, kube, started.as_ref(), held.is_some()),
            replicas: replicas(spec, kube, seated.as_deref().unwrap_or_default()),
            min_available: min_available(spec, kube, voters),
        });
        let moved = kube.objects.iter().map(|(kind, live)| {
            let moved = manifest::moved(*kind, spec, &inputs, &live.content);
            (*kind, moved)
        });
        Self {
            moved: moved.collect(),
            inputs,
            stamp,
            held,
            settings_moved,
        }
    }

    /// Of an object that is not there: none.
    fn differences(&self, kind: ObjectKind) -> &[Difference] {
        self.moved.get(&kind).map_or(&[], |moved| moved)
    }

    /// Git moved a setting that takes a restart, and the template has not followed yet.
    pub const fn settings_moved(&self) -> bool {
        self.settings_moved
    }

    /// The object would be rendered otherwise than it was when it was last applied; what follows the cluster is not in
    /// that stamp.
    pub fn git_moved(&self, kind: ObjectKind) -> bool {
        let mut all = self.differences(kind).iter();
        all.any(|d| is_content(&d.pointer))
    }

    /// Differences that an update mends without a restart: under `OnDelete` a template is only read when a pod is made.
    pub fn mendable(&self, kind: ObjectKind) -> Vec<&Difference> {
        let all = self.differences(kind);
        let set = kind == ObjectKind::StatefulSet;
        // The stamp of the whole follows when the whole does.
        let whole = !set || all.iter().all(|d| is_mutable(&d.pointer));
        let may_follow = |d: &&Difference| {
            let mutable = is_mutable(&d.pointer) && (whole || !is_content(&d.pointer));
            !set || (self.held.is_none() && mutable)
        };
        all.iter().filter(may_follow).collect()
    }

    /// Differences of the StatefulSet that nothing brings about while members run.
    pub fn not_yet_possible(&self) -> Vec<&Difference> {
        let all = self.immutable().into_iter();
        all.filter(|d| !CLAIM_TEMPLATE.contains(&d.pointer.as_str()))
            .collect()
    }

    /// Differences of the StatefulSet that no update in place can bring about.
    pub fn immutable(&self) -> Vec<&Difference> {
        let all = self.differences(ObjectKind::StatefulSet).iter();
        let held = self.held.is_some();
        all.filter(|d| !d.pointer.starts_with("/metadata/"))
            .filter(|d| held || !is_mutable(&d.pointer))
            .collect()
    }

    /// How the claim template differs from Git in what a StatefulSet that is made again may change.
    pub fn claim_template_moved(&self) -> Vec<&Difference> {
        let all = self.differences(ObjectKind::StatefulSet).iter();
        all.filter(|d| CLAIM_TEMPLATE.contains(&d.pointer.as_str()))
            .collect()
    }
}

impl View<'_> {
    /// An object as it shall be, as far as the server lets it be so.
    pub fn desired(&self, kind: ObjectKind) -> Object {
        let mut object = manifest::object(kind, self.spec, &self.objects.inputs);
        let differs = !self.objects.differences(kind).is_empty();
        if let Some(live) = self.kube.objects.get(&kind)
            && kind == ObjectKind::StatefulSet
            && differs
        {
            keep_immutable(&mut object.body, &live.content);
        }
        object
    }

    /// Its kind and name.
    pub fn object_key(&self, kind: ObjectKind) -> ObjectKey {
        manifest::key(kind, self.spec)
    }
}

/// Class, attributes and size of the claims that are made, and whose they are. Their names and number must stay: pods that
/// are adopted would never be made again (kubernetes/kubernetes#141876).
const CLAIM_TEMPLATE: [&str; 5] = [
    "/spec/volumeClaimTemplates/0/metadata/labels/reconcile~1fleet",
    "/spec/volumeClaimTemplates/0/metadata/labels/reconcile~1context",
    "/spec/volumeClaimTemplates/0/spec/storageClassName",
    "/spec/volumeClaimTemplates/0/spec/volumeAttributesClassName",
    "/spec/volumeClaimTemplates/0/spec/resources/requests/storage",
];

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

fn is_content(pointer: &str) -> bool {
    let annotation = pointer.strip_prefix("/metadata/annotations/");
    annotation.is_some_and(|name| unescaped(name) == CONTENT_ANNOTATION)
}

/// The server refuses an update that touches one of these, and with it the fix of a template.
fn keep_immutable(body: &mut Content, live: &Content) {
    let (nothing, mut kept) = (Flat::default(), false);
    for field in [
        "volumeClaimTemplates",
        "serviceName",
        "selector",
        "podManagementPolicy",
    ] {
        let place = ["spec", field];
        if let Some(value) = live.spot().at(&place) {
            let ours = body.spot().at(&place).unwrap_or(nothing.root());
            kept |= !manifest::differences(ours, value).is_empty();
            body.put(&place, &value);
        }
    }
    let place = ["metadata", "annotations", CONTENT_ANNOTATION];
    if let Some(content) = live.spot().at(&place).filter(|_| kept) {
        body.put(&place, &content);
    }
}

/// The members that have a seat, by each of their URLs.
fn seated<'m>(spec: &ClusterSpec, list: &'m Membership) -> Vec<(Ordinal, &'m Member)> {
    let urls = list.members.iter();
    let urls = urls.flat_map(|m| m.peer_urls.iter().map(move |url| (url, m)));
    urls.filter_map(|(url, member)| Some((spec.ordinal_of_peer_url(url)?, member)))
        .collect()
}

fn held(spec: &ClusterSpec, observed: &Observation, kube: &Kube) -> Option<Held> {
    let hop = |running: &EtcdVersion| !running.same_minor(spec.version);
    if let Some(running) = running_versions(observed, kube).into_iter().find(hop) {
        return Some(if running < spec.version {
            Held::MinorUpgrade(running)
        } else {
            Held::MinorDowngrade(running)
        });
    }
    let (ordinal, live) = kube.member_files.iter().next()?;
    let wanted = member_file::poisoned(spec, *ordinal);
    let secure = |text: &str, key: &str| {
        let urls = text.lines().find(|l| l.starts_with(key))?;
        Some(urls.contains("https://"))
    };
    let switched = |key: &&str| {
        let live = secure(live, key);
        live.is_some() && live != secure(&wanted, key)
    };
    let listeners = ["listen-client-urls", "listen-peer-urls"];
    listeners.into_iter().find(switched).map(Held::TlsSwitch)
}

/// What the members say that they are; where none answers, what the template's image is called.
fn running_versions(observed: &Observation, kube: &Kube) -> Vec<EtcdVersion> {
    let answers = observed.etcd.statuses.values().filter_map(|s| s.known());
    let said: Vec<EtcdVersion> = answers.filter_map(|s| s.version.parse().ok()).collect();
    if !said.is_empty() {
        return said;
    }
    let noted = kube.ledger.as_ref().and_then(|l| l.version.as_ref());
    if let Some(noted) = noted.and_then(|v| v.parse().ok()) {
        return vec![noted];
    }
    let set = kube.objects.get(&ObjectKind::StatefulSet);
    let image = set.and_then(|s| {
        let set = s.content.spot();
        set.pointer("/spec/template/spec/containers/0/image")?
            .as_str()
    });
    let tag = image.and_then(|i| Some(i.rsplit_once(':')?.1.trim_start_matches('v')));
    tag.and_then(|t| t.parse().ok()).into_iter().collect()
}

/// As many as run, and before the birth as many as the bootstrap files name: growing and shrinking have steps of
/// their own. Where the set is gone, over every ordinal that holds a member, a pod or a claim: one less and the set
/// deletes what it adopts (2.8 #1).
fn replicas(spec: &ClusterSpec, kube: &Kube, listed: &[(Ordinal, &Member)]) -> u32 {
    if let Some(set) = &kube.stateful_set {
        return set.replicas;
    }
    let in_use = kube.claims.keys().chain(kube.pods.keys());
    let top = in_use
        .chain(listed.iter().map(|(ordinal, _)| ordinal))
        .max();
    let born_with = u32::try_from(kube.member_files.len()).unwrap_or(spec.members);
    match top {
        Some(top) => top.0 + 1,
        None if born_with > 0 => born_with,
        None => spec.members,
    }
}

/// `max(q(live voters), q(target))`, 0 where one member would only block (2.8 #6). Without a list what is there stays if
/// it is enough for the target: members that are silent for a moment are no fewer and no more.
fn min_available(spec: &ClusterSpec, kube: &Kube, voters: Option<usize>) -> u32 {
    let wanted = usize::try_from(spec.members).unwrap_or(usize::MAX);
    let enough = |voters: usize| {
        let largest = voters.max(wanted);
        let floor = if largest > 1 { quorum(largest) } else { 0 };
        u32::try_from(floor).unwrap_or(u32::MAX)
    };
    let live = kube
        .objects
        .get(&ObjectKind::PodDisruptionBudget)
        .and_then(|o| o.content.spot().at(&["spec", "minAvailable"])?.as_u64())
        .and_then(|n| u32::try_from(n).ok());
    match (voters, live) {
        (Some(voters), _) => enough(voters),
        (None, Some(live)) => live.max(enough(wanted)),
        // Every seat that may hold a voter counts as one.
        (None, None) => enough((replicas(spec, kube, &[]) as usize).max(kube.claims.len())),
    }
}

fn member_files(
    spec: &ClusterSpec,
    kube: &Kube,
    started: Option<&BTreeSet<Ordinal>>,
    held: bool,
) -> BTreeMap<Ordinal, MemberConfig> {
    let unborn = started.is_none() && kube.ledger.as_ref().is_none_or(|l| l.cluster_id.is_none());
    if unborn && kube.stateful_set.is_none() {
        let token = kube
            .objects
            .get(&ObjectKind::PeerService)
            .map_or(String::new(), |o| o.uid.to_string());
        return spec
            .target()
            .map(|o| (o, member_file::bootstrap(spec, o, &token).into()))
            .collect();
    }
    // A file that is lost or cannot be read is made again poisoned: right for every member that has started, and one
    // that has not gets its list right before its pod is made.
    let lost = kube.member_files.is_empty();
    let in_use = kube.pods.keys().chain(kube.claims.keys()).copied();
    let seats = in_use.chain(spec.target());
    let all: BTreeSet<Ordinal> = kube
        .member_files
        .keys()
        .chain(started.into_iter().flatten())
        .copied()
        .chain(seats.filter(|_| lost))
        .collect();
    all.into_iter()
        .map(|ordinal| {
            let live = kube.member_files.get(&ordinal);
            let kept = live.and_then(|live| match live.life() {
                Some(_) if held => Some(live.clone()),
                _ => member_file::brought_up(spec, ordinal, live),
            });
            let made = || member_file::poisoned(spec, ordinal).into();
            (ordinal, kept.unwrap_or_else(made))
        })
        .collect()
}
