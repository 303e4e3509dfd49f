//! Diagnostics as text, by way of miette.

use std::fmt::{self, Write as _};
use std::ops::Range;

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, SourceCode};

use super::defuse::defuse_line;
use super::excerpt::Excerpts;
use super::{Code, Diagnostic, Label, Severity, SourceFile};

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

/// All of them, worst first when not all fit (what was not even looked at before all), then a line that counts what was
/// left out.
pub fn render_all(
    diagnostics: &[Diagnostic],
    files: &[SourceFile],
    style: Style,
    width: usize,
) -> String {
    let (mut errors, warnings): (Vec<_>, Vec<_>) = diagnostics.iter().partition(|d| d.is_error());
    errors.sort_by_key(|error| error.code != Code::TooLarge);
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
    let place = diagnostic.labels.first().map(place).unwrap_or_default();
    let code = diagnostic.code.id();
    defuse_line(&format!("{place}: {} ({code})", diagnostic.message)).into_owned()
}

fn place(label: &Label) -> String {
    format!("{}:{}:{}", label.file, label.line, label.column)
}

/// A diagnostic in miette's terms.
#[derive(Debug)]
struct Report {
    head: String,
    severity: Severity,
    message: String,
    help: Option<String>,
    excerpts: Excerpts,
    labels: Vec<LabeledSpan>,
}

impl Report {
    fn new(diagnostic: &Diagnostic, files: &[SourceFile]) -> Self {
        let code = diagnostic.code;
        let mut excerpts = Excerpts::new(&diagnostic.labels, files);
        let mut labels = Vec::new();
        let mut message = defuse_line(&diagnostic.message).into_owned();
        for label in &diagnostic.labels {
            match excerpts.place(label) {
                Some(place) => labels.push(labeled(label, place, labels.is_empty())),
                // A file that was not read has no lines to show.
                None => message += &defuse_line(&format!(" ({})", place(label))),
            }
        }
        Self {
            head: format!("reconcile::{} ({})", code.slug(), code.id()),
            severity: diagnostic.severity(),
            message,
            help: diagnostic
                .help
                .as_deref()
                .map(|help| defuse_line(help).into_owned()),
            excerpts,
            labels,
        }
    }
}

fn labeled(label: &Label, place: Range<usize>, primary: bool) -> LabeledSpan {
    let text = Some(defuse_line(&label.text).into_owned()).filter(|text| !text.is_empty());
    // miette does not underline an empty span.
    let length = place.len().max(1);
    if primary {
        LabeledSpan::new_primary_with_span(text, (place.start, length))
    } else {
        LabeledSpan::new(text, place.start, length)
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
        Some(Box::new(&self.head))
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
        (!self.excerpts.is_empty()).then_some(&self.excerpts as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
