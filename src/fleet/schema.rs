//! JSON Schemas of the documents, generated from their types and shipped as they are checked in.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use super::documents::{ClusterDocument, FleetDocument};

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    Fleet,
    EtcdCluster,
}

impl DocumentKind {
    pub const ALL: &'static [Self] = &[Self::Fleet, Self::EtcdCluster];

    /// As in `kind:`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fleet => "Fleet",
            Self::EtcdCluster => "EtcdCluster",
        }
    }

    /// The schema's name: `schemas/<name>.schema.json`, `reconcile schema <name>`.
    pub const fn schema_name(self) -> &'static str {
        match self {
            Self::Fleet => "fleet",
            Self::EtcdCluster => "cluster",
        }
    }

    /// The JSON Schema, draft 2020-12.
    pub fn schema(self) -> Value {
        serde_json::from_str(self.schema_text()).expect("a test holds it to the types")
    }

    /// The schema as it is checked in and printed: to read it takes less than to make it.
    pub const fn schema_text(self) -> &'static str {
        match self {
            Self::Fleet => include_str!("../../schemas/fleet.schema.json"),
            Self::EtcdCluster => include_str!("../../schemas/cluster.schema.json"),
        }
    }

    /// What the types say, which `schemas/` must be.
    pub fn generated_schema(self) -> String {
        let schema = match self {
            Self::Fleet => generate::<FleetDocument>(),
            Self::EtcdCluster => generate::<ClusterDocument>(),
        };
        format!("{schema:#}\n")
    }
}

fn generate<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12()
        .for_deserialize()
        .with_transform(ForPeople)
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Takes out what only says how Rust holds a value: `null` for fields that may be left out, and integer formats.
#[derive(Clone)]
struct ForPeople;

impl Transform for ForPeople {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        let Some(object) = schema.as_object_mut() else {
            return;
        };
        object.remove("format");
        let reference = object
            .get("anyOf")
            .and_then(Value::as_array)
            .and_then(|any| {
                let mut real = any.iter().filter(|one| one["type"] != "null");
                real.next().filter(|_| real.next().is_none()).cloned()
            });
        if let Some(Value::Object(reference)) = reference {
            object.remove("anyOf");
            object.extend(reference);
        }
        if let Some(Value::Array(options)) = object.get_mut("enum") {
            options.retain(|option| !option.is_null());
        }
        if let Some(Value::Array(types)) = object.get_mut("type") {
            types.retain(|one| one != "null");
            if let [one] = types.as_slice() {
                let one = one.clone();
                object.insert("type".to_owned(), one);
            }
        }
    }
}
