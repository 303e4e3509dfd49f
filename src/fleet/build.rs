//! A checked draft → [`ClusterSpec`]: defaults filled in, nothing left to settle.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Toleration;
use serde_json::Value;

use super::documents::{
    AccessSpec, CompactionModeSpec, MigrationSpec, ReachSpec, ResourcesSpec, SchedulingSpec,
    StoreSpec, TaintEffect, TlsSecretSpec, TolerationOperator, TolerationSpec,
};
use super::draft::Draft;
use super::shared::FleetParts;
use super::text::{QuantityText, Subdomain};
use super::{
    Access, AutoCompaction, BackupSettings, ClusterSpec, CompactionMode, EtcdSettings, EtcdVersion,
    Migration, Origins, PodSettings, Policy, Quantity, Reach, Resources, Scheduling,
    ServiceSettings, SnapshotStore, Storage, TlsSecret, TlsSettings,
};

/// Where etcd's releases are published.
pub(super) const DEFAULT_IMAGE: &str = "gcr.io/etcd-development/etcd";

/// Where a bucket is that no region is named for; servers other than Amazon's mostly take any.
const DEFAULT_REGION: &str = "us-east-1";

/// `None` only where an error was reported.
pub(super) fn build(draft: Draft<'_>, fleet: &FleetParts) -> Option<ClusterSpec> {
    let id = draft.id()?;
    let namespace = draft.namespace()?.to_owned();
    let name = draft.object_name()?.0.to_owned();
    let version = draft.version?;
    let origins = Origins::of(&draft.tree, Arc::clone(&fleet.files));
    let layer = draft.layer;
    let storage = layer.storage?;
    let pod = layer.pod;
    let service = layer.service;
    let policy = layer.policy;
    Some(ClusterSpec {
        fleet: fleet.name.clone(),
        id,
        namespace,
        name,
        cluster_domain: layer
            .cluster_domain
            .map_or_else(|| "cluster.local".to_owned(), |domain| domain.0),
        members: layer.members?,
        version,
        image: image(layer.image.as_ref().map(|image| image.0.as_str()), version),
        storage: Storage {
            class_name: name_of(storage.class_name),
            attributes_class_name: name_of(storage.attributes_class_name),
            size: draft.size?,
            migration: migration(storage.migration, draft.keep_ms, version),
        },
        etcd: etcd(
            layer.etcd,
            draft.quota,
            draft.heartbeat_ms,
            draft.election_ms,
        ),
        resources: layer.resources.map(resources).unwrap_or_default(),
        tls: layer
            .tls
            .map_or_else(TlsSettings::default, |tls| TlsSettings {
                client: tls.client.and_then(tls_secret),
                peer: tls.peer.and_then(tls_secret),
            }),
        access: layer.access.map(access).unwrap_or_default(),
        scheduling: layer.scheduling.map(scheduling).unwrap_or_default(),
        pod: pod.map_or_else(PodSettings::default, |pod| PodSettings {
            labels: pod.labels.unwrap_or_default(),
            annotations: pod.annotations.unwrap_or_default(),
            image_pull_secrets: names(pod.image_pull_secrets),
            fs_group: pod.fs_group,
        }),
        service: service.map_or_else(ServiceSettings::default, |service| ServiceSettings {
            labels: service.labels.unwrap_or_default(),
            annotations: service.annotations.unwrap_or_default(),
        }),
        backup: BackupSettings {
            store: layer.backup.and_then(|backup| store(backup.store?)),
        },
        policy: policy.map_or_else(Policy::default, |policy| Policy {
            min_tolerance: policy.min_tolerance.unwrap_or_default(),
            protected: policy.protected.unwrap_or_default(),
            allow_even_members: policy.allow_even_members.unwrap_or_default(),
            allow_downtime: policy.allow_downtime.unwrap_or_default(),
            require_store: policy.require_store.unwrap_or_default(),
        }),
        suspend: fleet.suspend || layer.suspend.unwrap_or_default(),
        origins: Arc::new(origins),
    })
}

fn migration(
    written: Option<MigrationSpec>,
    keep_ms: Option<u64>,
    version: EtcdVersion,
) -> Migration {
    let (strategy, copy_image) = written.map_or((None, None), |written| {
        (written.strategy, written.copy_image)
    });
    Migration {
        strategy: strategy.unwrap_or_default(),
        copy_image: copy_image.map(|image| image.0.replace("{version}", &version.to_string())),
        keep_old_volumes: keep_ms.and_then(milliseconds),
    }
}

fn milliseconds(ms: u64) -> Option<jiff::SignedDuration> {
    i64::try_from(ms)
        .ok()
        .map(jiff::SignedDuration::from_millis)
}

/// The complete reference: `{version}` filled in, `:v<version>` where there is neither tag nor digest.
pub(super) fn image(written: Option<&str>, version: EtcdVersion) -> String {
    let written = written.unwrap_or(DEFAULT_IMAGE);
    let complete = if written.contains('@') || tag(written).is_some() {
        written.to_owned()
    } else {
        format!("{written}:v{{version}}")
    };
    complete.replace("{version}", &version.to_string())
}

/// The tag of a reference; a colon before a slash belongs to the registry's port.
pub(super) fn tag(image: &str) -> Option<&str> {
    let image = image.split('@').next().unwrap_or_default();
    let (_, tag) = image.rsplit_once(':')?;
    (!tag.contains('/')).then_some(tag)
}

