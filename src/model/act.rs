//! One act's immediate effect.

use super::{ModelError, etcd, fresh_uid};
use crate::decide::Act;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::manifest::{SETTINGS_ANNOTATION, member_file};
use crate::state::{
    Content, Kube, LiveObject, ObjectKey, ObjectKind, Observation, Pod, Reading, Spot, StatefulSet,
    Uid, Volume,
};

pub(super) fn perform(
    observed: &mut Observation,
    spec: &ClusterSpec,
    act: &Act,
) -> Result<(), ModelError> {
    match act {
        Act::TakeSnapshot => super::take_snapshot(observed, spec),
        Act::CreateObject { object, body } => {
            let uid = fresh_uid(observed);
            if kube(observed)?.objects.contains_key(&object.kind) {
                return Err(ModelError::Conflict(format!("{object} already exists")));
            }
            put(observed, spec, object, uid, body)
        }
        Act::UpdateObject {
            object, uid, body, ..
        } => {
            let live = kube(observed)?.objects.get(&object.kind).map(|o| &o.uid);
            expect_uid(object, live, uid)?;
            put(observed, spec, object, uid.clone(), body)
        }
        Act::WriteMemberFile {
            ordinal,
            object,
            uid,
            text,
            ..
        } => write_member_file(kube(observed)?, spec, *ordinal, object, uid, text),
        Act::StartMember {
            replicas,
            stateful_set,
            resource_version,
            ..
        }
        | Act::StopMember {
            replicas,
            stateful_set,
            resource_version,
            ..
        }
        | Act::HaltMember {
            replicas,
            stateful_set,
            resource_version,
            ..
        } => scale(kube(observed)?, *replicas, stateful_set, resource_version),
        Act::Drain { ordinal, pod } | Act::Undrain { ordinal, pod } => {
            let pod = live_pod(kube(observed)?, *ordinal, pod)?;
            pod.serving_label = matches!(act, Act::Undrain { .. });
            Ok(())
        }
        Act::RetainVolume { .. }
        | Act::ReleaseClaim { .. }
        | Act::ExpandClaim { .. }
        | Act::ModifyClaim { .. }
        | Act::DiscardVolume { .. } => perform_on_volume(kube(observed)?, act),
        Act::RestartMember { ordinal, pod, .. } | Act::DeletePod { ordinal, pod, .. } => {
            live_pod(kube(observed)?, *ordinal, pod)?;
            kube(observed)?.pods.remove(ordinal);
            observed.etcd.statuses.remove(ordinal);
            Ok(())
        }
        Act::MakeClaim { .. }
        | Act::LendVolume { .. }
        | Act::CopyData { .. }
        | Act::StopCopy { .. }
        | Act::ReturnVolume { .. } => super::offline::perform(observed, spec, act),
        Act::DeleteObject {
            object,
            uid,
            orphan,
        } => delete(observed, object, uid, *orphan),
        Act::AddLearner { peer_url, .. } => etcd::add_learner(observed, peer_url),
        Act::Promote { member, .. } => etcd::promote(observed, *member),
        Act::MoveLeader { transferee, .. } => etcd::move_leader(observed, *transferee),
        Act::RemoveMember { member, .. } => etcd::remove(observed, spec, *member),
    }
}

/// What claims and volumes answer.
fn perform_on_volume(kube: &mut Kube, act: &Act) -> Result<(), ModelError> {
    match act {
        Act::RetainVolume {
            ordinal,
            uid,
            etcd_cluster,
            ..
        } => {
            let volume = volume(kube, *ordinal)?;
            expect_uid(&volume.name.clone(), Some(&volume.uid), uid)?;
            volume.reclaim_policy = "Retain".into();
            volume.etcd_cluster = *etcd_cluster;
            Ok(())
        }
        Act::ReleaseClaim {
            ordinal,
            claim,
            uid,
        } => {
            let live = kube.claims.get_mut(ordinal);
            expect_uid(claim, live.as_ref().map(|c| &c.uid), uid)?;
            if let Some(live) = live {
                live.deleting = true;
            }
            Ok(())
        }
        Act::ExpandClaim {
            ordinal,
            claim,
            uid,
            size,
        } => {
            let live = kube.claims.get_mut(ordinal);
            expect_uid(claim, live.as_ref().map(|c| &c.uid), uid)?;
            if let Some(live) = live {
                live.request = size.clone();
            }
            Ok(())
        }
        Act::ModifyClaim {
            ordinal,
            claim,
            uid,
            class,
        } => {
            let live = kube.claims.get_mut(ordinal);
            expect_uid(claim, live.as_ref().map(|c| &c.uid), uid)?;
            if let Some(live) = live {
                live.attributes.asked = Some(class.clone());
            }
            Ok(())
        }
        Act::DiscardVolume { volume, .. } => {
            if let Some(released) = kube.released_volumes.known_mut() {
                released.retain(|v| v.name != *volume);
            }
            Ok(())
        }
        _ => Err(ModelError::Conflict(format!(
            "`{}` is about no volume",
            act.verb()
        ))),
    }
}

pub(super) fn kube(observed: &mut Observation) -> Result<&mut Kube, ModelError> {
    observed
        .kube
        .known_mut()
        .ok_or_else(|| ModelError::Conflict("the API server does not answer".into()))
}

