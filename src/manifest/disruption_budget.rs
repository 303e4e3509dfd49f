//! What keeps `kubectl drain` from taking quorum.

use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};

use super::{labels, metadata};
use crate::fleet::ClusterSpec;
use crate::state::ObjectKind;

/// Pods that are not ready are not counted and cannot be evicted while the budget is not met: without quorum nobody is
/// ready, and a drain must not take the survivors.
pub(super) fn object(spec: &ClusterSpec) -> PodDisruptionBudget {
    PodDisruptionBudget {
        metadata: metadata(ObjectKind::PodDisruptionBudget, spec),
        spec: Some(PodDisruptionBudgetSpec {
            selector: Some(labels::match_labels(spec)),
            unhealthy_pod_eviction_policy: Some("IfHealthyBudget".into()),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    }
}
