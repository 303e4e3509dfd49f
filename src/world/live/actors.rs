//! Other controllers that act on our objects, as their owners, labels and annotations say.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::fields;
use super::names::{self, text};
use super::objects::{entries, said};
use crate::fleet::ClusterSpec;
use crate::fleet::pointer::escaped;
use crate::state::{Actor, ObjectKind};

const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const ARGO_TRACKING: &str = "argocd.argoproj.io/tracking-id";
const ARGO_LABEL: &str = "app.kubernetes.io/instance";
const HELM_RELEASE: &str = "meta.helm.sh/release-name";
const FLUX: &[(&str, &str)] = &[
    ("kustomize.toolkit.fluxcd.io", "Flux Kustomization"),
    ("helm.toolkit.fluxcd.io", "Flux HelmRelease"),
];

/// All of them, by object; `autoscalers` are the namespace's.
pub(super) fn actors(
    spec: &ClusterSpec,
    found: &BTreeMap<ObjectKind, Cow<'_, Value>>,
    autoscalers: &[Value],
) -> Vec<Actor> {
    let mut actors: Vec<Actor> = autoscalers
        .iter()
        .filter(|autoscaler| scales(autoscaler, spec))
        .map(|autoscaler| Actor {
            name: format!(
                "HorizontalPodAutoscaler {}/{}",
                spec.namespace,
                names::name(autoscaler)
            ),
            on: ObjectKind::StatefulSet,
            since: time(text(autoscaler, "creationTimestamp")),
        })
        .collect();
    for (kind, object) in found {
        let on = |(name, since)| Actor {
            name,
            on: *kind,
            since,
        };
        let managers = [argo(object), helm(object), druid(object)];
        let all = owners(object).chain(managers.into_iter().flatten());
        actors.extend(all.chain(flux(object)).map(on));
    }
    actors
}

fn scales(autoscaler: &Value, spec: &ClusterSpec) -> bool {
    let target = |field: &str| {
        autoscaler
            .pointer("/spec/scaleTargetRef")
            .and_then(|target| target.get(field)?.as_str())
    };
    target("kind") == Some("StatefulSet") && target("name") == Some(&spec.name)
}

type Found = (String, Option<Timestamp>);

/// Whoever controls it, and etcd-druid even where it does not say so: an owner's deletion takes the object along.
fn owners(object: &Value) -> impl Iterator<Item = Found> {
    let owners = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    let field = |owner: &Value, name: &str| {
        let value = owner.get(name).and_then(Value::as_str);
        value.unwrap_or("?").to_owned()
    };
    owners
        .into_iter()
        .flatten()
        .filter_map(move |owner| {
            let version = field(owner, "apiVersion");
            let group = version.split_once('/').map_or("", |(group, _)| group);
            let controls = owner.get("controller").and_then(Value::as_bool) == Some(true);
            if !controls && group != "druid.gardener.cloud" {
                return None;
            }
            let kind = if group.is_empty() {
                field(owner, "kind")
            } else {
                format!("{}.{group}", field(owner, "kind"))
            };
            Some(format!("its owner {kind} {}", field(owner, "name")))
        })
        .map(|name| (name, since(object, "/metadata/ownerReferences")))
}

/// By annotation where that is about this very object (a copied one is not, to Argo CD either); by label where Argo CD
/// holds the label, for we set it too.
fn argo(object: &Value) -> Option<Found> {
    if let Some(id) = annotation(object, ARGO_TRACKING)
        && let Some((application, tracked)) = id.split_once(':')
        && tracked.ends_with(&format!(
            "{}:{}/{}",
            object["kind"].as_str().unwrap_or_default(),
            text(object, "namespace"),
            names::name(object)
        ))
    {
        let since = since(object, &pointer("annotations", ARGO_TRACKING));
        return Some((format!("Argo CD application {application}"), since));
    }
    let at = pointer("labels", ARGO_LABEL);
    let mut theirs = entries(object).filter(|entry| said(entry, "manager").starts_with("argocd"));
    let entry = theirs.find(|entry| holds(entry, object, &at))?;
    let application = names::label(object, ARGO_LABEL)?;
    Some((
        format!("Argo CD application {application}"),
        time(said(entry, "time")),
    ))
}

fn flux(object: &Value) -> Vec<Found> {
    let one = |(group, what): &(&str, &str)| {
        let of = |field: &str| names::label(object, &format!("{group}/{field}"));
        let name = of("name")?;
        // Flux's own way to let go of one object.
        let reconcile = format!("{group}/reconcile");
        if annotation(object, &reconcile).or_else(|| of("reconcile")) == Some("disabled") {
            return None;
        }
        let namespace = of("namespace").unwrap_or("?");
        let at = pointer("labels", &format!("{group}/name"));
        Some((format!("{what} {namespace}/{name}"), since(object, &at)))
    };
    FLUX.iter().filter_map(one).collect()
}

/// Both marks, as Helm asks for them before it touches an object.
fn helm(object: &Value) -> Option<Found> {
    let release = annotation(object, HELM_RELEASE)?;
    if names::label(object, MANAGED_BY) != Some("Helm") {
        return None;
    }
    let namespace = annotation(object, "meta.helm.sh/release-namespace").unwrap_or("?");
    let since = since(object, &pointer("annotations", HELM_RELEASE));
    Some((format!("Helm release {namespace}/{release}"), since))
}

fn druid(object: &Value) -> Option<Found> {
    if names::label(object, MANAGED_BY) != Some("etcd-druid") {
        return None;
    }
    let etcd = names::label(object, "app.kubernetes.io/part-of").unwrap_or("?");
    let since = since(object, &pointer("labels", MANAGED_BY));
    Some((format!("etcd-druid for Etcd {etcd}"), since))
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(name)?
        .as_str()
}

fn pointer(map: &str, key: &str) -> String {
    format!("/metadata/{map}/{}", escaped(key))
}

/// The manager of this entry owns this field, or something in it.
fn holds(entry: &Value, object: &Value, pointer: &str) -> bool {
    let leaves = fields::of(entry).map(|set| fields::leaves(&set, object));
    let owns = |leaf: &String| leaf == pointer || leaf.starts_with(&format!("{pointer}/"));
    leaves.is_some_and(|leaves| leaves.iter().any(owns))
}

/// When that field was last written.
fn since(object: &Value, pointer: &str) -> Option<Timestamp> {
    entries(object)
        .filter(|entry| holds(entry, object, pointer))
        .filter_map(|entry| time(said(entry, "time")))
        .max()
}

fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}
