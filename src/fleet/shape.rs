//! Is a document of the schema's shape? jsonschema finds out, the words are ours.

use std::collections::BTreeSet;

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

use super::DocumentKind;
use super::limits::MAX_DOCUMENT_FINDINGS;
use super::nearest::nearest;
use super::pointer::escaped;
use super::text::SHAPES;
use super::tree::{self, Node, dotted};
use crate::diag::{Code, Diagnostic, SourceFile};

/// The build writes each schema out as code.
#[jsonschema::validator(path = "schemas/fleet.schema.json", methods = { validate = false })]
struct FleetShape;

#[jsonschema::validator(path = "schemas/cluster.schema.json", methods = { validate = false })]
struct ClusterShape;

/// Fields of design.md that a later version brings, with what to do until then; `*` is any name.
const NOT_YET: &[(&str, &str)] = &[
    ("/spec/calendars", "maintenance windows"),
    ("/spec/backup/schedule", "scheduled backups"),
    ("/spec/defrag", "defragmentation"),
    ("/spec/maintenance", "maintenance windows"),
    ("/spec/backend/druid", "the etcd-druid backend"),
    ("/spec/backend/hosts", "members on plain hosts"),
];

/// Reports what is not of the schema's shape and marks it in the tree, so that no later check stumbles over it. False
/// where there is so much of it that the rest was left unmarked.
pub(super) fn check(
    kind: DocumentKind,
    document: &mut Node,
    files: &[SourceFile],
    found: &mut Vec<Diagnostic>,
) -> bool {
    let json = document.to_json();
    let is_valid = match kind {
        DocumentKind::Fleet => FleetShape::is_valid(&json),
        DocumentKind::EtcdCluster => ClusterShape::is_valid(&json),
    };
    if is_valid {
        return true; // by far the shorter question
    }
    let errors = match kind {
        DocumentKind::Fleet => FleetShape::iter_errors(&json),
        DocumentKind::EtcdCluster => ClusterShape::iter_errors(&json),
    };
    let schema = kind.schema();
    let mut seen = BTreeSet::new();
    let most = found.len() + MAX_DOCUMENT_FINDINGS;
    for error in errors {
        let room = most.saturating_sub(found.len());
        if room == 0 {
            break;
        }
        let pointer = error.instance_path().as_str().to_owned();
        let finding = Finding {
            schema: &schema,
            document,
            files,
            pointer: &pointer,
            error: &error,
        };
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                let unexpected = unexpected.iter().take(room);
                found.extend(unexpected.clone().map(|key| finding.unknown_key(key)));
                for key in unexpected {
                    document.mark_reported(&format!("{pointer}/{}", escaped(key)));
                }
            }
            // Stands for "no further keys" where a mapping has none at all.
            Kind::FalseSchema => {
                let entries = document.find(&pointer).map(|found| found.node.entries());
                let keys = entries.unwrap_or_default().iter().map(|entry| &entry.key);
                let keys = keys.take(room);
                found.extend(keys.map(|key| finding.unknown_key(key)));
                document.mark_reported(&pointer);
            }
            Kind::Required { property } => found.push(finding.missing(property)),
            _ if seen.insert(pointer.clone()) => {
                found.push(finding.wrong_value());
                document.mark_reported(&pointer);
            }
            _ => {}
        }
    }
    let whole = found.len() < most;
    if !whole {
        let message = "too much was found: the rest of the document was not looked at";
        let kind = document.find("/kind").map(|kind| kind.place());
        let label = kind.unwrap_or(document.place).label(files, "this one");
        let report = Diagnostic::new(Code::TooLarge, message).label(label);
        found.push(report.help("mend some of it and ask again"));
    }
    whole
}

struct Finding<'a> {
    schema: &'a Value,
    document: &'a Node,
    files: &'a [SourceFile],
    pointer: &'a str,
    error: &'a ValidationError<'a>,
}

