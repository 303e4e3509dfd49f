//! What a copy of a stopped member's data takes: its claims, and the pod that copies.

use k8s_openapi::api::core::v1::{
    Container, PersistentVolumeClaim, PersistentVolumeClaimVolumeSource, Pod, PodSpec, Volume,
    VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};

use super::{SETTINGS_ANNOTATION, labels, pod_template, volumes};
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{Content, OfflineMove, Uid, copy_stamp};

const FROM: &str = "from";
const TO: &str = "to";

/// `etcd` is the data directory in each volume. What is whole and compared is noted before it gets its name: a copy that
/// was killed begins anew, and one that was done is never done again over what etcd has written since.
const SCRIPT: &str = r#"
from=/from to=/to
if [ ! -e "$to/.copied" ]; then
  rm -rf "$to/copying"
  cp -a "$from/etcd" "$to/copying"
  (cd "$from/etcd" && find . -type f -exec sha256sum {} +) > "$to/.sums"
  (cd "$to/copying" && sha256sum -c "$to/.sums" > /dev/null)
  rm "$to/.sums"
  sync
  : > "$to/.copied"
  sync
fi
if [ -e "$to/copying" ]; then
  rm -rf "$to/etcd"
  mv "$to/copying" "$to/etcd"
  sync
fi
"#;

/// The claim that the StatefulSet would make for this ordinal.
pub fn member_claim(spec: &ClusterSpec, ordinal: Ordinal) -> Content {
    let template = volumes::claim_template(spec);
    claim(spec, spec.claim_name(ordinal), template)
}

/// A claim for the volume that the member left, as its own was.
pub fn lent_claim(spec: &ClusterSpec, ordinal: Ordinal, from: &OfflineMove) -> Content {
    let mut like = volumes::claim_template(spec);
    if let Some(asks) = &mut like.spec {
        asks.storage_class_name.clone_from(&from.class_name);
        asks.volume_attributes_class_name = None;
        asks.volume_name = Some(from.volume.clone());
        let requests = asks.resources.as_mut().and_then(|r| r.requests.as_mut());
        if let Some(requests) = requests {
            requests.insert("storage".into(), Quantity(from.size.as_str().to_owned()));
        }
    }
    claim(spec, spec.copy_claim_name(ordinal), like)
}

fn claim(spec: &ClusterSpec, name: String, like: PersistentVolumeClaim) -> Content {
    let whole = PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: Some(spec.namespace.clone()),
            ..like.metadata
        },
        ..like
    };
    Content::of(&whole)
}

/// Where a member can run, and as what it runs. It goes with the claim that it reads from.
pub fn copy_pod(
    spec: &ClusterSpec,
    ordinal: Ordinal,
    (from, to): (&Uid, &Uid),
    image: &str,
) -> Content {
    let reads = spec.copy_claim_name(ordinal);
    let owner = OwnerReference {
        api_version: "v1".into(),
        kind: "PersistentVolumeClaim".into(),
        name: reads.clone(),
        uid: from.0.clone(),
        ..OwnerReference::default()
    };
    let pod = Pod {
        metadata: ObjectMeta {
            name: Some(spec.copy_pod_name(ordinal)),
            namespace: Some(spec.namespace.clone()),
            labels: Some(labels::owner_labels(spec)),
            annotations: Some([(SETTINGS_ANNOTATION.to_owned(), copy_stamp(to, image))].into()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            containers: vec![container(spec, image)],
            volumes: Some(vec![
                volume(FROM, reads),
                volume(TO, spec.claim_name(ordinal)),
            ]),
            // What fails is tried again by the kubelet, and its last words can be read meanwhile.
            restart_policy: Some("OnFailure".into()),
            // A shell that is the first process of its container hears no SIGTERM.
            termination_grace_period_seconds: Some(2),
            ..pod_template::surroundings(spec)
        }),
        status: None,
    };
    Content::of(&pod)
}

fn container(spec: &ClusterSpec, image: &str) -> Container {
    let mount = |name: &str, read_only: bool| VolumeMount {
        name: name.into(),
        mount_path: format!("/{name}"),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    Container {
        name: "copy".into(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".into()),
        command: Some(vec!["sh".into(), "-ec".into(), SCRIPT.into()]),
        volume_mounts: Some(vec![mount(FROM, true), mount(TO, false)]),
        ..pod_template::confined(spec)
    }
}

fn volume(name: &str, claim_name: String) -> Volume {
    Volume {
        name: name.into(),
        persistent_volume_claim: Some(PersistentVolumeClaimVolumeSource {
            claim_name,
            ..PersistentVolumeClaimVolumeSource::default()
        }),
        ..Volume::default()
    }
}
