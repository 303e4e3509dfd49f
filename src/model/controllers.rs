//! What comes about by itself: the StatefulSet controller, kubelet, the provisioner, endpoints.

use std::collections::BTreeMap;

use super::{Hinders, etcd, fresh_uid, offline, quota};
use crate::fleet::pointer::escaped;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{
    Attributes, AttributesClasses, Claim, ClaimPhase, Contents, Kube, MemberConfig, MemberFile,
    Modification, ModificationState, Node, ObjectKind, Observation, Obstacle, Pod, PodPhase,
    Reading, ReleasedVolume, SERVING_LABEL, Spot, StorageClass, Uid, Volume, writes_to,
};

pub(super) fn settle(observed: &mut Observation, spec: &ClusterSpec, hinders: &dyn Hinders) {
    if observed.kube.known().is_none() {
        return;
    }
    let before = quota::count(observed, spec);
    drop_objects(observed);
    stop_pods(observed);
    drop_claims(observed, spec);
    quota::recount(observed, spec, &before);
    make_classes(observed, spec);
    offline::drop_lent(observed, spec);
    offline::bind_lent(kube(observed), spec);
    bind_claims(kube(observed), hinders);
    make_pods(observed, spec, hinders);
    expand_claims(kube(observed), hinders);
    modify_claims(kube(observed), hinders);
    schedule(kube(observed));
    offline::copy(kube(observed));
    hold_back(observed, hinders);
    run_processes(observed, spec);
    etcd::elect(observed);
    etcd::connect(observed);
    publish_endpoints(observed);
    super::remember(observed);
}

fn kube(observed: &mut Observation) -> &mut Kube {
    observed
        .kube
        .known_mut()
        .expect("settle() returns early where Kubernetes is unknown")
}

/// Nothing in the model holds a finalizer.
fn drop_objects(observed: &mut Observation) {
    let kube = kube(observed);
    let gone: Vec<ObjectKind> = kube
        .objects
        .iter()
        .filter(|(_, o)| o.deleting)
        .map(|(kind, _)| *kind)
        .collect();
    for kind in gone {
        kube.objects.remove(&kind);
        match kind {
            ObjectKind::StatefulSet => kube.stateful_set = None,
            ObjectKind::ConfigMap => kube.member_files.clear(),
            _ => {}
        }
    }
}

fn replicas(kube: &Kube) -> u32 {
    kube.stateful_set.as_ref().map_or(0, |s| s.replicas)
}

fn stop_pods(observed: &mut Observation) {
    let kube = kube(observed);
    let Some(set) = &kube.stateful_set else {
        return;
    };
    let keep = set.replicas;
    // A pod on a node that is gone ends when somebody deletes it by force.
    let stays = |pod: &Pod| {
        pod.node
            .as_ref()
            .is_some_and(|n| is_node_gone(&kube.nodes, n))
    };
    kube.pods
        .retain(|ordinal, pod| stays(pod) || (ordinal.0 < keep && !pod.deleting));
    for (_, pod) in kube.pods.iter_mut().filter(|(o, _)| o.0 >= keep) {
        pod.deleting = true;
    }
    let pods: Vec<Ordinal> = kube.pods.keys().copied().collect();
    observed.etcd.statuses.retain(|o, _| pods.contains(o));
}

/// A claim goes once no pod mounts it; its volume stays if it is Retain.
fn drop_claims(observed: &mut Observation, spec: &ClusterSpec) {
    let now = observed.at;
    let kube = kube(observed);
    let gone: Vec<Ordinal> = kube
        .claims
        .iter()
        .filter(|(ordinal, claim)| {
            let copied_to = offline::is_written_to(kube, **ordinal);
            claim.deleting && !kube.pods.contains_key(ordinal) && !copied_to
        })
        .map(|(ordinal, _)| *ordinal)
        .collect();
    for ordinal in gone {
        let Some(claim) = kube.claims.remove(&ordinal) else {
            continue;
        };
        let kept = claim.volume.and_then(|v| v.known().cloned());
        if let (Some(v), Reading::Known(released)) = (kept, &mut kube.released_volumes)
            && v.reclaim_policy == "Retain"
        {
            released.push(ReleasedVolume {
                name: v.name,
                uid: v.uid,
                resource_version: String::new(),
                claim: spec.claim_name(ordinal),
                since: Some(now),
                etcd_cluster: v.etcd_cluster,
                contents: claim.contents,
            });
        }
    }
}

