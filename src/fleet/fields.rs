//! The documents' fields one by one, as the schemas say them: for `reconcile explain FIELD` and docs/documents.md.

use serde_json::{Map, Value};

use super::DocumentKind;
use super::shared::IN_NO_LAYER;
use super::text::SHAPES;

/// One field of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// From the document's root; a name of the writer's own choice is `NAME`.
    pub path: Vec<String>,
    pub description: String,
    /// What it takes, in words.
    pub takes: String,
    /// What holds without it, as its description says.
    pub default: Option<String>,
    pub required: bool,
    /// Whether a profile and the fleet's defaults may have it too.
    pub in_layers: bool,
    /// Bounds and form.
    pub constraints: Vec<String>,
    /// The values that it takes, where they are few and each means something.
    pub values: Vec<(String, String)>,
}

/// Stands for any name in a path.
pub const ANY_NAME: &str = "NAME";

impl Field {
    /// `spec.storage.size`.
    pub fn dotted(&self) -> String {
        self.path.join(".")
    }
}

impl DocumentKind {
    /// Every field, each before those inside of it. In a fleet's document the fields of a cluster's spec, which its
    /// defaults and profiles take too, are left to the cluster's.
    pub fn fields(self) -> Vec<Field> {
        let schema = self.schema();
        let mut walk = Walk {
            root: &schema,
            leaves_out_layers: self == Self::Fleet,
            found: Vec::new(),
        };
        walk.below(&schema, &mut Vec::new());
        walk.found
    }
}

/// The definition that a cluster's spec, the defaults and a profile share.
const LAYER: &str = "#/$defs/SpecLayer";

struct Walk<'s> {
    root: &'s Value,
    leaves_out_layers: bool,
    found: Vec<Field>,
}

impl<'s> Walk<'s> {
    /// A field refers to its type's definition, and says itself what it is for.
    fn resolved(&self, schema: &'s Value) -> &'s Value {
        let reference = schema["$ref"].as_str().and_then(|at| at.strip_prefix('#'));
        reference
            .and_then(|at| self.root.pointer(at))
            .unwrap_or(schema)
    }

    fn below(&mut self, schema: &'s Value, path: &mut Vec<String>) {
        if self.leaves_out_layers && schema["$ref"] == LAYER {
            return;
        }
        let schema = self.resolved(schema);
        let required = schema["required"].as_array();
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            let required = required.is_some_and(|all| all.iter().any(|one| one == name));
            path.push(name.clone());
            self.field(field, required, path);
            path.pop();
        }
        if schema["items"].is_object() {
            self.below(&schema["items"], path);
        }
        let named = &schema["additionalProperties"];
        if self.resolved(named)["properties"].is_object() {
            path.push(ANY_NAME.to_owned());
            self.below(named, path);
            path.pop();
        }
    }

    fn field(&mut self, schema: &'s Value, required: bool, path: &mut Vec<String>) {
        let resolved = self.resolved(schema);
        let text = |schema: &Value| schema["description"].as_str().map(words);
        let own = text(schema).unwrap_or_default();
        let of_type = text(resolved).filter(|of_type| own != *of_type);
        let (own, default) = default(&own);
        let whole = [Some(own), of_type].into_iter().flatten();
        let description = whole.collect::<Vec<_>>().join(" ");
        self.found.push(Field {
            path: path.clone(),
            description,
            takes: self.takes(resolved),
            default,
            required,
            in_layers: !self.leaves_out_layers
                && matches!(path.as_slice(), [spec, field, ..] if spec == "spec" && field != IN_NO_LAYER),
            constraints: constraints(self.element(resolved)),
            values: values(resolved),
        });
        self.below(schema, path);
    }

    /// Of a list or mapping the bounds that matter are those of what is in it.
    fn element(&self, schema: &'s Value) -> &'s Value {
        let inside = if schema["items"].is_object() {
            &schema["items"]
        } else if schema["additionalProperties"].is_object() {
            &schema["additionalProperties"]
        } else {
            return schema;
        };
        self.resolved(inside)
    }

    fn takes(&self, schema: &'s Value) -> String {
        if let Some(only) = schema["const"].as_str() {
            return format!("`{only}`");
        }
        let choices = values(schema);
        if !choices.is_empty() {
            let names: Vec<String> = choices
                .iter()
                .map(|(name, _)| format!("`{name}`"))
                .collect();
            return format!("one of {}", names.join(", "));
        }
        let types: Vec<&str> = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => return "any value".to_owned(),
        };
        let word = |kind: &&str| match *kind {
            "object" if schema["additionalProperties"].is_object() => {
                format!(
                    "mapping of names to {}",
                    self.plural(&schema["additionalProperties"])
                )
            }
            "array" => format!("list of {}", self.plural(&schema["items"])),
            "object" => "mapping".to_owned(),
            "string" => "text".to_owned(),
            "integer" => "whole number".to_owned(),
            "boolean" => "`true` or `false`".to_owned(),
            other => other.to_owned(),
        };
        let words: Vec<String> = types.iter().map(word).collect();
        words.join(" or ")
    }

