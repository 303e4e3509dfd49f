//! A plan out of its document: `plan_json` the other way round.
//!
//! Within a format versions only add: what this one does not know is left aside, and a word that it does not know (a
//! verb, a row, a code) is shown as it stands.

mod said;

use serde_json::Value;

use super::exit::FailOn;
use super::json::PLAN_SCHEMA;
use crate::diag::{Code, Diagnostic};
use crate::plan::{Plan, intent_hash};
use said::Document;

/// A plan that was saved, as it can be shown and held against another.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedPlan {
    pub plan: Plan,
    /// What a check of it fails on.
    pub fail_on: FailOn,
    /// All of it, with what this version does not know.
    pub document: Value,
}

impl SavedPlan {
    /// Reads a document; `file` is how it is called in what is said about it.
    pub fn read(file: &str, text: &str) -> Result<Self, Box<Diagnostic>> {
        let syntax = |error: serde_json::Error| {
            let found = format!("{file} is not JSON: {error}");
            let help = "plan files are JSON: `reconcile plan --out FILE` writes them";
            Box::new(Diagnostic::new(Code::PlanSyntax, found).help(help))
        };
        let document: Value = serde_json::from_str(text).map_err(syntax)?;
        is_plan(file, &document)?;
        let shape = |error: &dyn std::fmt::Display| {
            let found = format!("{file} is not a whole plan: {error}{}", writer(&document));
            let help = "plan again: `reconcile plan --out FILE`";
            Box::new(Diagnostic::new(Code::PlanShape, found).help(help))
        };
        // From the text, since only there an error has its place.
        let said: Document = serde_json::from_str(text).map_err(|error| shape(&error))?;
        let fail_on = match &said.fail_on {
            Some(words) => FailOn::of_words(words).map_err(|error| shape(&error))?,
            None => FailOn::default(),
        };
        let plan = said.plan().map_err(|error| shape(&error))?;
        Ok(Self {
            plan,
            fail_on,
            document,
        })
    }

    /// Its steps are those of its hash.
    pub fn is_as_hashed(&self) -> bool {
        intent_hash(&self.plan.clusters) == self.plan.intent_hash
    }
}

/// ` (written by reconcile 0.1.0)`, where the document says by what.
fn writer(document: &Value) -> String {
    let tool = |field: &str| document.get("tool")?.get(field)?.as_str();
    match (tool("name"), tool("version")) {
        (Some(name), Some(version)) => format!(" (written by {name} {version})"),
        _ => String::new(),
    }
}

/// It says that it is a plan, of a format that this version reads.
fn is_plan(file: &str, document: &Value) -> Result<(), Box<Diagnostic>> {
    let no_plan = |found: &str| {
        let found = format!("{file} is no plan: found {found}, expected schema {PLAN_SCHEMA:?}");
        let help = "`reconcile plan --out FILE` writes a plan";
        Box::new(Diagnostic::new(Code::PlanKind, found).help(help))
    };
    let schema = match document.get("schema") {
        Some(Value::String(schema)) => schema,
        Some(other) => return Err(no_plan(&format!("schema {other}"))),
        None => return Err(no_plan("no schema")),
    };
    let version = schema.strip_prefix("reconcile.plan/v");
    let major = version.and_then(|v| v.split('.').next()?.parse::<u64>().ok());
    match major {
        Some(1) => Ok(()),
        Some(_) => {
            let written = writer(document);
            let found = format!("{file} has format {schema:?}{written}, expected {PLAN_SCHEMA:?}");
            let help = "use the version that wrote it, or plan again with this one";
            Err(Box::new(
                Diagnostic::new(Code::PlanVersion, found).help(help),
            ))
        }
        None => Err(no_plan(&format!("schema {schema:?}"))),
    }
}
