//! Who owns which field: `managedFields`' `fieldsV1` read against the object itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::fleet::pointer::escaped;

/// The set of fields that a manager's entry names.
pub(super) fn of(entry: &Value) -> Option<Value> {
    match entry.get("fieldsV1")? {
        // Of a LIST.
        Value::String(text) => serde_json::from_str(text).ok(),
        set => Some(set.clone()),
    }
}

/// JSON pointers of the leaves this set names, in `object`.
pub(super) fn leaves(fields: &Value, object: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    walk(fields, object, "", &mut found);
    found
}

fn walk(fields: &Value, object: &Value, at: &str, found: &mut BTreeSet<String>) {
    let children: Vec<(&String, &Value)> = children(fields).collect();
    if children.is_empty() && !at.is_empty() {
        found.insert(at.to_owned());
    }
    for (key, below) in children {
        if let Some((token, child)) = step(key, object) {
            let at = format!("{at}/{}", escaped(&token));
            walk(below, child, &at, found);
        }
    }
}

/// The part of `object` that this set owns: what the next complete server-side apply must hold, or it gives fields up.
pub(super) fn extract(fields: &Value, object: &Value) -> Value {
    // `{}` is a leaf, owned whole; `{".": {}}` owns that it exists, and nothing in it.
    if fields.as_object().is_none_or(Map::is_empty) {
        return object.clone();
    }
    match object {
        Value::Array(_) => extract_items(fields, object),
        Value::Object(_) => Value::Object(
            children(fields)
                .filter_map(|(key, below)| {
                    let (token, child) = step(key, object)?;
                    Some((token, extract(below, child)))
                })
                .collect(),
        ),
        scalar => scalar.clone(),
    }
}

fn extract_items(fields: &Value, list: &Value) -> Value {
    let mut items: Vec<(usize, Value)> = children(fields)
        .filter_map(|(key, below)| {
            let (index, child) = step(key, list)?;
            Some((index.parse().ok()?, extract(below, child)))
        })
        .collect();
    items.sort_by_key(|(index, _)| *index);
    Value::Array(items.into_iter().map(|(_, item)| item).collect())
}

fn children(fields: &Value) -> impl Iterator<Item = (&String, &Value)> {
    fields
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, _)| *key != ".")
}

/// One path element of `fieldsV1` followed in the object: its token in a JSON pointer, and what is there.
fn step<'a>(key: &str, object: &'a Value) -> Option<(String, &'a Value)> {
    if let Some(name) = key.strip_prefix("f:") {
        return Some((name.to_owned(), object.get(name)?));
    }
    let items = object.as_array()?;
    let index = if let Some(keys) = list_keys(key) {
        items
            .iter()
            .position(|item| keys.iter().all(|(k, v)| item.get(k) == Some(v)))
    } else if let Some(value) = key.strip_prefix("v:") {
        let value: Value = serde_json::from_str(value).ok()?;
        items.iter().position(|item| *item == value)
    } else {
        key.strip_prefix("i:")?.parse().ok()
    }?;
    Some((index.to_string(), items.get(index)?))
}

fn list_keys(key: &str) -> Option<Map<String, Value>> {
    serde_json::from_str(key.strip_prefix("k:")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object() -> Value {
        json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "etcd", "theirs": "x"}},
            "spec": {
                "replicas": 3,
                "template": {"spec": {"containers": [
                    {"name": "sidecar", "image": "s:1"},
                    {"name": "etcd", "image": "e:1", "ports": [
                        {"containerPort": 2379, "protocol": "TCP", "name": "client"}]}
                ]}},
                "finalizers": ["a", "b"],
                "emptyDir": {}
            }
        })
    }

    fn ours() -> Value {
        json!({
            "f:metadata": {"f:labels": {"f:app.kubernetes.io/name": {}}},
            "f:spec": {
                "f:template": {"f:spec": {"f:containers": {"k:{\"name\":\"etcd\"}": {
                    ".": {}, "f:name": {}, "f:image": {},
                    "f:ports": {"k:{\"containerPort\":2379,\"protocol\":\"TCP\"}": {".": {}, "f:containerPort": {}}}
                }}}},
                "f:finalizers": {"v:\"b\"": {}},
                "f:emptyDir": {".": {}},
                "f:gone": {}
            }
        })
    }

    #[test]
    fn leaves_are_pointers_into_the_object_as_it_is() {
        assert_eq!(
            leaves(&ours(), &object()),
            [
                "/metadata/labels/app.kubernetes.io~1name",
                "/spec/emptyDir",
                "/spec/finalizers/1",
                "/spec/template/spec/containers/1/image",
                "/spec/template/spec/containers/1/name",
                "/spec/template/spec/containers/1/ports/0/containerPort",
            ]
            .map(str::to_owned)
            .into()
        );
    }

    #[test]
    fn an_extract_holds_what_we_own_and_nothing_of_others() {
        assert_eq!(
            extract(&ours(), &object()),
            json!({
                "metadata": {"labels": {"app.kubernetes.io/name": "etcd"}},
                "spec": {
                    "template": {"spec": {"containers": [{"name": "etcd", "image": "e:1", "ports": [
                        {"containerPort": 2379}]}]}},
                    "finalizers": ["b"],
                    "emptyDir": {}
                }
            })
        );
    }
}