impl Finding<'_> {
    fn unknown_key(&self, key: &str) -> Diagnostic {
        let pointer = format!("{}/{}", self.pointer, escaped(key));
        let normal = in_a_layer(&pointer);
        let place = self.key_place(&pointer);
        if let Some((_, what)) = NOT_YET.iter().find(|(path, _)| *path == normal) {
            let message = format!("`{}` is not yet possible", dotted(&normal));
            let diagnostic = Diagnostic::new(Code::NotYet, message).help(format!(
                "this version of reconcile does not do {what} yet; take the field out"
            ));
            return diagnostic.label(place.label(self.files, "comes with a later version"));
        }
        let message = format!("unknown key `{key}`");
        let parent = dotted(self.pointer);
        let parent = if parent.is_empty() {
            "the document"
        } else {
            &parent
        };
        let label = place.label(self.files, format!("{parent} has no such key"));
        let diagnostic = Diagnostic::new(Code::UnknownField, message).label(label);
        let known = self.siblings("properties");
        let known = || {
            known
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(|map| map.keys())
        };
        if let Some(near) = nearest(key, known().map(String::as_str)) {
            return diagnostic.help(format!("did you mean `{near}`?"));
        }
        if let Some(home) = self.home_of(key) {
            return diagnostic.help(format!("`{key}` is a key of `{home}`"));
        }
        let known: Vec<String> = known().map(|key| format!("`{key}`")).collect();
        match known.as_slice() {
            [] => diagnostic.help("it has no keys at all: write `{}`"),
            known => diagnostic.help(format!("known keys are {}", known.join(", "))),
        }
    }

    /// Where else in the same document the key exists, if in exactly one place.
    fn home_of(&self, key: &str) -> Option<String> {
        let mut homes = Vec::new();
        walk(self.schema, self.schema, "", &mut |path, properties| {
            if properties.contains_key(key) {
                homes.push(path.to_owned());
            }
        });
        homes.retain(|home| !home.contains('*') && !home.contains(".defaults"));
        match homes.as_slice() {
            [home] if !home.is_empty() => Some(home.clone()),
            _ => None,
        }
    }

    fn missing(&self, property: &Value) -> Diagnostic {
        let key = property.as_str().unwrap_or_default();
        let path = dotted(&format!("{}/{}", self.pointer, escaped(key)));
        Diagnostic::new(Code::MissingField, format!("`{path}` is missing")).label(
            self.key_place(self.pointer)
                .label(self.files, format!("has no `{key}`")),
        )
    }

    fn wrong_value(&self) -> Diagnostic {
        let path = dotted(self.pointer);
        let value = &**self.error.instance();
        let (code, expected) = self.expectation();
        let message = format!("`{path}` must be {expected}");
        let place = self.document.find(self.pointer);
        let place = place.map_or(self.document.place, |found| found.place());
        let written = self.files[place.file()].text.get(place.span());
        let label = place.label(self.files, format!("found {}", described(value, written)));
        let diagnostic = Diagnostic::new(code, message).label(label);
        match (self.error.kind(), value) {
            (_, Value::Null) => diagnostic.help("give it a value, or leave the key out"),
            (Kind::Type { .. }, Value::Number(_) | Value::Bool(_)) if expected == "a text" => {
                let written = written.unwrap_or("…");
                diagnostic.help(format!("put it in quotes: \"{written}\""))
            }
            (Kind::Enum { options }, Value::String(text)) => {
                let options = options.as_array().into_iter().flatten();
                match nearest(text, options.filter_map(Value::as_str)) {
                    Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
                    None => diagnostic,
                }
            }
            _ => diagnostic,
        }
    }

    /// The code, and what should stand there: fits after "must be".
    fn expectation(&self) -> (Code, String) {
        let shape = self.siblings("pattern").and_then(Value::as_str);
        let shape = shape.and_then(|pattern| SHAPES.iter().find(|shape| shape.pattern == pattern));
        match (self.error.kind(), shape) {
            (Kind::Type { kind }, _) => (Code::WrongType, types(kind)),
            (_, Some(shape)) => (shape.code, shape.expected.to_owned()),
            (Kind::Enum { options }, _) => {
                let options = options.as_array().into_iter().flatten();
                let options: Vec<String> = options
                    .map(|o| format!("`{}`", o.as_str().unwrap_or_default()))
                    .collect();
                (Code::NotAllowed, format!("one of {}", options.join(", ")))
            }
            (Kind::Minimum { limit }, _) => (Code::NotAllowed, format!("at least {limit}")),
            (Kind::Maximum { limit }, _) => (Code::NotAllowed, format!("at most {limit}")),
            (Kind::MinLength { .. }, _) => {
                (Code::NotAllowed, "a text that is not empty".to_owned())
            }
            (Kind::Constant { expected_value }, _) => (
                Code::NotAllowed,
                format!("`{}`", expected_value.as_str().unwrap_or_default()),
            ),
            (other, _) => (
                Code::NotAllowed,
                format!("as the schema says ({})", other.keyword()),
            ),
        }
    }

    /// What stands beside the failed keyword in the schema.
    fn siblings(&self, keyword: &str) -> Option<&Value> {
        let path = self.error.schema_path().as_str();
        let (parent, _) = path.rsplit_once('/')?;
        self.schema.pointer(parent)?.get(keyword)
    }

    fn key_place(&self, pointer: &str) -> tree::Place {
        let found = self.document.find(pointer);
        found.map_or(self.document.place, |found| found.key_place())
    }
}