pub(super) fn expect_uid(
    name: &impl std::fmt::Display,
    live: Option<&Uid>,
    expected: &Uid,
) -> Result<(), ModelError> {
    match live {
        Some(found) if found == expected => Ok(()),
        Some(found) => Err(ModelError::Conflict(format!(
            "{name} has UID {found}, expected {expected}"
        ))),
        None => Err(ModelError::Conflict(format!("{name} is not there"))),
    }
}

/// Stores an object and the facts that are read off it.
fn put(
    observed: &mut Observation,
    spec: &ClusterSpec,
    object: &ObjectKey,
    uid: Uid,
    body: &Content,
) -> Result<(), ModelError> {
    let kube = kube(observed)?;
    let live = LiveObject {
        uid: uid.clone(),
        ours: true,
        deleting: false,
        content: body.clone(),
        managers: Vec::new(),
    };
    kube.objects.insert(object.kind, live);
    match object.kind {
        ObjectKind::ConfigMap => {
            let data = body.spot().field("data").and_then(Spot::fields);
            let texts = data.into_iter().flatten();
            let texts = texts.filter_map(|(key, text)| Some((key, text.as_str()?)));
            kube.member_files = member_file::held(spec, texts);
        }
        ObjectKind::StatefulSet => kube.stateful_set = Some(stateful_set(kube, uid, body.spot())),
        _ => {}
    }
    Ok(())
}

fn delete(
    observed: &mut Observation,
    object: &ObjectKey,
    uid: &Uid,
    orphan: bool,
) -> Result<(), ModelError> {
    let kube = kube(observed)?;
    expect_uid(object, kube.objects.get(&object.kind).map(|o| &o.uid), uid)?;
    kube.objects.remove(&object.kind);
    match object.kind {
        ObjectKind::StatefulSet => {
            kube.stateful_set = None;
            if !orphan {
                kube.pods.clear();
                observed.etcd.statuses.clear();
            }
        }
        ObjectKind::ConfigMap => kube.member_files.clear(),
        _ => {}
    }
    Ok(())
}

fn write_member_file(
    kube: &mut Kube,
    spec: &ClusterSpec,
    ordinal: Ordinal,
    object: &ObjectKey,
    uid: &Uid,
    text: &str,
) -> Result<(), ModelError> {
    let live = kube.objects.get_mut(&object.kind);
    expect_uid(object, live.as_ref().map(|o| &o.uid), uid)?;
    if let Some(live) = live {
        let key = member_file::key(spec, ordinal);
        live.content.put(&["data", &key], text);
    }
    kube.member_files.insert(ordinal, text.to_owned().into());
    Ok(())
}

fn stateful_set(kube: &Kube, uid: Uid, body: Spot<'_>) -> StatefulSet {
    let generation = kube.stateful_set.as_ref().map_or(1, |s| s.generation + 1);
    let template = body.at(&["spec", "template", "metadata", "annotations"]);
    let stamp = template.and_then(|a| a.field(SETTINGS_ANNOTATION)?.as_str());
    let replicas = body.at(&["spec", "replicas"]).and_then(Spot::as_u64);
    StatefulSet {
        uid,
        resource_version: generation.to_string(),
        replicas: replicas.and_then(|n| u32::try_from(n).ok()).unwrap_or(1),
        generation,
        observed_generation: generation,
        deleting: false,
        stamp: stamp.map(str::to_owned),
    }
}

fn scale(
    kube: &mut Kube,
    replicas: u32,
    uid: &Uid,
    resource_version: &str,
) -> Result<(), ModelError> {
    let set = kube
        .stateful_set
        .as_mut()
        .ok_or_else(|| ModelError::Conflict("the StatefulSet is not there".into()))?;
    expect_uid(&"the StatefulSet", Some(&set.uid), uid)?;
    if set.resource_version != resource_version {
        return Err(ModelError::Conflict(format!(
            "the StatefulSet has resourceVersion {}, expected {resource_version}",
            set.resource_version
        )));
    }
    set.replicas = replicas;
    set.generation += 1;
    set.observed_generation = set.generation;
    set.resource_version = set.generation.to_string();
    if let Some(live) = kube.objects.get_mut(&ObjectKind::StatefulSet) {
        live.content.put(&["spec", "replicas"], &replicas);
    }
    Ok(())
}

fn live_pod<'k>(
    kube: &'k mut Kube,
    ordinal: Ordinal,
    uid: &Uid,
) -> Result<&'k mut Pod, ModelError> {
    let pod = kube
        .pods
        .get_mut(&ordinal)
        .ok_or_else(|| ModelError::Conflict(format!("pod {ordinal} is not there")))?;
    expect_uid(&format!("pod {ordinal}"), Some(&pod.uid), uid)?;
    Ok(pod)
}

fn volume(kube: &mut Kube, ordinal: Ordinal) -> Result<&mut Volume, ModelError> {
    kube.claims
        .get_mut(&ordinal)
        .and_then(|c| c.volume.as_mut().and_then(Reading::known_mut))
        .ok_or_else(|| ModelError::Conflict(format!("claim {ordinal} has no volume")))
}
