//! A stopped member's data on its way to another volume.

use super::act::{expect_uid, kube};
use super::{ModelError, controllers, fresh_uid};
use crate::decide::Act;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::manifest::SETTINGS_ANNOTATION;
use crate::state::{
    self, ClaimPhase, Copying, Kube, LentClaim, Observation, PodPhase, ReleasedVolume, Uid,
};

/// What claims and pods of a copy answer.
pub(super) fn perform(
    observed: &mut Observation,
    spec: &ClusterSpec,
    act: &Act,
) -> Result<(), ModelError> {
    match act {
        Act::MakeClaim {
            ordinal,
            claim,
            body,
        } => {
            let made = controllers::claim_of(fresh_uid(observed), body.spot().field("spec"), spec);
            let claims = &mut kube(observed)?.claims;
            if claims.contains_key(ordinal) {
                return Err(ModelError::Conflict(format!("{claim} already exists")));
            }
            claims.insert(*ordinal, made);
        }
        Act::LendVolume {
            ordinal, volume, ..
        } => {
            let uid = fresh_uid(observed);
            lend(kube(observed)?, *ordinal, volume, uid)?;
        }
        Act::CopyData { ordinal, pod, body } => {
            let uid = fresh_uid(observed);
            let copying = kube(observed)?.copies.entry(*ordinal).or_default();
            if copying.pod.is_some() {
                return Err(ModelError::Conflict(format!("{pod} already exists")));
            }
            let annotations = body.pointer("/metadata/annotations");
            let stamp = annotations.and_then(|a| a.get(SETTINGS_ANNOTATION)?.as_str());
            copying.pod = Some(controllers::new_pod(uid, stamp.map(str::to_owned)));
        }
        Act::StopCopy { ordinal, pod, uid } => {
            let copying = kube(observed)?.copies.entry(*ordinal).or_default();
            expect_uid(pod, copying.pod.as_ref().map(|p| &p.uid), uid)?;
            copying.pod = None;
        }
        Act::ReturnVolume {
            ordinal,
            claim,
            uid,
        } => {
            let copying = kube(observed)?.copies.entry(*ordinal).or_default();
            let live = copying.claim.as_mut();
            expect_uid(claim, live.as_ref().map(|c| &c.uid), uid)?;
            if let Some(live) = live {
                live.deleting = true;
            }
        }
        _ => {
            return Err(ModelError::Conflict(format!(
                "`{}` copies nothing",
                act.verb()
            )));
        }
    }
    Ok(())
}

/// The claim is made, and the volume is its.
fn lend(kube: &mut Kube, ordinal: Ordinal, volume: &str, uid: Uid) -> Result<(), ModelError> {
    let released = kube.released_volumes.known_mut();
    let all =
        released.ok_or_else(|| ModelError::Conflict(format!("nobody knows of volume {volume}")))?;
    let at = all.iter().position(|v| v.name == *volume);
    let found = at.map(|at| all.remove(at));
    let found =
        found.ok_or_else(|| ModelError::Conflict(format!("volume {volume} is not there")))?;
    kube.copies.entry(ordinal).or_default().claim = Some(LentClaim {
        uid,
        volume: found.name,
        bound: true,
        deleting: false,
        contents: found.contents,
    });
    Ok(())
}

/// The binder: a volume that names the claim is its.
pub(super) fn bind_lent(kube: &mut Kube, spec: &ClusterSpec) {
    let Kube {
        copies,
        released_volumes,
        ..
    } = kube;
    let Some(released) = released_volumes.known_mut() else {
        return;
    };
    for (ordinal, copying) in copies {
        let name = spec.copy_claim_name(*ordinal);
        if let Some(claim) = copying.claim.as_mut().filter(|c| !c.bound) {
            let named = |v: &ReleasedVolume| v.name == claim.volume && v.claim == name;
            if let Some(at) = released.iter().position(named) {
                claim.contents = released.remove(at).contents;
                claim.bound = true;
            }
        }
    }
}

/// A claim stays until the pod that writes to it has ended.
pub(super) fn is_written_to(kube: &Kube, ordinal: Ordinal) -> bool {
    let pod = kube.copies.get(&ordinal).and_then(|c| c.pod.as_ref());
    pod.is_some_and(|p| p.phase == PodPhase::Running)
}

/// A claim that is given back goes once no pod names it, and its volume is released once more.
pub(super) fn drop_lent(observed: &mut Observation, spec: &ClusterSpec) {
    let now = observed.at;
    let cluster = observed.etcd.membership.known().map(|m| m.cluster_id);
    let Ok(kube) = kube(observed) else { return };
    let noted = kube.ledger.as_ref().and_then(|l| l.cluster_id);
    // The garbage collector: a pod goes with the claim that owns it.
    kube.copies.retain(|_, c| c.claim.is_some());
    let going = |c: &Copying| c.pod.is_none() && c.claim.as_ref().is_some_and(|c| c.deleting);
    let gone: Vec<Ordinal> = kube
        .copies
        .iter()
        .filter(|(_, c)| going(c))
        .map(|(o, _)| *o)
        .collect();
    for ordinal in gone {
        let claim = kube.copies.remove(&ordinal).and_then(|c| c.claim);
        if let (Some(claim), Some(released)) = (claim, kube.released_volumes.known_mut()) {
            released.push(ReleasedVolume {
                uid: super::volume_uid(&claim.volume),
                name: claim.volume,
                resource_version: String::new(),
                claim: spec.copy_claim_name(ordinal),
                since: Some(now),
                etcd_cluster: noted.or(cluster),
                contents: claim.contents,
            });
        }
    }
}

/// The pod copies once both claims are bound.
pub(super) fn copy(kube: &mut Kube) {
    for (ordinal, copying) in &mut kube.copies {
        let (Some(from), Some(pod)) = (&copying.claim, &mut copying.pod) else {
            continue;
        };
        let to = kube.claims.get_mut(ordinal);
        let to = to.filter(|c| {
            let bound = c.phase == ClaimPhase::Bound;
            bound && from.bound && state::writes_to(pod, &c.uid)
        });
        if let (Some(to), PodPhase::Running) = (to, pod.phase) {
            to.contents = from.contents;
            pod.phase = PodPhase::Succeeded;
        }
    }
}
