//! What is mounted where: data, configuration, certificates.

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, KeyToPath, PersistentVolumeClaim, PersistentVolumeClaimSpec,
    ProjectedVolumeSource, SecretProjection, Volume, VolumeMount, VolumeProjection,
    VolumeResourceRequirements,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::labels;
use crate::fleet::{ClusterSpec, TlsSecret};
use crate::state::ObjectKind;

/// Claims are called `data-<pod>` after it.
const DATA: &str = "data";
const CONFIG: &str = "config";
const CONFIG_DIR: &str = "/etc/etcd";
/// A directory inside the volume, so that a file system's own `lost+found` is nobody's business.
pub(super) const DATA_DIR: &str = "/data/etcd";

/// Which listener a certificate is for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Listener {
    Client,
    Peer,
}

impl Listener {
    const fn volume(self) -> &'static str {
        match self {
            Self::Client => "tls-client",
            Self::Peer => "tls-peer",
        }
    }

    pub(super) const fn tls_dir(self) -> &'static str {
        match self {
            Self::Client => "/etc/etcd-tls/client",
            Self::Peer => "/etc/etcd-tls/peer",
        }
    }

    pub(super) const fn secret(self, spec: &ClusterSpec) -> Option<&TlsSecret> {
        match self {
            Self::Client => spec.tls.client.as_ref(),
            Self::Peer => spec.tls.peer.as_ref(),
        }
    }
}

/// `Parallel` makes claims of one template: size and class cannot differ by member, nor change on a claim that is.
pub(super) fn claim_template(spec: &ClusterSpec) -> PersistentVolumeClaim {
    PersistentVolumeClaim {
        metadata: ObjectMeta {
            name: Some(DATA.into()),
            labels: Some(labels::object_labels(spec)),
            ..ObjectMeta::default()
        },
        spec: Some(PersistentVolumeClaimSpec {
            access_modes: Some(vec!["ReadWriteOnce".into()]),
            storage_class_name: spec.storage.class_name.clone(),
            volume_attributes_class_name: spec.storage.attributes_class_name.clone(),
            resources: Some(VolumeResourceRequirements {
                requests: Some(
                    [(
                        "storage".to_owned(),
                        Quantity(spec.storage.size.as_str().to_owned()),
                    )]
                    .into(),
                ),
                ..VolumeResourceRequirements::default()
            }),
            ..PersistentVolumeClaimSpec::default()
        }),
        ..PersistentVolumeClaim::default()
    }
}

/// Beside `data`, which the claim template brings.
pub(super) fn volumes(spec: &ClusterSpec) -> Vec<Volume> {
    let config = Volume {
        name: CONFIG.into(),
        config_map: Some(ConfigMapVolumeSource {
            name: super::key(ObjectKind::ConfigMap, spec).name,
            default_mode: Some(0o440),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    };
    let tls = listeners(spec).map(|(listener, secret)| Volume {
        name: listener.volume().into(),
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(0o440),
            sources: Some(vec![
                project(&secret.secret_name, &["tls.crt", "tls.key"]),
                project(&secret.ca_secret_name, &["ca.crt"]),
            ]),
        }),
        ..Volume::default()
    });
    std::iter::once(config).chain(tls).collect()
}

/// The ConfigMap as a directory, never a `subPath`: only a directory follows the object while the pod lives.
pub(super) fn mounts(spec: &ClusterSpec) -> Vec<VolumeMount> {
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        read_only: read_only.then_some(true),
        ..VolumeMount::default()
    };
    let fixed = [mount(DATA, "/data", false), mount(CONFIG, CONFIG_DIR, true)];
    let tls =
        listeners(spec).map(|(listener, _)| mount(listener.volume(), listener.tls_dir(), true));
    fixed.into_iter().chain(tls).collect()
}

fn listeners(spec: &ClusterSpec) -> impl Iterator<Item = (Listener, &TlsSecret)> {
    [Listener::Client, Listener::Peer]
        .into_iter()
        .filter_map(|listener| listener.secret(spec).map(|secret| (listener, secret)))
}

/// These keys and no others: a Secret may hold more than a member needs.
fn project(secret: &str, keys: &[&str]) -> VolumeProjection {
    let items = keys
        .iter()
        .map(|key| KeyToPath {
            key: (*key).to_owned(),
            path: (*key).to_owned(),
            ..KeyToPath::default()
        })
        .collect();
    VolumeProjection {
        secret: Some(SecretProjection {
            name: secret.to_owned(),
            items: Some(items),
            ..SecretProjection::default()
        }),
        ..VolumeProjection::default()
    }
}
