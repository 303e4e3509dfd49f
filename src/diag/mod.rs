//! What is wrong with the documents, and where: code, message, source span, help.
//!
//! A [`Diagnostic`] is plain data; [`render`] turns it into text for people, its `Serialize` into JSON. The
//! [`Code`] catalogue holds the explanations behind `reconcile explain CODE`. Only this module knows miette.

mod catalogue;
mod defuse;
mod excerpt;
mod render;

use std::ops::Range;

use serde::Serialize;

pub use catalogue::Code;
pub use defuse::{defuse, defuse_line, is_unsafe, shortened};
pub use render::{Style, render, render_all};

/// A text that diagnostics point into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// As given to the program, with `/` between parts.
    pub name: String,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing is planned while one is left.
    Error,
    /// Works, but someone will regret it.
    Warning,
}

/// One finding about one place in the documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    /// A fragment: lower case, no full stop.
    pub message: String,
    /// The first one is *the* place; the others, maybe in other files, are what it is held against.
    pub labels: Vec<Label>,
    /// What to do about it.
    pub help: Option<String>,
}

/// A piece of a file with a remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Label {
    pub file: String,
    /// Bytes of the file's text.
    pub span: Range<usize>,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub text: String,
}

impl Diagnostic {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: shortened(message.into()),
            labels: Vec::new(),
            help: None,
        }
    }

    #[must_use]
    pub fn label(mut self, mut label: Label) -> Self {
        label.text = shortened(label.text);
        self.labels.push(label);
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(shortened(help.into()));
        self
    }

    pub fn severity(&self) -> Severity {
        self.code.severity()
    }

    pub fn is_error(&self) -> bool {
        self.severity() == Severity::Error
    }

    /// Files in the order read, places in the order written, whatever found them first; never twice the same, since an
    /// inherited value is looked at once for each cluster that inherits it.
    pub fn sort(diagnostics: &mut Vec<Self>) {
        diagnostics.sort_by(|a, b| a.order().cmp(&b.order()));
        diagnostics.dedup();
    }

    fn order(&self) -> (Option<(&str, usize)>, Code, &str) {
        let place = self.labels.first();
        (
            place.map(|label| (label.file.as_str(), label.span.start)),
            self.code,
            &self.message,
        )
    }
}

impl Serialize for Diagnostic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Form<'a> {
            code: &'static str,
            slug: &'static str,
            severity: Severity,
            message: &'a str,
            labels: &'a [Label],
            help: Option<&'a str>,
        }
        let form = Form {
            code: self.code.id(),
            slug: self.code.slug(),
            severity: self.severity(),
            message: &self.message,
            labels: &self.labels,
            help: self.help.as_deref(),
        };
        form.serialize(serializer)
    }
}
