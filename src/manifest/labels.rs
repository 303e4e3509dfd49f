//! Labels: who an object belongs to, and how it is found.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::stamp;
use crate::fleet::ClusterSpec;

/// The fleet an object belongs to.
pub const FLEET_LABEL: &str = "reconcile/fleet";
/// The fleet's own name for the Kubernetes cluster.
pub const CONTEXT_LABEL: &str = "reconcile/context";
/// The cluster's name in the fleet, which need not be its objects' name.
pub use crate::state::CLUSTER_LABEL;

const NAME: &str = "app.kubernetes.io/name";
const ETCD: &str = "etcd";
const INSTANCE: &str = "app.kubernetes.io/instance";
const COMPONENT: &str = "app.kubernetes.io/component";
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";

const MAX_VALUE: usize = 63;

/// What every object, pod and claim of this cluster carries. No version: it would change on objects that do not.
pub fn object_labels(spec: &ClusterSpec) -> BTreeMap<String, String> {
    // Sorted already, since each object asks for them.
    BTreeMap::from([
        (COMPONENT.to_owned(), "member".to_owned()),
        (INSTANCE.to_owned(), label_value(&spec.name)),
        (MANAGED_BY.to_owned(), "reconcile".to_owned()),
        (NAME.to_owned(), ETCD.to_owned()),
        (CLUSTER_LABEL.to_owned(), label_value(&spec.id.name)),
        (CONTEXT_LABEL.to_owned(), label_value(&spec.id.context)),
        (FLEET_LABEL.to_owned(), label_value(&spec.fleet)),
    ])
}

/// Whose an object is, and no more: nothing that selects members finds it.
pub(super) fn owner_labels(spec: &ClusterSpec) -> BTreeMap<String, String> {
    BTreeMap::from([
        (CLUSTER_LABEL.to_owned(), label_value(&spec.id.name)),
        (FLEET_LABEL.to_owned(), label_value(&spec.fleet)),
        (CONTEXT_LABEL.to_owned(), label_value(&spec.id.context)),
    ])
}

/// Whether labels found on an object say that it is this cluster's.
pub fn are_of(labels: &BTreeMap<String, String>, spec: &ClusterSpec) -> bool {
    let has = |key: &str, value: &str| labels.get(key).is_some_and(|v| *v == label_value(value));
    has(FLEET_LABEL, &spec.fleet)
        && has(CONTEXT_LABEL, &spec.id.context)
        && has(CLUSTER_LABEL, &spec.id.name)
}

/// For LISTs: everything of a fleet in a context.
pub fn fleet_selector(fleet: &str, context: &str) -> String {
    format!(
        "{FLEET_LABEL}={},{CONTEXT_LABEL}={}",
        label_value(fleet),
        label_value(context)
    )
}

/// For LISTs: everything of one cluster.
pub fn selector(spec: &ClusterSpec) -> String {
    format!(
        "{},{CLUSTER_LABEL}={}",
        fleet_selector(&spec.fleet, &spec.id.context),
        label_value(&spec.id.name)
    )
}

/// The StatefulSet's selector cannot change in its life, so it holds only what cannot either: a fleet or a context may
/// be renamed.
pub(super) fn pod_selector(spec: &ClusterSpec) -> BTreeMap<String, String> {
    BTreeMap::from([
        (INSTANCE.to_owned(), label_value(&spec.name)),
        (NAME.to_owned(), ETCD.to_owned()),
        (CLUSTER_LABEL.to_owned(), label_value(&spec.id.name)),
    ])
}

pub(super) fn match_labels(spec: &ClusterSpec) -> LabelSelector {
    LabelSelector {
        match_labels: Some(pod_selector(spec)),
        ..LabelSelector::default()
    }
}

/// `text` as a legal label value: itself where it is one, else what is legal of it and a hash, so that two names never
/// become one.
pub fn label_value(text: &str) -> String {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let outer = |c: char| c.is_ascii_alphanumeric();
    let legal = text.len() <= MAX_VALUE
        && text.bytes().all(|byte| inner(byte.into()))
        && text.starts_with(outer)
        && text.ends_with(outer);
    if legal {
        return text.to_owned();
    }
    let hash = &stamp::short_hash(text)[..8];
    let kept: String = text
        .chars()
        .map(|c| if inner(c) { c } else { '-' })
        .skip_while(|c| !outer(*c))
        .take(MAX_VALUE - 1 - hash.len())
        .collect();
    let separator = if kept.is_empty() { "" } else { "-" };
    format!("{kept}{separator}{hash}")
}

#[cfg(test)]
mod tests {
    use super::super::example;
    use super::*;

    #[test]
    fn a_legal_name_is_its_own_value() {
        for name in ["orders", "eu-1", "gke_project_zone", "a"] {
            assert_eq!(label_value(name), name);
        }
    }

    #[test]
    fn any_other_name_becomes_legal_and_stays_distinct() {
        let long = "a".repeat(64);
        let longer = "a".repeat(65);
        let arn = "arn:aws:eks:eu-central-1:1:cluster/prod";
        let names = [arn, "a/b", "a:b", "-a", "a-", "", "/", "ü", &long, &longer];
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            let value = label_value(name);
            assert!(value.len() <= 63, "{value}");
            assert_eq!(label_value(&value), value, "{name} is legal now");
            assert!(seen.insert(value), "{name} is distinct");
        }
    }

    #[test]
    fn selectors_hold_only_what_the_objects_carry() {
        let spec = example::spec(3);
        let labels = object_labels(&spec);
        for pair in selector(&spec).split(',') {
            let (key, value) = pair.split_once('=').expect("key=value");
            assert_eq!(labels[key], value);
        }
        for (key, value) in pod_selector(&spec) {
            assert_eq!(labels[&key], value);
        }
        assert!(selector(&spec).starts_with(&fleet_selector("prod", "eu-1")));
    }

    #[test]
    fn labels_of_another_cluster_are_not_ours() {
        let spec = example::spec(3);
        let mut labels = object_labels(&spec);
        assert!(are_of(&labels, &spec));
        labels.insert(CONTEXT_LABEL.into(), "us-2".into());
        assert!(!are_of(&labels, &spec));
    }
}
