//! As few fields as say the same.

use std::sync::Arc;

use serde_json::Value;

use crate::fleet::ClusterSpec;
use crate::fleet::pointer::{escaped, unescaped};
use crate::manifest;

/// `spec` without every field that may go: `same` says whether what is left means the same.
pub(super) fn fields(mut spec: Value, same: impl Fn(&Value) -> bool) -> Value {
    let mut leaves = Vec::new();
    collect(&spec, String::new(), &mut leaves);
    for pointer in leaves {
        let mut without = spec.clone();
        remove(&mut without, &pointer);
        if same(&without) {
            spec = without;
        }
    }
    spec
}

/// What fields with a default of their own in the objects do not tell apart: an affinity that says what is rendered
/// where none is asked for is none.
pub(super) fn is_same(one: &ClusterSpec, other: &ClusterSpec) -> bool {
    let settled = |spec: &ClusterSpec| {
        let mut spec = spec.clone();
        spec.origins = Arc::default();
        spec.scheduling.affinity = None;
        spec.pod.fs_group = None;
        spec
    };
    settled(one) == settled(other) && manifest::steady(one) == manifest::steady(other)
}

/// Fields that have no fields of their own, lists as a whole.
fn collect(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() && at != "/scheduling/affinity" => {
            for (name, value) in map {
                let token = escaped(name);
                collect(value, format!("{at}/{token}"), into);
            }
        }
        _ => into.push(at),
    }
}

/// With what holds nothing else.
fn remove(value: &mut Value, pointer: &str) {
    let Some((parent, token)) = pointer.rsplit_once('/') else {
        return;
    };
    let name = unescaped(token);
    if let Some(Value::Object(map)) = value.pointer_mut(parent) {
        map.remove(&*name);
        if map.is_empty() {
            remove(value, parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changes_nothing_goes_with_what_held_it() {
        let spec = json!({"a": {"b/c": {"d": 1}}, "e": [1], "f": {"g": 2, "h": 3}});
        let kept = fields(spec, |candidate| candidate.pointer("/f/h").is_some());
        assert_eq!(kept, json!({"f": {"h": 3}}));
    }
}
