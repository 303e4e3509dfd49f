//! What finds the pods of a set that reconcile did not make. A document with the same labels would give them to a cluster
//! beside it, whose members would be found, and written to, as if they were the old ones.

use serde_json::{Map, Value};

use super::read::{named, text};
use super::{Finding, Running};

/// Takes out of a pod's labels and annotations what the set and its Services select by.
pub(super) fn leave_out(running: &Running, marks: &mut Map<String, Value>) -> Vec<Finding> {
    if running.owner().is_some() {
        return Vec::new();
    }
    let Some(labels) = marks.get_mut("labels").and_then(Value::as_object_mut) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    labels.retain(|label, value| {
        let by = finders(running, label);
        if by.is_empty() {
            return true;
        }
        found.push(Finding::new(
            format!("pod.labels {label}"),
            text(value),
            format!(
                "not in the document: the members of a new cluster would be found by it, by {}; what else selects by it (affinity, a NetworkPolicy) does not find them",
                by.join(", ")
            ),
        ));
        false
    });
    if labels.is_empty() {
        marks.remove("labels");
    }
    found
}

fn finders(running: &Running, label: &str) -> Vec<String> {
    let set = running.stateful_set.pointer("/spec/selector");
    let set = set.filter(|selector| {
        let expressions = selector["matchExpressions"].as_array();
        let mut expressions = expressions.into_iter().flatten();
        selector["matchLabels"].get(label).is_some() || expressions.any(|e| e["key"] == label)
    });
    let services = running.services.iter().filter(|service| {
        let selector = service.pointer("/spec/selector");
        selector.is_some_and(|selector| selector.get(label).is_some())
    });
    let set = set.map(|_| format!("StatefulSet {}", running.name()));
    let services = services.map(|service| format!("Service {}", named(service)));
    set.into_iter().chain(services).collect()
}

/// An annotation may give a Service a name or an address (external-dns, a load balancer's), which is one cluster's.
pub(super) fn led_to_both(running: &Running, service: &Value) -> Vec<Finding> {
    if running.owner().is_some() {
        return Vec::new();
    }
    let annotations = service.get("annotations").and_then(Value::as_object);
    let one = |(name, value): (&String, &Value)| {
        Finding::new(
            format!("service.annotations {name}"),
            text(value),
            "in the document, and so on a new cluster's client Service too: where it stands for a name or an address, clients are led to both",
        )
    };
    annotations.into_iter().flatten().map(one).collect()
}
