//! What Kubernetes would refuse: names, labels, resources, affinity.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Affinity;
use serde_json::Value;

use super::super::Quantity;
use super::super::draft::Draft;
use super::super::nearest::nearest;
use super::super::pointer::escaped;
use super::super::tree::dotted;
use crate::diag::Code;

/// 63, the longest label value, less the `-` and the hash of ten that the StatefulSet controller adds to the name.
const LONGEST_NAME: usize = 52;

pub(super) fn object_names(draft: &mut Draft<'_>) {
    let Some((name, at)) = draft.object_name() else {
        return;
    };
    let length = name.len();
    let digit = name.starts_with(|c: char| c.is_ascii_digit());
    if length > LONGEST_NAME {
        let message = format!(
            "the objects' name has {length} characters, at most {LONGEST_NAME} are possible"
        );
        let help = "a shorter one can be given in `backend.statefulSet.name`".to_owned();
        draft
            .report(Code::NameTooLong, at, message, "too long")
            .help = Some(help);
    }
    if digit {
        let message = "the objects' name must begin with a letter";
        let help = "another one can be given in `backend.statefulSet.name`".to_owned();
        draft
            .report(Code::NameForService, at, message, "begins with a digit")
            .help = Some(help);
    }
}

/// Keys that say whose an object is.
const RESERVED: &[&str] = &["reconcile/", "app.kubernetes.io/"];

pub(super) fn labels(draft: &mut Draft<'_>) {
    let (pod, service) = (draft.layer.pod.as_ref(), draft.layer.service.as_ref());
    let scheduling = draft.layer.scheduling.as_ref();
    let keys = |map: Option<&BTreeMap<String, String>>| -> Vec<(String, String)> {
        map.into_iter()
            .flatten()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    };
    let maps = [
        (
            "/spec/pod/labels",
            keys(pod.and_then(|pod| pod.labels.as_ref())),
        ),
        (
            "/spec/pod/annotations",
            keys(pod.and_then(|pod| pod.annotations.as_ref())),
        ),
        (
            "/spec/service/labels",
            keys(service.and_then(|service| service.labels.as_ref())),
        ),
        (
            "/spec/service/annotations",
            keys(service.and_then(|service| service.annotations.as_ref())),
        ),
        (
            "/spec/scheduling/nodeSelector",
            keys(scheduling.and_then(|scheduling| scheduling.node_selector.as_ref())),
        ),
    ];
    for (at, entries) in maps {
        let ours = !at.starts_with("/spec/scheduling");
        for (key, value) in entries {
            let pointer = format!("{at}/{}", escaped(&key));
            if ours && RESERVED.iter().any(|prefix| key.starts_with(prefix)) {
                let message = format!("`{key}` is set by reconcile");
                draft.report_key(Code::ReservedLabel, &pointer, message, "cannot be set here");
            } else if !is_key(&key) {
                let message = format!("`{key}` is not a Kubernetes label or annotation key");
                let help =
                    "a key is a name of at most 63 characters, maybe after a DNS prefix and `/`";
                draft
                    .report(Code::BadName, &pointer, message, "this key")
                    .help = Some(help.to_owned());
            } else if !at.ends_with("annotations") && !is_value(&value) {
                let message = format!("`{}` must be a Kubernetes label value", dotted(&pointer));
                let remark = "at most 63 letters, digits, `-`, `_` and `.`";
                draft.report(Code::BadName, &pointer, message, remark);
            }
        }
    }
}

/// A qualified name: `[prefix/]name`.
fn is_key(key: &str) -> bool {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    let dns = |prefix: &str| {
        let part = |part: &str| {
            let legal = part
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
            legal && !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
        };
        prefix.len() <= 253 && prefix.split('.').all(part)
    };
    !name.is_empty() && is_value(name) && prefix.is_none_or(dns)
}

/// A label value, which may be empty.
pub(in crate::fleet) fn is_value(value: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    value.len() <= 63
        && value.bytes().all(legal)
        && ends(value.chars().next())
        && ends(value.chars().next_back())
}

/// Resource names without a domain that Kubernetes has.
const STANDARD: &[&str] = &["cpu", "memory", "ephemeral-storage"];

