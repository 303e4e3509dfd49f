//! What a cluster's plan was made from, as fingerprints. What Git asks for binds, for it has the values that the steps bring; the
//! others bind nothing: they tell why a plan does not hold any more.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::fleet::ClusterSpec;
use crate::manifest::{sha256_hex, steady};
use crate::state::{Content, Kube, Observation, Reading};

/// Fingerprints of both sides. Nothing that moves by itself is in them: no resourceVersion, no Raft index, no clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Basis {
    /// The objects that Git asks for, and whether it asks for anything.
    pub desired: String,
    /// The objects and claims that are there; `None`: not known.
    pub objects: Option<String>,
    /// The member list, with versions and alarms; `None`: not known.
    pub members: Option<String>,
}

impl Basis {
    pub fn of(spec: &ClusterSpec, observed: &Observation) -> Self {
        let rendered: Vec<Content> = steady(spec).into_iter().map(|object| object.body).collect();
        Self {
            desired: fingerprint(&json!([rendered, spec.suspend])),
            objects: observed.kube.known().map(objects),
            members: members(observed),
        }
    }

    /// What is not as it was, in words.
    pub fn moved(&self, now: &Self) -> Vec<&'static str> {
        let parts = [
            (self.desired != now.desired, "what Git asks for"),
            (
                self.objects != now.objects,
                "its objects or claims in Kubernetes",
            ),
            (
                self.members != now.members,
                "its member list, versions or alarms",
            ),
        ];
        let moved = parts.into_iter().filter(|(moved, _)| *moved);
        moved.map(|(_, what)| what).collect()
    }
}

fn objects(kube: &Kube) -> String {
    let claims = kube.claims.iter();
    let claims: Vec<Value> = claims
        .map(|(ordinal, claim)| json!([ordinal, claim.uid, claim.class_name, claim.request]))
        .collect();
    fingerprint(&json!([kube.objects, claims]))
}

fn members(observed: &Observation) -> Option<String> {
    let membership = observed.etcd.membership.known()?;
    let statuses = observed.etcd.statuses.iter();
    let versions: Vec<Value> = statuses
        .map(|(ordinal, status)| json!([ordinal, status.known().map(|s| &s.version)]))
        .collect();
    let alarms = match &observed.etcd.alarms {
        Reading::Known(alarms) => json!(alarms),
        Reading::Unknown(_) => Value::Null,
    };
    Some(fingerprint(&json!([membership, versions, alarms])))
}

/// `serde_json` writes maps in key order here and without spaces: the same content has the same bytes.
fn fingerprint(content: &Value) -> String {
    format!("sha256:{}", sha256_hex([content.to_string().as_str()]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::example;
    use crate::model;
    use crate::state::ObjectKind;

    fn seen() -> Observation {
        let recorded = include_str!("../../examples/clusters/sandbox.json");
        let recorded: Value = serde_json::from_str(recorded).expect("JSON");
        let seen = recorded["clusters"]["eu-1/kube-main"].clone();
        serde_json::from_value(seen).expect("an observation")
    }

    #[test]
    fn what_moves_by_itself_is_not_in_it() {
        let (spec, before) = (example::spec(3), seen());
        let basis = Basis::of(&spec, &before);
        let mut after = before.clone();
        after.at = "2030-01-01T00:00:00Z".parse().expect("a time");
        for status in after.etcd.statuses.values_mut() {
            let status = status.known_mut().expect("it answers");
            (status.index, status.applied, status.db_size) = (9_000_000, 9_000_000, 1 << 30);
        }
        let kube = after.kube.known_mut().expect("readable");
        if let Some(set) = &mut kube.stateful_set {
            set.resource_version = "4711".into();
        }
        assert_eq!(Basis::of(&spec, &after), basis);
    }

    #[test]
    fn each_side_is_told_apart() {
        let (spec, before) = (example::spec(3), seen());
        let basis = Basis::of(&spec, &before);
        let moved = |spec: &ClusterSpec, observed: &Observation| {
            let moved = basis.moved(&Basis::of(spec, observed));
            moved.join("; ")
        };
        assert_eq!(moved(&spec, &before), "");
        assert_eq!(moved(&example::spec(5), &before), "what Git asks for");
        let mut suspended = spec.clone();
        suspended.suspend = true;
        assert_eq!(moved(&suspended, &before), "what Git asks for");
        let mut after = before.clone();
        let kube = after.kube.known_mut().expect("readable");
        let service = kube.objects.get_mut(&ObjectKind::ClientService);
        service.expect("it is there").content["metadata"]["annotations"]["x"] = json!("y");
        assert_eq!(moved(&spec, &after), "its objects or claims in Kubernetes");
        let mut after = before.clone();
        let membership = after.etcd.membership.known_mut().expect("known");
        membership.members.pop();
        assert_eq!(moved(&spec, &after), "its member list, versions or alarms");
        let at = before.at;
        let unknown = model::empty(before.cluster.clone(), at);
        assert!(moved(&spec, &unknown).contains("member list"));
    }
}
