//! Diagnostics as text, by way of miette.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};

use super::defuse::{defuse, defuse_source};
use super::{Diagnostic, Label, Severity, SourceFile};

/// How much the reader's terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Colour and box drawing.
    Fancy,
    /// ASCII only: logs, CI, `NO_COLOR`.
    Plain,
}

/// More than this many are counted, not shown.
const CAP: usize = 20;

/// All of them, worst first when not all fit, then a line that counts what was left out.
pub fn render_all(
    diagnostics: &[Diagnostic],
    files: &[SourceFile],
    style: Style,
    width: usize,
) -> String {
    let (errors, warnings): (Vec<_>, Vec<_>) = diagnostics.iter().partition(|d| d.is_error());
    let fits = diagnostics.len() <= CAP;
    let shown: Vec<&Diagnostic> = if fits {
        diagnostics.iter().collect()
    } else {
        errors.iter().chain(&warnings).copied().take(CAP).collect()
    };
    let mut text: String = shown
        .iter()
        .map(|diagnostic| render(diagnostic, files, style, width))
        .collect();
    if !fits {
        let more = diagnostics.len() - CAP;
        let (errors, warnings) = (errors.len(), warnings.len());
        let _ = writeln!(
            text,
            "… and {more} more: {errors} errors and {warnings} warnings in all"
        );
    }
    if style == Style::Plain {
        text = text.replace('…', "...");
    }
    text
}

/// One diagnostic with the lines it points at, ending in a newline.
pub fn render(diagnostic: &Diagnostic, files: &[SourceFile], style: Style, width: usize) -> String {
    let theme = match style {
        Style::Fancy => GraphicalTheme::unicode(),
        Style::Plain => GraphicalTheme::none(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(width)
        .with_context_lines(1)
        .with_break_words(false)
        .without_syntax_highlighting();
    let mut out = String::new();
    match handler.render_report(&mut out, &Report::new(diagnostic, files)) {
        Ok(()) => out + "\n",
        // miette fails only where the text cannot be written, or a span lies outside of it: say the rest all the same.
        Err(fmt::Error) => format!("{}\n\n", one_line(diagnostic)),
    }
}

fn one_line(diagnostic: &Diagnostic) -> String {
    let place = diagnostic.labels.first().map_or_else(String::new, |label| {
        format!("{}:{}:{}: ", label.file, label.line, label.column)
    });
    let code = diagnostic.code;
    defuse(&format!("{place}{} ({})", diagnostic.message, code.id())).into_owned()
}

/// A diagnostic in miette's terms: one source each, so labels in other files become related reports.
#[derive(Debug)]
struct Report {
    head: Option<String>,
    severity: Severity,
    message: String,
    help: Option<String>,
    source: Option<NamedSource<String>>,
    labels: Vec<LabeledSpan>,
    related: Vec<Report>,
}

impl Report {
    fn new(diagnostic: &Diagnostic, files: &[SourceFile]) -> Self {
        let code = diagnostic.code;
        let first = diagnostic.labels.first().map(|label| label.file.as_str());
        let mut by_file: BTreeMap<&str, Vec<&Label>> = BTreeMap::new();
        for label in &diagnostic.labels {
            by_file.entry(&label.file).or_default().push(label);
        }
        let here = first
            .and_then(|name| by_file.remove(name))
            .unwrap_or_default();
        let related = by_file.into_values().map(|labels| {
            let message = "held against".to_owned();
            Self::about(None, diagnostic.severity(), message, &labels, files)
        });
        let related = related.collect();
        let head = Some(format!("reconcile::{} ({})", code.slug(), code.id()));
        let message = defuse(&diagnostic.message).into_owned();
        Self {
            related,
            help: diagnostic.help.as_deref().map(|h| defuse(h).into_owned()),
            ..Self::about(head, diagnostic.severity(), message, &here, files)
        }
    }

    fn about(
        head: Option<String>,
        severity: Severity,
        message: String,
        labels: &[&Label],
        files: &[SourceFile],
    ) -> Self {
        let name = labels.first().map(|label| label.file.as_str());
        let file = name.and_then(|name| files.iter().find(|file| file.name == name));
        let source = file.map(|file| {
            let text = defuse_source(&file.text).into_owned();
            NamedSource::new(defuse(&file.name), text)
        });
        let spans = labels.iter().enumerate().map(|(i, label)| {
            let text = Some(defuse(&label.text).into_owned());
            let text = text.filter(|text| !text.is_empty());
            // miette does not underline an empty span.
            let length = label.span.len().max(1);
            if i == 0 {
                LabeledSpan::new_primary_with_span(text, (label.span.start, length))
            } else {
                LabeledSpan::new(text, label.span.start, length)
            }
        });
        Self {
            head,
            severity,
            message,
            help: None,
            labels: if source.is_some() {
                spans.collect()
            } else {
                Vec::new()
            },
            source,
            related: Vec::new(),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl miette::Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.head.as_ref().map(|head| Box::new(head) as Box<_>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help.as_ref().map(|help| Box::new(help) as Box<_>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn miette::Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        let related = self.related.iter();
        Some(Box::new(related.map(|r| r as &dyn miette::Diagnostic)))
    }
}
