//! What a namespace may have, as its `ResourceQuota`s say.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::fleet::{Quantity, Resources};

/// One `ResourceQuota`, as its status has it: that is what the API server counts by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Quota {
    pub name: String,
    /// By resource name: `persistentvolumeclaims`, `requests.storage`, `pods`.
    pub limits: BTreeMap<String, Limit>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Limit {
    pub hard: Quantity,
    pub used: Quantity,
}

const OF_CLASS: &str = ".storageclass.storage.k8s.io/";

/// What one claim counts under a quota's resource name, in thousandths.
pub fn claim_counts(resource: &str, class: Option<&str>, size: &Quantity) -> u128 {
    let counted = match resource.split_once(OF_CLASS) {
        Some((of, _)) if class != Some(of) => return 0,
        Some((_, counted)) => counted,
        None => resource,
    };
    match counted {
        "persistentvolumeclaims" | "count/persistentvolumeclaims" => 1000,
        "requests.storage" => size.milli(),
        _ => 0,
    }
}

/// What one pod with these resources counts. A request that is not said is its limit.
pub fn pod_counts(resource: &str, resources: &Resources) -> u128 {
    let requested = |name: &str| {
        let said = resources.requests.get(name);
        said.or_else(|| resources.limits.get(name))
    };
    let amount = match resource {
        "pods" | "count/pods" => return 1000,
        "cpu" | "memory" => requested(resource),
        _ => match resource.split_once('.') {
            Some(("requests", name)) => requested(name),
            Some(("limits", name)) => resources.limits.get(name),
            _ => None,
        },
    };
    amount.map_or(0, Quantity::milli)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_counts_where_its_class_is_meant_or_any() {
        let size: Quantity = "2Gi".parse().expect("a size");
        let counts = |resource: &str| claim_counts(resource, Some("gp3"), &size);
        let bytes = 2 * 1024 * 1024 * 1024 * 1000;
        assert_eq!(counts("persistentvolumeclaims"), 1000);
        assert_eq!(counts("count/persistentvolumeclaims"), 1000);
        assert_eq!(counts("requests.storage"), bytes);
        let of = |class: &str, what: &str| counts(&format!("{class}{OF_CLASS}{what}"));
        assert_eq!(of("gp3", "requests.storage"), bytes);
        assert_eq!(of("gp3", "persistentvolumeclaims"), 1000);
        assert_eq!(of("gp2", "persistentvolumeclaims"), 0);
        assert_eq!(counts("pods"), 0);
    }

    #[test]
    fn a_pod_counts_by_what_it_asks_for() {
        let of = |pairs: &[(&str, &str)]| {
            let pair = |(k, v): &(&str, &str)| ((*k).to_owned(), v.parse().expect("a quantity"));
            pairs.iter().map(pair).collect()
        };
        let resources = Resources {
            requests: of(&[("cpu", "300m")]),
            limits: of(&[("cpu", "1"), ("memory", "1k")]),
        };
        let counts = |resource: &str| pod_counts(resource, &resources);
        assert_eq!(counts("pods"), 1000);
        assert_eq!((counts("cpu"), counts("requests.cpu")), (300, 300));
        assert_eq!(counts("limits.cpu"), 1000);
        assert_eq!(counts("requests.memory"), 1_000_000);
        assert_eq!(counts("requests.storage"), 0);
        assert_eq!(counts("services"), 0);
    }
}