/// Every class that is named exists, but for one that is said not to.
fn make_classes(observed: &mut Observation, spec: &ClusterSpec) {
    let kube = kube(observed);
    let claims = kube.claims.values().filter_map(|c| c.class_name.clone());
    let named: Vec<String> = claims.chain(spec.storage.class_name.clone()).collect();
    if let Reading::Known(classes) = &mut kube.storage_classes {
        for name in named {
            classes.entry(name).or_insert_with(|| {
                Some(StorageClass {
                    provisioner: DRIVER.into(),
                    expands: true,
                    binds_at_once: false,
                })
            });
        }
    }
    let named = spec.storage.attributes_class_name.clone();
    if let (Some(name), Reading::Known(classes)) = (named, &mut kube.attributes_classes) {
        classes.entry(name).or_insert_with(|| Some(DRIVER.into()));
    }
}

/// Of every class that nobody has said anything else of.
const DRIVER: &str = "model";

/// The provisioner: a volume for every claim that waits for one of a class that is there and has one now.
fn bind_claims(kube: &mut Kube, hinders: &dyn Hinders) {
    let waits = |claim: &Claim| claim.phase == ClaimPhase::Pending && !claim.deleting;
    for (ordinal, claim) in &mut kube.claims {
        // A claim that a pod copies to is made with that pod.
        let pod = kube.copies.get(ordinal).and_then(|c| c.pod.as_ref());
        let is_new = pod.is_some_and(|pod| writes_to(pod, &claim.uid));
        let given = |claim: &Claim| hinders.has_room(claim).unwrap_or(is_new);
        let classes = (&kube.storage_classes, &kube.attributes_classes);
        if waits(claim) && given(claim) && !is_class_missing(classes, claim) {
            bind(claim, &kube.storage_classes, hinders);
        }
    }
}

type Classes = Reading<BTreeMap<String, Option<StorageClass>>>;

fn is_class_missing((classes, attributes): (&Classes, &AttributesClasses), claim: &Claim) -> bool {
    let name = claim.class_name.as_ref();
    let found = name.and_then(|name| classes.known()?.get(name));
    matches!(found, Some(None)) || is_attributes_missing(attributes, claim)
}

fn is_attributes_missing(classes: &AttributesClasses, claim: &Claim) -> bool {
    let name = claim.attributes.asked.as_ref();
    let found = name.and_then(|name| classes.known()?.get(name));
    matches!(found, Some(None))
}

fn bind(claim: &mut Claim, classes: &Classes, hinders: &dyn Hinders) {
    claim.phase = ClaimPhase::Bound;
    claim.attributes.current = claim.attributes.asked.clone();
    let name = claim.class_name.as_ref();
    let class = name.and_then(|name| classes.known()?.get(name)?.as_ref());
    let driver = class.map_or(DRIVER, |class| &class.provisioner).to_owned();
    claim.volume = Some(Reading::Known(Volume {
        name: super::volume_name(&claim.uid),
        uid: claim.uid.clone(),
        reclaim_policy: hinders.reclaim_policy(claim).into(),
        etcd_cluster: None,
        node: None,
        driver: Some(driver),
    }));
}

/// The resizer: what a claim asks for is had a moment later, while the member runs.
fn modify_claims(kube: &mut Kube, hinders: &dyn Hinders) {
    let classes = &kube.attributes_classes;
    for claim in kube.claims.values_mut() {
        let Some(asked) = claim.attributes.asked.clone() else {
            continue;
        };
        let has = &claim.attributes;
        let done = has.current.as_ref() == Some(&asked) && has.modification.is_none();
        if claim.phase != ClaimPhase::Bound || done {
            continue;
        }
        let state = if is_attributes_missing(classes, claim) {
            Some(ModificationState::Pending)
        } else {
            hinders.modification(claim)
        };
        claim.attributes.modification = state.map(|state| Modification {
            target: asked.clone(),
            state,
        });
        if state.is_none() {
            claim.attributes.current = Some(asked);
        }
    }
}

/// The resizer and the kubelet: what is asked for is given, while the member runs.
fn expand_claims(kube: &mut Kube, hinders: &dyn Hinders) {
    for claim in kube.claims.values_mut() {
        let stunted = claim.capacity.is_some() && hinders.is_stunted(claim);
        if claim.phase == ClaimPhase::Bound && !stunted {
            claim.capacity = Some(claim.request.clone());
        }
    }
}

