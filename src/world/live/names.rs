//! Names and labels of a cluster's objects, as this half of the program looks for them.

use serde_json::Value;

use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{ObjectKey, ObjectKind};

pub(super) const FLEET_LABEL: &str = "reconcile/fleet";
pub(super) const CONTEXT_LABEL: &str = "reconcile/context";
pub(super) const CLUSTER_LABEL: &str = "reconcile/cluster";
/// On the Lease: the commit its holder applies.
pub(super) const COMMIT_ANNOTATION: &str = "reconcile/commit";
/// On a pod and on its template: the settings it was made with.
pub(super) const SETTINGS_ANNOTATION: &str = "reconcile/settings";
/// Annotations of ours begin with this.
pub(super) const OUR_PREFIX: &str = "reconcile/";

/// Selects everything of a fleet in a context.
pub(super) fn fleet_selector(spec: &ClusterSpec) -> String {
    format!(
        "{FLEET_LABEL}={},{CONTEXT_LABEL}={}",
        spec.fleet, spec.id.context
    )
}

/// Selects everything of one cluster.
pub(super) fn cluster_selector(spec: &ClusterSpec) -> String {
    format!("{},{CLUSTER_LABEL}={}", fleet_selector(spec), spec.id.name)
}

/// What objects made here alone (ledger, Lease) carry.
pub(super) fn labels(spec: &ClusterSpec) -> Value {
    serde_json::json!({
        "app.kubernetes.io/name": "etcd",
        "app.kubernetes.io/instance": spec.name,
        "app.kubernetes.io/managed-by": "reconcile",
        FLEET_LABEL: spec.fleet,
        CONTEXT_LABEL: spec.id.context,
        CLUSTER_LABEL: spec.id.name,
    })
}

pub(super) fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

/// Carries this cluster's labels.
pub(super) fn is_ours(object: &Value, spec: &ClusterSpec) -> bool {
    label(object, FLEET_LABEL) == Some(&spec.fleet)
        && label(object, CONTEXT_LABEL) == Some(&spec.id.context)
        && label(object, CLUSTER_LABEL) == Some(&spec.id.name)
}

/// `<fleet>/<context>/<name>` as its labels say, if it says a cluster at all.
pub(super) fn claimed_by(object: &Value) -> Option<String> {
    let cluster = label(object, CLUSTER_LABEL)?;
    let fleet = label(object, FLEET_LABEL).unwrap_or("?");
    let context = label(object, CONTEXT_LABEL).unwrap_or("?");
    Some(format!("{fleet}/{context}/{cluster}"))
}

pub(super) fn name(object: &Value) -> &str {
    text(object, "name")
}

/// A string of the metadata; empty when the server did not send it.
pub(super) fn text<'a>(object: &'a Value, field: &str) -> &'a str {
    object
        .get("metadata")
        .and_then(|metadata| metadata.get(field))
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(super) fn key(spec: &ClusterSpec, kind: ObjectKind) -> ObjectKey {
    let name = match kind {
        ObjectKind::ServiceAccount | ObjectKind::PodDisruptionBudget | ObjectKind::StatefulSet => {
            spec.name.clone()
        }
        ObjectKind::PeerService => spec.peer_service(),
        ObjectKind::ClientService => spec.client_service(),
        ObjectKind::ConfigMap => format!("{}-members", spec.name),
    };
    ObjectKey { kind, name }
}

pub(super) fn ledger(spec: &ClusterSpec) -> String {
    format!("{}-ledger", spec.name)
}

/// The key of a member's file in the ConfigMap.
pub(super) fn file_key(spec: &ClusterSpec, ordinal: Ordinal) -> String {
    format!("{}.yaml", spec.pod_name(ordinal))
}

/// `<base>-<ordinal>` → the ordinal, written as Kubernetes writes it.
pub(super) fn ordinal(name: &str, base: &str) -> Option<Ordinal> {
    let digits = name.strip_prefix(base)?.strip_prefix('-')?;
    let ordinal: u32 = digits.parse().ok()?;
    (ordinal.to_string() == digits).then_some(Ordinal(ordinal))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_kubernetes_would_write_are_ordinals() {
        assert_eq!(ordinal("orders-2", "orders"), Some(Ordinal(2)));
        for other in ["orders-02", "orders-a", "orders", "orders-x-2", "ordersx-2"] {
            assert_eq!(ordinal(other, "orders"), None, "{other}");
        }
    }
}
