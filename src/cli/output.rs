//! The forms that a command's answer has on stdout.

use serde_json::Value;

use crate::report;

// No documentation of the values: with it `--help` takes a screen for each option.

/// Of what is a text for people or a document with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    Human,
    Json,
    Yaml,
}

/// Of a plan; Markdown is a comment for a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum PlanOutput {
    Human,
    Json,
    Yaml,
    Markdown,
}

impl Output {
    /// The document in this form; nothing where people read something else.
    pub(super) fn document(self, document: &Value) -> Option<String> {
        match self {
            Self::Human => None,
            Self::Json => Some(report::json_text(document)),
            Self::Yaml => Some(report::yaml_text(document)),
        }
    }
}
