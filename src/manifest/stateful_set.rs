//! The StatefulSet: what keeps a process, a name and a volume together.

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
    StatefulSetUpdateStrategy,
};

use super::{labels, metadata, pod_template, volumes};
use crate::fleet::ClusterSpec;
use crate::state::{Flat, ObjectKind};

pub(super) fn object(spec: &ClusterSpec) -> Flat {
    let mut object = Flat::of(&without_template(spec));
    object.put(&["spec", "template"], &pod_template::stamped(spec));
    object
}

/// `Parallel` and `OnDelete`: order is ours to keep, by what etcd says and not by what a probe says. Volumes are
/// retained always: giving one up is a step of its own.
fn without_template(spec: &ClusterSpec) -> StatefulSet {
    let retain = || Some("Retain".to_owned());
    StatefulSet {
        metadata: metadata(ObjectKind::StatefulSet, spec),
        spec: Some(StatefulSetSpec {
            service_name: Some(spec.peer_service()),
            pod_management_policy: Some("Parallel".into()),
            update_strategy: Some(StatefulSetUpdateStrategy {
                type_: Some("OnDelete".into()),
                ..StatefulSetUpdateStrategy::default()
            }),
            persistent_volume_claim_retention_policy: Some(
                StatefulSetPersistentVolumeClaimRetentionPolicy {
                    when_deleted: retain(),
                    when_scaled: retain(),
                },
            ),
            selector: labels::match_labels(spec),
            volume_claim_templates: Some(vec![volumes::claim_template(spec)]),
            ..StatefulSetSpec::default()
        }),
        ..StatefulSet::default()
    }
}