pub(super) fn resources(draft: &mut Draft<'_>) {
    let layer = draft.layer.resources.as_ref();
    let texts = |map: Option<&BTreeMap<String, super::super::text::QuantityText>>| {
        let entries = map.into_iter().flatten();
        let entries = entries.map(|(name, text)| (name.clone(), text.0.clone()));
        entries.collect::<BTreeMap<String, String>>()
    };
    let requests = texts(layer.and_then(|layer| layer.requests.as_ref()));
    let limits = texts(layer.and_then(|layer| layer.limits.as_ref()));
    for (kind, map) in [("requests", &requests), ("limits", &limits)] {
        for (name, text) in map {
            let at = format!("/spec/resources/{kind}/{}", escaped(name));
            if let Err(error) = text.parse::<Quantity>() {
                let message = format!("`{}`: {error}", dotted(&at));
                draft.report(Code::BadQuantity, &at, message, "this");
            }
            let standard = STANDARD.contains(&name.as_str()) || name.starts_with("hugepages-");
            let extended = name.contains('/') && is_key(name);
            if !standard && !extended {
                let message = format!("Kubernetes has no resource `{name}`");
                let near = nearest(name, STANDARD.iter().copied());
                let help = near.map(|near| format!("did you mean `{near}`?"));
                let remark = "neither a standard name nor one with a domain";
                draft
                    .report_key(Code::KubernetesShape, &at, message, remark)
                    .help = help;
            }
        }
    }
    for (name, limit) in &limits {
        let Some(request) = requests.get(name) else {
            continue;
        };
        let above = match (request.parse::<Quantity>(), limit.parse::<Quantity>()) {
            (Ok(request), Ok(limit)) => request > limit,
            _ => false,
        };
        if above {
            let part = escaped(name);
            let limit = draft.label(&format!("/spec/resources/limits/{part}"), "the limit");
            let at = format!("/spec/resources/requests/{part}");
            let message = format!("the request of {name} is above its limit");
            let report = draft.report(Code::KubernetesShape, &at, message, "the request");
            report.labels.push(limit);
        }
    }
}

/// Kubernetes' types take unknown keys in silence, so what does not come back out of them was not understood.
pub(super) fn affinity(draft: &mut Draft<'_>) {
    const AT: &str = "/spec/scheduling/affinity";
    let layer = draft.layer.scheduling.as_ref();
    let Some(written) = layer.and_then(|layer| layer.affinity.clone()) else {
        return;
    };
    let written = Value::Object(written.into_iter().collect());
    let read: Affinity = match serde_json::from_value(written.clone()) {
        Ok(read) => read,
        Err(error) => {
            let message = format!("`{}` is not a Kubernetes affinity: {error}", dotted(AT));
            draft.report(Code::KubernetesShape, AT, message, "in here");
            return;
        }
    };
    let kept = serde_json::to_value(read).unwrap_or_default();
    let mut lost = Vec::new();
    lost_keys(&written, &kept, AT, &mut lost);
    for pointer in lost {
        let key = pointer.rsplit('/').next().unwrap_or_default();
        let message = format!("Kubernetes' affinity has no key `{key}` here");
        draft.report_key(Code::KubernetesShape, &pointer, message, "would be ignored");
    }
}

/// Pointers to keys with content that are in `written` and not in `kept`.
fn lost_keys(written: &Value, kept: &Value, at: &str, lost: &mut Vec<String>) {
    let empty = |value: &Value| match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    };
    match (written, kept) {
        (Value::Object(written), Value::Object(kept)) => {
            for (key, value) in written.iter().filter(|(_, value)| !empty(value)) {
                let pointer = format!("{at}/{}", escaped(key));
                match kept.get(key) {
                    Some(kept) => lost_keys(value, kept, &pointer, lost),
                    None => lost.push(pointer),
                }
            }
        }
        (Value::Array(written), Value::Array(kept)) => {
            for (index, (written, kept)) in written.iter().zip(kept).enumerate() {
                lost_keys(written, kept, &format!("{at}/{index}"), lost);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_rules_are_kubernetes_rules() {
        for key in [
            "a",
            "a/b",
            "topology.kubernetes.io/zone",
            "A_b.c-d",
            "x-y.z/1",
        ] {
            assert!(is_key(key), "{key}");
        }
        for key in ["", "/a", "a/", "a/b/c", "-a", "A.b/c", "a b", "x..y/a"] {
            assert!(!is_key(key), "{key}");
        }
        assert!(is_value("") && is_value("3.6.16") && !is_value("a/b") && !is_value("a-"));
    }
}