    fn plural(&self, schema: &'s Value) -> &'static str {
        match self.resolved(schema)["type"].as_str() {
            Some("object") => "mappings",
            Some("string") => "texts",
            Some("integer" | "number") => "numbers",
            _ => "values",
        }
    }
}

/// Doc comments are wrapped where the source is.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A description without the sentences on its default, and those.
fn default(text: &str) -> (String, Option<String>) {
    let marks = ["Default: ", "Default "];
    let at = marks.iter().filter_map(|mark| {
        let starts = text.match_indices(mark).map(|(at, _)| at);
        let mut sentences = starts.filter(|at| *at == 0 || text[..*at].ends_with(". "));
        sentences.next().map(|at| (at, mark.len()))
    });
    if let Some((at, length)) = at.min_by_key(|(at, _)| *at) {
        let said = text[at + length..].trim_end_matches('.').to_owned();
        return (text[..at].trim_end().to_owned(), Some(said));
    }
    // `auto` (the default)
    let named = text.split_once(" (the default)").and_then(|(before, _)| {
        let before = before.strip_suffix('`')?;
        let (_, value) = before.rsplit_once('`')?;
        Some(format!("`{value}`"))
    });
    (text.to_owned(), named)
}

/// `oneOf` with a description each, or `enum`.
fn values(schema: &Value) -> Vec<(String, String)> {
    let described = schema["oneOf"].as_array().into_iter().flatten();
    let described = described.filter_map(|one| {
        let meaning = one["description"].as_str().map(words).unwrap_or_default();
        Some((one["const"].as_str()?.to_owned(), meaning))
    });
    let plain = schema["enum"].as_array().into_iter().flatten();
    let plain = plain.filter_map(|one| Some((one.as_str()?.to_owned(), String::new())));
    described.chain(plain).collect()
}

fn constraints(schema: &Value) -> Vec<String> {
    let Some(schema) = schema.as_object() else {
        return Vec::new();
    };
    let pattern = schema.get("pattern").and_then(Value::as_str);
    let shape = pattern.map(|pattern| {
        let known = SHAPES.iter().find(|shape| shape.pattern == pattern);
        known.map_or_else(
            || format!("matches `{pattern}`"),
            |shape| shape.expected.to_owned(),
        )
    });
    [
        range(schema, "minimum", "maximum", ""),
        shape,
        lengths(schema),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Not beside a pattern, whose words say it where it matters.
fn lengths(schema: &Map<String, Value>) -> Option<String> {
    if schema.contains_key("pattern") {
        return None;
    }
    match (schema.get("minLength"), schema.get("maxLength")) {
        (Some(least), None) if *least == 1 => Some("not empty".to_owned()),
        _ => range(schema, "minLength", "maxLength", " characters"),
    }
}

fn range(schema: &Map<String, Value>, least: &str, most: &str, unit: &str) -> Option<String> {
    // What a type of Rust cannot hold is no bound that anybody meant.
    let meant = |name: &str| schema.get(name).filter(|bound| bound.as_f64() != Some(0.0));
    match (meant(least), meant(most)) {
        (Some(least), Some(most)) => Some(format!("{least} to {most}{unit}")),
        (Some(least), None) => Some(format!("{least}{unit} or more")),
        (None, Some(most)) => Some(format!("at most {most}{unit}")),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(kind: DocumentKind, dotted: &str) -> Field {
        let found = kind
            .fields()
            .into_iter()
            .find(|field| field.dotted() == dotted);
        found.unwrap_or_else(|| panic!("no {dotted}"))
    }

    #[test]
    fn a_field_says_what_it_takes() {
        let members = field(DocumentKind::EtcdCluster, "spec.members");
        assert_eq!(members.takes, "whole number");
        assert_eq!(members.constraints, ["1 to 7"]);
        let reach = field(DocumentKind::EtcdCluster, "spec.access.reach");
        assert_eq!(reach.takes, "one of `auto`, `direct`, `portForward`");
        assert_eq!(reach.default.as_deref(), Some("`auto`"));
        let domain = field(DocumentKind::EtcdCluster, "spec.clusterDomain");
        assert_eq!(domain.default.as_deref(), Some("`cluster.local`"));
        assert_eq!(domain.description, "DNS domain of the Kubernetes cluster.");
        assert_eq!(domain.constraints, ["a DNS domain like `cluster.local`"]);
        let strategy = field(DocumentKind::EtcdCluster, "spec.storage.migration.strategy");
        assert!(
            strategy
                .values
                .iter()
                .all(|(_, meaning)| !meaning.is_empty())
        );
        let requests = field(DocumentKind::EtcdCluster, "spec.resources.requests");
        assert_eq!(requests.takes, "mapping of names to values");
    }

    #[test]
    fn names_of_the_writers_choice_are_named_so() {
        let kube_context = field(DocumentKind::Fleet, "spec.contexts.NAME.kubeContext");
        assert_eq!(kube_context.constraints, ["not empty"]);
        let contexts = field(DocumentKind::Fleet, "spec.contexts");
        assert!(contexts.required);
        let all = DocumentKind::Fleet.fields();
        let layers = all
            .iter()
            .filter(|field| field.path.len() > 2 && field.path[1] == "defaults");
        assert_eq!(layers.count(), 0, "told once, as the cluster's");
    }
}