/// A pointer within defaults or a profile as the one it stands for in a cluster.
fn in_a_layer(pointer: &str) -> String {
    let rest = pointer.strip_prefix("/spec/defaults/").or_else(|| {
        let profile = pointer.strip_prefix("/spec/profiles/")?;
        profile.split_once('/').map(|(_, rest)| rest)
    });
    rest.map_or_else(|| pointer.to_owned(), |rest| format!("/spec/{rest}"))
}

fn types(kind: &TypeKind) -> String {
    let named = match kind {
        TypeKind::Single(one) => vec![one.to_string()],
        TypeKind::Multiple(many) => many.iter().map(|one| one.to_string()).collect(),
    };
    let words = named.iter().map(|name| match name.as_str() {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        _ => "a mapping",
    });
    words.collect::<Vec<_>>().join(" or ")
}

/// A value as found, for a label.
fn described(value: &Value, written: Option<&str>) -> String {
    match value {
        Value::Null => "no value".to_owned(),
        Value::Object(_) => "a mapping".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::Bool(flag) => format!("the boolean {flag}"),
        Value::Number(number) => match written {
            Some(written) => format!("the number {written}"),
            None => format!("the number {number}"),
        },
        Value::String(text) if text.chars().count() > 60 => {
            format!("a text of {} characters", text.chars().count())
        }
        Value::String(text) => format!("{text:?}"),
    }
}

/// Calls back for every object of a schema with the dotted path to it and its properties.
fn walk(
    root: &Value,
    schema: &Value,
    path: &str,
    visit: &mut dyn FnMut(&str, &serde_json::Map<String, Value>),
) {
    let reference = schema["$ref"].as_str().and_then(|r| r.strip_prefix('#'));
    let schema = reference.and_then(|r| root.pointer(r)).unwrap_or(schema);
    if let Some(properties) = schema["properties"].as_object() {
        visit(path, properties);
        for (key, schema) in properties {
            let dot = if path.is_empty() { "" } else { "." };
            walk(root, schema, &format!("{path}{dot}{key}"), visit);
        }
    }
    if schema["additionalProperties"].is_object() {
        walk(
            root,
            &schema["additionalProperties"],
            &format!("{path}.*"),
            visit,
        );
    }
}