fn etcd(
    layer: Option<super::documents::EtcdSpec>,
    quota: Option<Quantity>,
    heartbeat_interval_ms: u64,
    election_timeout_ms: u64,
) -> EtcdSettings {
    let mut settings = EtcdSettings {
        quota,
        auto_compaction: None,
        snapshot_count: None,
        heartbeat_interval_ms,
        election_timeout_ms,
        extra: BTreeMap::new(),
    };
    if let Some(layer) = layer {
        settings.auto_compaction = layer.auto_compaction.and_then(|compaction| {
            Some(AutoCompaction {
                mode: match compaction.mode? {
                    CompactionModeSpec::Periodic => CompactionMode::Periodic,
                    CompactionModeSpec::Revision => CompactionMode::Revision,
                },
                retention: compaction.retention?.0,
            })
        });
        settings.snapshot_count = layer.snapshot_count;
        settings.extra = layer.extra.unwrap_or_default();
    }
    settings
}

fn resources(layer: ResourcesSpec) -> Resources {
    let quantities = |map: Option<BTreeMap<String, QuantityText>>| {
        let map = map.unwrap_or_default().into_iter();
        // What does not parse was reported, and then no spec leaves this module.
        map.filter_map(|(name, text)| Some((name, text.0.parse().ok()?)))
            .collect()
    };
    Resources {
        requests: quantities(layer.requests),
        limits: quantities(layer.limits),
    }
}

fn tls_secret(layer: TlsSecretSpec) -> Option<TlsSecret> {
    Some(TlsSecret {
        secret_name: layer.secret_name?.0,
        ca_secret_name: layer.ca_secret_name?.0,
    })
}

fn access(layer: AccessSpec) -> Access {
    Access {
        client_cert_secret_name: name_of(layer.client_cert_secret_name),
        credentials_secret_name: name_of(layer.credentials_secret_name),
        reach: match layer.reach {
            None | Some(ReachSpec::Auto) => Reach::Auto,
            Some(ReachSpec::Direct) => Reach::Direct,
            Some(ReachSpec::PortForward) => Reach::PortForward,
        },
    }
}

/// Exactly one is there: anything else was reported.
fn store(layer: StoreSpec) -> Option<SnapshotStore> {
    if let Some(path) = layer.path {
        return Some(SnapshotStore::Path(path.0));
    }
    if let Some(s3) = layer.s3 {
        return Some(SnapshotStore::S3 {
            bucket: s3.bucket?.0,
            prefix: s3.prefix.map(|prefix| prefix.0),
            region: s3
                .region
                .map_or_else(|| DEFAULT_REGION.to_owned(), |region| region.0),
            endpoint: s3.endpoint.map(|endpoint| endpoint.0),
            secret_name: name_of(s3.secret_name),
        });
    }
    if let Some(gcs) = layer.gcs {
        return Some(SnapshotStore::Gcs {
            bucket: gcs.bucket?.0,
            prefix: gcs.prefix.map(|prefix| prefix.0),
            secret_name: name_of(gcs.secret_name),
        });
    }
    let azure = layer.azure?;
    Some(SnapshotStore::Azure {
        container: azure.container?.0,
        prefix: azure.prefix.map(|prefix| prefix.0),
        account: azure.account?.0,
        secret_name: name_of(azure.secret_name),
    })
}

fn scheduling(layer: SchedulingSpec) -> Scheduling {
    let affinity = layer
        .affinity
        .map(|map| Value::Object(map.into_iter().collect()));
    let keys = layer.topology_spread.unwrap_or_default();
    Scheduling {
        node_selector: layer.node_selector.unwrap_or_default(),
        tolerations: layer
            .tolerations
            .unwrap_or_default()
            .into_iter()
            .map(toleration)
            .collect(),
        affinity: affinity.and_then(|value| serde_json::from_value(value).ok()),
        priority_class_name: name_of(layer.priority_class_name),
        topology_spread: keys.into_iter().map(|key| key.0).collect(),
    }
}

fn toleration(layer: TolerationSpec) -> Toleration {
    let operator = layer.operator.map(|operator| match operator {
        TolerationOperator::Equal => "Equal",
        TolerationOperator::Exists => "Exists",
    });
    let effect = layer.effect.map(|effect| match effect {
        TaintEffect::NoSchedule => "NoSchedule",
        TaintEffect::PreferNoSchedule => "PreferNoSchedule",
        TaintEffect::NoExecute => "NoExecute",
    });
    Toleration {
        key: layer.key,
        operator: operator.map(str::to_owned),
        value: layer.value,
        effect: effect.map(str::to_owned),
        toleration_seconds: layer.toleration_seconds,
    }
}

fn name_of(name: Option<Subdomain>) -> Option<String> {
    name.map(|name| name.0)
}

fn names(names: Option<Vec<Subdomain>>) -> Vec<String> {
    names.into_iter().flatten().map(|name| name.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_follow_the_version() {
        let version = EtcdVersion::new(3, 6, 16);
        for (written, complete) in [
            (None, "gcr.io/etcd-development/etcd:v3.6.16"),
            (Some("r.example:5000/etcd"), "r.example:5000/etcd:v3.6.16"),
            (Some("r/etcd:{version}-hardened"), "r/etcd:3.6.16-hardened"),
            (Some("r/etcd:3.6.16"), "r/etcd:3.6.16"),
            (Some("r/etcd@sha256:0a"), "r/etcd@sha256:0a"),
        ] {
            assert_eq!(image(written, version), complete);
        }
    }
}
