//! Members' pods, and which of them the client Service sends clients to.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::core::v1::{ContainerState, PodStatus};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::api::ReadError;
use super::names;
use crate::fleet::{ClusterSpec, Ordinal, of_copy};
use crate::manifest::SETTINGS_ANNOTATION;
use crate::state::{Pod, PodPhase, SERVING_LABEL, Uid};

/// Enough for etcd's fatal line, not for its whole log.
const LAST_WORDS: usize = 600;

pub(super) fn parse<T: DeserializeOwned>(what: &str, object: &Value) -> Result<T, ReadError> {
    T::deserialize(object).map_err(|error| ReadError::Failed {
        what: format!("{what} {}", names::name(object)),
        message: format!("the API server's answer is not one ({error})"),
    })
}

pub(super) fn pods<'a>(
    spec: &ClusterSpec,
    objects: impl IntoIterator<Item = &'a Value>,
) -> Result<BTreeMap<Ordinal, Pod>, ReadError> {
    let mut pods = BTreeMap::new();
    for object in objects {
        if let Some(ordinal) = names::ordinal(names::name(object), &spec.name) {
            pods.insert(ordinal, pod(parse("pod", object)?));
        }
    }
    Ok(pods)
}

/// Pods that copy the data of a stopped member.
pub(super) fn copying<'a>(
    spec: &ClusterSpec,
    objects: impl IntoIterator<Item = &'a Value>,
) -> Result<BTreeMap<Ordinal, Pod>, ReadError> {
    let mut pods = BTreeMap::new();
    for object in objects {
        let own = of_copy(names::name(object));
        if let Some(ordinal) = own.and_then(|own| names::ordinal(own, &spec.name)) {
            pods.insert(ordinal, pod(parse("pod", object)?));
        }
    }
    Ok(pods)
}

/// What is looked at of one: most of a pod is what it shall be.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KubePod {
    metadata: ObjectMeta,
    spec: Option<Placed>,
    status: Option<PodStatus>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Placed {
    node_name: Option<String>,
}

fn pod(pod: KubePod) -> Pod {
    let metadata = pod.metadata;
    let status = pod.status.unwrap_or_default();
    let has = |name: &str| {
        metadata
            .labels
            .as_ref()
            .is_some_and(|l| l.contains_key(name))
    };
    Pod {
        uid: Uid(metadata.uid.clone().unwrap_or_default()),
        phase: match status.phase.as_deref() {
            Some("Pending") => PodPhase::Pending,
            Some("Running") => PodPhase::Running,
            Some("Succeeded") => PodPhase::Succeeded,
            Some("Failed") => PodPhase::Failed,
            _ => PodPhase::Unknown,
        },
        ready: condition(&status, "Ready").is_some_and(|(state, _)| state == "True"),
        serving_label: has(SERVING_LABEL),
        deleting: metadata.deletion_timestamp.is_some(),
        node: pod.spec.and_then(|spec| spec.node_name),
        stamp: metadata
            .annotations
            .and_then(|mut annotations| annotations.remove(SETTINGS_ANNOTATION)),
        restarts: containers(&status)
            .map(|c| u32::try_from(c.restart_count).unwrap_or(0))
            .sum(),
        waiting: waiting(&status),
        last_words: last_words(&status),
        ip: status.pod_ip,
    }
}

fn containers(
    status: &PodStatus,
) -> impl Iterator<Item = &k8s_openapi::api::core::v1::ContainerStatus> {
    status.container_statuses.iter().flatten()
}

/// Status and `reason: message` of a condition.
fn condition<'a>(status: &'a PodStatus, kind: &str) -> Option<(&'a str, String)> {
    let condition = status
        .conditions
        .iter()
        .flatten()
        .find(|c| c.type_ == kind)?;
    Some((
        &condition.status,
        joined(condition.reason.as_deref(), condition.message.as_deref()),
    ))
}

fn waiting(status: &PodStatus) -> Option<String> {
    let container = containers(status).find_map(|container| {
        let waiting = container.state.as_ref()?.waiting.as_ref()?;
        Some(joined(
            waiting.reason.as_deref(),
            waiting.message.as_deref(),
        ))
    });
    container.or_else(|| match condition(status, "PodScheduled") {
        Some(("False", why)) => Some(why),
        _ => None,
    })
}

fn joined(reason: Option<&str>, message: Option<&str>) -> String {
    match (reason, message) {
        (Some(reason), Some(message)) if !message.is_empty() => format!("{reason}: {message}"),
        (Some(text), _) | (None, Some(text)) => text.to_owned(),
        (None, None) => "no reason given".to_owned(),
    }
}

fn last_words(status: &PodStatus) -> Option<String> {
    let words = |state: Option<&ContainerState>| {
        let terminated = state?.terminated.as_ref()?;
        terminated.message.clone().filter(|m| !m.trim().is_empty())
    };
    containers(status)
        .find_map(|c| words(c.state.as_ref()).or_else(|| words(c.last_state.as_ref())))
        .map(|text| tail(text.trim()))
}

/// The end is where a log says why.
fn tail(text: &str) -> String {
    let skip = text.chars().count().saturating_sub(LAST_WORDS);
    if skip == 0 {
        return text.to_owned();
    }
    format!("…{}", text.chars().skip(skip).collect::<String>())
}

/// Seats that are ready endpoints of the client Service.
pub(super) fn serving(
    spec: &ClusterSpec,
    slices: &[Value],
) -> Result<BTreeSet<Ordinal>, ReadError> {
    let service = spec.client_service();
    let mut seats = BTreeSet::new();
    for slice in slices {
        if names::label(slice, "kubernetes.io/service-name") != Some(&service) {
            continue;
        }
        let slice: EndpointSlice = parse("endpoint slice", slice)?;
        for endpoint in slice.endpoints {
            // Absent means unknown, and Kubernetes asks readers to take that for ready.
            let ready = endpoint.conditions.and_then(|c| c.ready).unwrap_or(true);
            let pod = endpoint.target_ref.and_then(|target| target.name);
            let seat = pod.and_then(|name| names::ordinal(&name, &spec.name));
            seats.extend(seat.filter(|_| ready));
        }
    }
    Ok(seats)
}
