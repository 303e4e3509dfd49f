//! Whose a cluster is, and what makes it another fleet's: labels and the stamps that contain them. No process notices.

use serde_json::{Value, json};

use super::{Finding, Running};
use crate::fleet::ClusterSpec;
use crate::manifest::{
    CLUSTER_LABEL, CONTEXT_LABEL, FLEET_LABEL, SETTINGS_ANNOTATION, fleet_selector, label_value,
    settings_stamp,
};

/// A fleet's cluster, as labels have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub fleet: String,
    pub context: String,
    pub cluster: String,
}

/// Why a StatefulSet cannot become this cluster's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    #[error(
        "found StatefulSet {namespace}/{name} that reconcile did not make, expected one of another fleet of reconcile's"
    )]
    HandMade { namespace: String, name: String },
    #[error(
        "found StatefulSet {namespace}/{name} of a cluster called {cluster:?}, expected {wanted:?}"
    )]
    OtherName {
        namespace: String,
        name: String,
        cluster: String,
        wanted: String,
    },
}

impl Owner {
    /// `None`: reconcile did not make it.
    pub fn of(object: &Value) -> Option<Self> {
        let labels = object.pointer("/metadata/labels")?;
        let label = |name: &str| labels.get(name)?.as_str().map(str::to_owned);
        (label("app.kubernetes.io/managed-by")? == "reconcile").then_some(())?;
        Some(Self {
            fleet: label(FLEET_LABEL)?,
            context: label(CONTEXT_LABEL)?,
            cluster: label(CLUSTER_LABEL)?,
        })
    }

    pub fn wanted(spec: &ClusterSpec) -> Self {
        Self {
            fleet: label_value(&spec.fleet),
            context: label_value(&spec.id.context),
            cluster: label_value(&spec.id.name),
        }
    }

    /// Of whose StatefulSet this is, where it can become this cluster's.
    pub fn giving(stateful_set: &Value, spec: &ClusterSpec) -> Result<Self, NotOurs> {
        let (namespace, name) = (spec.namespace.clone(), spec.name.clone());
        let Some(owner) = Self::of(stateful_set) else {
            return Err(NotOurs::HandMade { namespace, name });
        };
        if owner.cluster != label_value(&spec.id.name) {
            return Err(NotOurs::OtherName {
                namespace,
                name,
                cluster: owner.cluster,
                wanted: spec.id.name.clone(),
            });
        }
        Ok(owner)
    }

    /// For LISTs: all that is this owner's.
    pub fn selector(&self) -> String {
        let all = fleet_selector(&self.fleet, &self.context);
        format!("{all},{CLUSTER_LABEL}={}", self.cluster)
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}/{}", self.fleet, self.context, self.cluster)
    }
}

/// What a plan makes of whose it is.
pub fn whose(running: &Running, spec: &ClusterSpec) -> Option<Finding> {
    let name = format!("StatefulSet {}/{}", running.namespace(), running.name());
    match running.owner() {
        Some(owner) if owner == Owner::wanted(spec) => None,
        Some(owner) => Some(Finding::new(
            name,
            format!("it is of {owner}"),
            format!(
                "the plan refuses it (claimed-elsewhere) until it is taken over: reconcile import {} --adopt",
                spec.id
            ),
        )),
        None => Some(Finding::new(
            name,
            "reconcile did not make it",
            "the plan refuses it (foreign-object), and --adopt does too: its pods would not be what reconcile makes",
        )),
    }
}

/// The merge patch that makes this object of `from`'s the cluster's, bound to its UID and to what was read of it.
///
/// Of a rendered object no more than whose it is: what else contains that (its template, the stamps) is the next apply's
/// to write, which owns these fields. A merge patch would own them beside it, and conflict with it ever after.
pub fn moved(object: &Value, spec: &ClusterSpec, from: &Owner) -> Value {
    let to = Owner::wanted(spec);
    let mut patch = json!({"metadata": {
        "labels": {FLEET_LABEL: to.fleet, CONTEXT_LABEL: to.context},
        "uid": object["metadata"]["uid"],
        "resourceVersion": object["metadata"]["resourceVersion"],
    }});
    let mut before = spec.clone();
    before.fleet.clone_from(&from.fleet);
    before.id.context.clone_from(&from.context);
    // A pod that was started with these very settings was not started with older ones.
    let stamp = object.pointer("/metadata/annotations");
    let stamp = stamp.and_then(|annotations| annotations.get(SETTINGS_ANNOTATION));
    if object["kind"] == "Pod" && stamp.is_some_and(|s| *s == settings_stamp(&before)) {
        patch["metadata"]["annotations"] = json!({SETTINGS_ANNOTATION: settings_stamp(spec)});
    }
    patch
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{self, example};

    fn theirs() -> ClusterSpec {
        let mut spec = example::spec(3);
        spec.fleet = "old".into();
        spec
    }

    #[test]
    fn a_rendered_object_changes_hands_and_nothing_else() {
        let (before, spec) = (theirs(), example::spec(3));
        let from = Owner::wanted(&before);
        for object in manifest::steady(&before) {
            assert_eq!(
                Owner::of(&object.body),
                Some(from.clone()),
                "{}",
                object.key
            );
            let patch = moved(&object.body, &spec, &from);
            let labels = json!({FLEET_LABEL: "prod", CONTEXT_LABEL: "eu-1"});
            assert_eq!(patch["metadata"]["labels"], labels);
            assert_eq!(
                patch["metadata"].as_object().map(serde_json::Map::len),
                Some(3)
            );
            assert_eq!(patch.as_object().map(serde_json::Map::len), Some(1));
        }
    }

    #[test]
    fn only_a_pod_with_these_settings_gets_their_stamp() {
        let (before, spec) = (theirs(), example::spec(3));
        let pod = |stamp: &str| {
            json!({"kind": "Pod", "metadata": {"name": "orders-0", "uid": "u", "resourceVersion": "7",
                "annotations": {SETTINGS_ANNOTATION: stamp}}})
        };
        let from = Owner::wanted(&before);
        let patch = moved(&pod(&settings_stamp(&before)), &spec, &from);
        let stamp = settings_stamp(&spec);
        assert_eq!(patch["metadata"]["annotations"][SETTINGS_ANNOTATION], stamp);
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
        let patch = moved(&pod("another"), &spec, &from);
        assert_eq!(patch["metadata"].get("annotations"), None);
    }

    #[test]
    fn what_reconcile_did_not_make_or_calls_otherwise_is_refused() {
        let spec = example::spec(3);
        let by_hand = Owner::giving(&json!({"metadata": {"labels": {"app": "etcd"}}}), &spec);
        assert!(matches!(by_hand, Err(NotOurs::HandMade { .. })));
        let mut other = theirs();
        other.id.name = "users".into();
        let set = manifest::steady(&other)
            .pop()
            .expect("the StatefulSet")
            .body;
        let said = Owner::giving(&set, &spec)
            .expect_err("called users")
            .to_string();
        assert!(
            said.contains(r#"a cluster called "users", expected "orders""#),
            "{said}"
        );
    }
}
