//! Our rendered objects as they are: what the server adds taken off, and who else holds fields.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::fields;
use super::names::{self, OUR_PREFIX, text};
use crate::fleet::ClusterSpec;
use crate::manifest::{FIELD_MANAGER, SETTINGS_ANNOTATION};
use crate::state::{Content, FieldManager, LiveObject, StatefulSet, Uid};

/// Metadata that the server writes.
const SERVER_METADATA: &[&str] = &[
    "managedFields",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "selfLink",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "annotations",
];

/// Kubernetes' own writers. What they hold through another subresource than `status` counts all the same: an
/// autoscaler writes `scale` under the controller manager's name.
const BUILT_IN: &[&str] = &[
    "kube-controller-manager",
    "kube-scheduler",
    "kube-apiserver",
    "kubelet",
];

pub(super) fn live_object(object: &Value, spec: &ClusterSpec) -> LiveObject {
    LiveObject {
        uid: Uid(text(object, "uid").to_owned()),
        ours: names::is_ours(object, spec),
        deleting: is_deleting(object),
        content: content(object, spec),
        managers: other_managers(object),
    }
}

pub(super) fn is_deleting(object: &Value) -> bool {
    !text(object, "deletionTimestamp").is_empty()
}

type Fields<'o> = BTreeMap<&'o str, &'o Value>;

/// An object without what the server adds.
#[derive(Serialize)]
struct Shown<'o> {
    #[serde(flatten)]
    fields: Fields<'o>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'o>>,
}

#[derive(Serialize)]
struct Metadata<'o> {
    #[serde(flatten)]
    fields: Fields<'o>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: Fields<'o>,
}

fn content(object: &Value, spec: &ClusterSpec) -> Content {
    let Some(map) = object.as_object() else {
        return object.clone().into();
    };
    let metadata = map.get("metadata").and_then(Value::as_object);
    Content::of(&Shown {
        fields: kept(map, &["status", "metadata"]),
        metadata: metadata.map(|metadata| Metadata {
            fields: kept(metadata, SERVER_METADATA),
            annotations: kept_annotations(object, spec),
        }),
    })
}

/// All but these fields.
fn kept<'o>(map: &'o Map<String, Value>, without: &[&str]) -> Fields<'o> {
    let fields = map.iter().map(|(name, value)| (name.as_str(), value));
    fields.filter(|(name, _)| !without.contains(name)).collect()
}

/// By allow-list: ours, those Git names, and those we own because Git named them once.
fn kept_annotations<'o>(object: &'o Value, spec: &ClusterSpec) -> Fields<'o> {
    let named =
        |name: &str| name.starts_with(OUR_PREFIX) || spec.service.annotations.contains_key(name);
    let all = object.pointer("/metadata/annotations");
    let all = || all.and_then(Value::as_object).into_iter().flatten();
    // Who owns what is worth reading only where there are others.
    let owned = all()
        .any(|(name, _)| !named(name))
        .then(|| our_fields(object))
        .flatten();
    let owned = owned
        .as_ref()
        .and_then(|fields| fields.pointer("/f:metadata/f:annotations"));
    let is_owned = |name: &str| owned.is_some_and(|set| set.get(format!("f:{name}")).is_some());
    all()
        .filter(|(name, _)| named(name) || is_owned(name))
        .map(|(name, value)| (name.as_str(), value))
        .collect()
}

pub(super) fn entries(object: &Value) -> impl Iterator<Item = &Value> {
    object
        .pointer("/metadata/managedFields")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

pub(super) fn said<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// The set of fields that our server-side applies own.
pub(super) fn our_fields(object: &Value) -> Option<Value> {
    entries(object)
        .find(|entry| {
            said(entry, "manager") == FIELD_MANAGER
                && said(entry, "operation") == "Apply"
                && said(entry, "subresource").is_empty()
        })
        .and_then(fields::of)
}

fn other_managers(object: &Value) -> Vec<FieldManager> {
    entries(object)
        .filter(|entry| !is_ours_or_built_in(entry))
        .map(|entry| FieldManager {
            name: said(entry, "manager").to_owned(),
            time: said(entry, "time").parse::<Timestamp>().ok(),
            fields: fields::of(entry)
                .map_or_else(BTreeSet::new, |set| fields::leaves(&set, object)),
        })
        .filter(|manager| !manager.fields.is_empty())
        .collect()
}

fn is_ours_or_built_in(entry: &Value) -> bool {
    let (manager, subresource) = (said(entry, "manager"), said(entry, "subresource"));
    manager == FIELD_MANAGER
        || subresource == "status"
        || (subresource.is_empty() && BUILT_IN.contains(&manager))
}

pub(super) fn stateful_set(object: &Value) -> StatefulSet {
    let number = |pointer: &str| object.pointer(pointer).and_then(Value::as_i64);
    StatefulSet {
        uid: Uid(text(object, "uid").to_owned()),
        resource_version: text(object, "resourceVersion").to_owned(),
        // The API server's own default.
        replicas: number("/spec/replicas").map_or(1, |n| u32::try_from(n).unwrap_or(0)),
        generation: number("/metadata/generation").unwrap_or_default(),
        observed_generation: number("/status/observedGeneration").unwrap_or_default(),
        deleting: is_deleting(object),
        stamp: object
            .pointer("/spec/template/metadata/annotations")
            .and_then(|annotations| annotations.get(SETTINGS_ANNOTATION))
            .and_then(Value::as_str)
            .map(str::to_owned),
    }
}
