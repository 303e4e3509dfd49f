//! The StatefulSet: what keeps a process, a name and a volume together.

use k8s_openapi::api::apps::v1::{
    StatefulSet, StatefulSetPersistentVolumeClaimRetentionPolicy, StatefulSetSpec,
    StatefulSetUpdateStrategy,
};

use super::{canonical, labels, metadata, pod_template, volumes};
use crate::fleet::ClusterSpec;
use crate::state::ObjectKind;

/// As canonical JSON.
pub(super) fn text(spec: &ClusterSpec) -> String {
    let mut text = canonical::text(&without_template(spec));
    // No text in it can say this, for its quotation marks would be escaped.
    let place = "\"template\":{}";
    let at = text.find(place).expect("every StatefulSet has a template");
    let end = at + place.len();
    text.replace_range(end - 2..end, &pod_template::stamped(spec));
    text
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