/// The StatefulSet's event about a claim or a pod that it may not make.
fn refuse(observed: &mut Observation, ordinal: Ordinal, said: String) {
    let at = observed.at;
    let obstacle = Obstacle {
        said,
        at,
        refused: true,
    };
    kube(observed).obstacles.insert(ordinal, obstacle);
}

fn make_pods(observed: &mut Observation, spec: &ClusterSpec, hinders: &dyn Hinders) {
    for ordinal in (0..replicas(kube(observed))).map(Ordinal) {
        if !kube(observed).claims.contains_key(&ordinal) {
            let mut claim = new_claim(observed, spec);
            let before = quota::count(observed, spec);
            let kube = kube(observed);
            if let Some(said) = quota::refusal(kube, spec, Some(&claim)) {
                refuse(observed, ordinal, said);
                continue; // nor a pod: the StatefulSet makes its claims first
            }
            let none = hinders.has_room(&claim) == Some(false);
            let classes = (&kube.storage_classes, &kube.attributes_classes);
            if !none && !is_class_missing(classes, &claim) {
                bind(&mut claim, &kube.storage_classes, hinders);
            }
            kube.claims.insert(ordinal, claim);
            quota::recount(observed, spec, &before);
        }
        if !kube(observed).pods.contains_key(&ordinal) {
            if let Some(said) = quota::refusal(kube(observed), spec, None) {
                refuse(observed, ordinal, said);
                continue;
            }
            kube(observed).obstacles.remove(&ordinal);
            let before = quota::count(observed, spec);
            let uid = fresh_uid(observed);
            let kube = kube(observed);
            let stamp = kube.stateful_set.as_ref().and_then(|s| s.stamp.clone());
            let serving_label = template_serves(kube);
            let pod = new_pod(uid, stamp);
            kube.pods.insert(
                ordinal,
                Pod {
                    serving_label,
                    ..pod
                },
            );
            if let Reading::Known(nodes) = &mut kube.nodes {
                nodes
                    .entry(super::NODE.into())
                    .or_insert(super::model_node());
            }
            quota::recount(observed, spec, &before);
        }
    }
}

/// One that has just been made, on the one node there is.
pub(super) fn new_pod(uid: Uid, stamp: Option<String>) -> Pod {
    Pod {
        uid,
        phase: PodPhase::Running,
        ready: false,
        serving_label: false,
        deleting: false,
        node: Some(super::NODE.into()),
        ip: None,
        stamp,
        restarts: 0,
        waiting: None,
        last_words: None,
    }
}

/// A pod that something keeps from running says so, and its process does not answer.
fn hold_back(observed: &mut Observation, hinders: &dyn Hinders) {
    let kube = kube(observed);
    let ordinals: Vec<Ordinal> = kube.pods.keys().copied().collect();
    let held: Vec<(Ordinal, String)> = ordinals
        .into_iter()
        .filter_map(|o| Some((o, hinders.pod(kube, o)?)))
        .collect();
    for (ordinal, why) in held {
        if let Some(pod) = self::kube(observed).pods.get_mut(&ordinal) {
            pod.waiting = Some(why);
        }
        observed.etcd.statuses.remove(&ordinal);
    }
}

fn is_node_gone(nodes: &Reading<BTreeMap<String, Node>>, name: &str) -> bool {
    let known = nodes.known();
    known.is_some_and(|nodes| nodes.get(name).is_none_or(|node| !node.ready))
}

fn template_serves(kube: &Kube) -> bool {
    let pointer = format!("/spec/template/metadata/labels/{}", escaped(SERVING_LABEL));
    let set = kube.objects.get(&ObjectKind::StatefulSet);
    set.is_some_and(|s| s.content.spot().pointer(&pointer).is_some())
}

fn new_claim(observed: &mut Observation, spec: &ClusterSpec) -> Claim {
    let uid = fresh_uid(observed);
    // Of the set as it is: its claim template never follows Git.
    let set = kube(observed).objects.get(&ObjectKind::StatefulSet);
    let pointer = "/spec/volumeClaimTemplates/0/spec";
    let template = set.and_then(|s| s.content.spot().pointer(pointer));
    claim_of(uid, template, spec)
}

