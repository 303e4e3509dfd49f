//! Objects of a LIST as trees, but for what is large and not looked at.
//!
//! A set of fields that a manager owns has a map for every field that somebody wrote, which is more than the rest of the
//! object, and few are looked at: it is kept as the text of its JSON, for [`fields::of`](super::fields::of) to read. What a
//! pod runs is as its template says, and is most of a pod: it is left out, so that a pod that was listed is patched and
//! never put back whole.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One object.
pub(super) struct Item(pub(super) Value);

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Part::Object.deserialize(deserializer).map(Self)
    }
}

/// Of a `spec`: only a pod has them right there.
const OF_A_POD: [&str; 4] = ["containers", "initContainers", "volumes", "tolerations"];

/// What is read, on the way to the sets and to a pod's containers.
#[derive(Clone, Copy)]
enum Part {
    Object,
    Spec,
    Metadata,
    Managers,
    Manager,
}

impl Part {
    /// What is next on that way; `None`: anything, as it is.
    fn below(self, field: &str) -> Option<Self> {
        match (self, field) {
            (Self::Object, "spec") => Some(Self::Spec),
            (Self::Object, "metadata") => Some(Self::Metadata),
            (Self::Metadata, "managedFields") => Some(Self::Managers),
            _ => None,
        }
    }
}

impl<'de> DeserializeSeed<'de> for Part {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Object => "an object of Kubernetes",
            Self::Spec => "a spec",
            Self::Metadata => "metadata",
            Self::Managers => "a list of field managers",
            Self::Manager => "a field manager",
        })
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut managers = Vec::new();
        while let Some(manager) = items.next_element_seed(Self::Manager)? {
            managers.push(manager);
        }
        Ok(Value::Array(managers))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(field) = fields.next_key::<String>()? {
            let value = match (self, self.below(&field)) {
                (_, Some(below)) => fields.next_value_seed(below)?,
                (Self::Spec, None) if OF_A_POD.contains(&field.as_str()) => {
                    fields.next_value::<IgnoredAny>()?;
                    continue;
                }
                (Self::Manager, None) if field == "fieldsV1" => {
                    let set: Box<RawValue> = fields.next_value()?;
                    Value::String(Box::<str>::from(set).into())
                }
                (_, None) => fields.next_value()?,
            };
            map.insert(field, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sets_are_text_and_everything_else_is_a_tree() {
        let set = json!({
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}},
            "f:spec": {"f:ports": {"k:{\"port\":1,\"protocol\":\"TCP\"}": {".": {}}}},
        });
        let mut object = json!({
            "metadata": {
                "name": "a",
                "labels": {"managedFields": "x"},
                "managedFields": [
                    {"manager": "m", "operation": "Apply", "fieldsV1": set},
                    {"manager": "n"},
                ],
            },
            "spec": {"metadata": {"managedFields": [{"fieldsV1": {"f:a": {}}}]}, "n": [1, null]},
            "fieldsV1": {"f:a": {}},
        });
        let item: Item = serde_json::from_str(&object.to_string()).expect("an object");
        let fields = &mut object["metadata"]["managedFields"][0]["fieldsV1"];
        *fields = Value::String(fields.to_string());
        assert_eq!(item.0, object);
    }

    #[test]
    fn what_a_pod_runs_is_left_out_and_what_a_template_says_is_not() {
        let containers = json!([{"name": "etcd"}]);
        let pod = json!({"spec": {"nodeName": "n", "containers": containers, "volumes": []}});
        let item: Item = serde_json::from_str(&pod.to_string()).expect("an object");
        assert_eq!(item.0, json!({"spec": {"nodeName": "n"}}));
        let set = json!({"spec": {"template": {"spec": {"containers": containers}}}});
        let item: Item = serde_json::from_str(&set.to_string()).expect("an object");
        assert_eq!(item.0, set);
    }

    #[test]
    fn lists_that_are_none_are_told() {
        let none: Item = serde_json::from_str(r#"{"metadata": null}"#).expect("an object");
        assert_eq!(none.0, json!({"metadata": null}));
        assert!(serde_json::from_str::<Item>("1").is_err());
    }
}
