//! Names and labels of a cluster's objects, as this half of the program looks for them.

use serde_json::Value;

use crate::fleet::{ClusterSpec, Ordinal};
use crate::manifest::{CLUSTER_LABEL, CONTEXT_LABEL, FLEET_LABEL};
use crate::manifest::{fleet_selector as in_context, label_value, object_labels, selector};
use crate::state::Ledger;

/// On the Lease: the commit its holder applies.
pub(super) const COMMIT_ANNOTATION: &str = "reconcile/commit";
/// Annotations of ours begin with this.
pub(super) const OUR_PREFIX: &str = "reconcile/";

/// The texts of a ConfigMap.
pub(super) fn data(config_map: &Value) -> impl Iterator<Item = (&str, &str)> {
    let data = config_map.get("data").and_then(Value::as_object);
    let text = |(key, text)| Some((String::as_str(key), Value::as_str(text)?));
    data.into_iter().flatten().filter_map(text)
}

/// Selects everything of a fleet in a context.
pub(super) fn fleet_selector(spec: &ClusterSpec) -> String {
    in_context(&spec.fleet, &spec.id.context)
}

/// Selects everything of one cluster.
pub(super) fn cluster_selector(spec: &ClusterSpec) -> String {
    selector(spec)
}

/// What objects made here alone (ledger, Lease) carry.
pub(super) fn labels(spec: &ClusterSpec) -> Value {
    object_labels(spec).into_iter().collect()
}

pub(super) fn label<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object.get("metadata")?.get("labels")?.get(name)?.as_str()
}

/// Carries this cluster's labels.
pub(super) fn is_ours(object: &Value, spec: &ClusterSpec) -> bool {
    let has = |name: &str, value: &str| label(object, name) == Some(&label_value(value));
    has(FLEET_LABEL, &spec.fleet)
        && has(CONTEXT_LABEL, &spec.id.context)
        && has(CLUSTER_LABEL, &spec.id.name)
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

pub(super) fn ledger(spec: &ClusterSpec) -> String {
    Ledger::object_name(spec)
}

/// The key of a member's file in the ConfigMap.
pub(super) fn file_key(spec: &ClusterSpec, ordinal: Ordinal) -> String {
    format!("{}.yaml", spec.pod_name(ordinal))
}

/// `<base>-<ordinal>` → the ordinal.
pub(super) fn ordinal(name: &str, base: &str) -> Option<Ordinal> {
    Ordinal::read(name.strip_prefix(base)?.strip_prefix('-')?)
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