/// A claim of this template.
pub(super) fn claim_of(uid: Uid, template: Option<Spot<'_>>, spec: &ClusterSpec) -> Claim {
    let text = |path: &[&str]| template?.at(path)?.as_str();
    let owned = |path: &[&str]| text(path).map(str::to_owned);
    let class = template.map(|_| owned(&["storageClassName"]));
    let request = text(&["resources", "requests", "storage"]).and_then(|t| t.parse().ok());
    let class_name = class.unwrap_or_else(|| spec.storage.class_name.clone());
    let asked = owned(&["volumeAttributesClassName"]);
    Claim {
        volume: None,
        uid,
        phase: ClaimPhase::Pending,
        deleting: false,
        class_name,
        request: request.unwrap_or_else(|| spec.storage.size.clone()),
        capacity: None,
        resize: None,
        attributes: Attributes {
            asked,
            ..Attributes::default()
        },
        contents: Some(Contents::Empty),
    }
}

/// What the kubelet says of a container that exits and is started again; anything else that waits is stuck.
const CRASH_LOOP: &str = "CrashLoopBackOff";

fn is_crash_loop(pod: &Pod) -> bool {
    pod.waiting
        .as_ref()
        .is_some_and(|why| why.starts_with(CRASH_LOOP))
}

/// What the scheduler says of a pod whose claim no class binds.
const UNBOUND: &str = "Unschedulable: pod has unbound immediate PersistentVolumeClaims";

/// A pod runs once its claim is bound.
fn schedule(kube: &mut Kube) {
    for (ordinal, pod) in &mut kube.pods {
        let claim = kube.claims.get(ordinal);
        let unbound = claim.is_some_and(|c| c.phase == ClaimPhase::Pending);
        let said = pod.waiting.as_deref() == Some(UNBOUND);
        if unbound && pod.waiting.is_none() {
            pod.waiting = Some(UNBOUND.into());
        } else if !unbound && said {
            pod.waiting = None;
        }
    }
}

/// Every process whose pod is not stuck comes up and does what its file and the list tell it.
fn run_processes(observed: &mut Observation, spec: &ClusterSpec) {
    let kube = kube(observed);
    let up: Vec<Ordinal> = kube
        .pods
        .iter()
        .filter(|(_, pod)| (!pod.is_stuck() || is_crash_loop(pod)) && !pod.deleting)
        .map(|(ordinal, _)| *ordinal)
        .collect();
    let is_bootstrap = |ordinal: &Ordinal| {
        let life = kube.member_files.get(ordinal).and_then(MemberConfig::life);
        matches!(life, Some(MemberFile::Bootstrap { .. }))
    };
    let born: Vec<Ordinal> = kube
        .member_files
        .keys()
        .filter(|o| is_bootstrap(o))
        .copied()
        .collect();
    let unborn = kube.ledger.as_ref().is_none_or(|l| l.cluster_id.is_none());
    let enough =
        up.iter().filter(|o| born.contains(o)).count() >= crate::decide::quorum(born.len());
    if observed.etcd.membership.known().is_none() && unborn && !born.is_empty() && enough {
        etcd::bear(observed, spec, &born);
    }
    for ordinal in up {
        let answers = observed.etcd.statuses.get(&ordinal);
        if answers.and_then(Reading::known).is_none() {
            let exit = etcd::boot(observed, spec, ordinal).err();
            if let Some(pod) = self::kube(observed).pods.get_mut(&ordinal) {
                pod.waiting = exit.map(|_| format!("{CRASH_LOOP}: back-off restarting etcd"));
                pod.last_words = exit.map(str::to_owned);
            }
        }
    }
}

/// Ready is a voter that answers (`/readyz` fails on a learner); serving is ready and labelled.
fn publish_endpoints(observed: &mut Observation) {
    let voters: Vec<Ordinal> = observed
        .etcd
        .statuses
        .iter()
        .filter(|(_, s)| s.known().is_some_and(|s| !s.learner))
        .map(|(ordinal, _)| *ordinal)
        .collect();
    let kube = kube(observed);
    for (ordinal, pod) in &mut kube.pods {
        pod.ready = voters.contains(ordinal);
    }
    kube.serving = kube
        .pods
        .iter()
        .filter(|(_, pod)| pod.ready && pod.serving_label)
        .map(|(ordinal, _)| *ordinal)
        .collect();
}
