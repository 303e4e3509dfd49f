//! Diagnostics as text, by way of miette.

use std::fmt::{self, Write as _};

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    SourceCode, SourceSpan, SpanContents,
};

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
    let place = diagnostic.labels.first().map(place).unwrap_or_default();
    let code = diagnostic.code.id();
    defuse(&format!("{place}: {} ({code})", diagnostic.message)).into_owned()
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
        let mut excerpts = Excerpts::default();
        let mut labels = Vec::new();
        let mut message = defuse(&diagnostic.message).into_owned();
        for label in &diagnostic.labels {
            let file = files.iter().find(|file| file.name == label.file);
            match file.filter(|file| can_be_shown(&file.text, label)) {
                Some(file) => {
                    let start = excerpts.base_of(file) + label.span.start;
                    labels.push(labeled(label, start, labels.is_empty()));
                }
                None => message += &defuse(&format!(" ({})", place(label))),
            }
        }
        Self {
            head: format!("reconcile::{} ({})", code.slug(), code.id()),
            severity: diagnostic.severity(),
            message,
            help: diagnostic.help.as_deref().map(|h| defuse(h).into_owned()),
            excerpts,
            labels,
        }
    }
}

/// A file that was not read has no lines to show, and lines without end would flood the terminal.
fn can_be_shown(text: &str, label: &Label) -> bool {
    const LONGEST: usize = 240;
    let (start, end) = (label.span.start, label.span.end);
    let (Some(before), Some(within), Some(after)) =
        (text.get(..start), text.get(start..end), text.get(end..))
    else {
        return false;
    };
    // With the line of context on either side.
    let above = before.rsplit('\n').take(2).map(str::len).max();
    let below = after.split('\n').take(2).map(str::len).max();
    let longest = above.max(below).unwrap_or_default();
    longest + within.len() <= LONGEST
}

fn labeled(label: &Label, start: usize, primary: bool) -> LabeledSpan {
    let text = Some(defuse(&label.text).into_owned()).filter(|text| !text.is_empty());
    // miette does not underline an empty span.
    let length = label.span.len().max(1);
    if primary {
        LabeledSpan::new_primary_with_span(text, (start, length))
    } else {
        LabeledSpan::new(text, start, length)
    }
}

/// Several files as one source for miette, which knows only one: each begins where the one before has ended.
#[derive(Debug, Default)]
struct Excerpts {
    files: Vec<Excerpt>,
}

#[derive(Debug)]
struct Excerpt {
    name: String,
    text: String,
    base: usize,
}

impl Excerpts {
    fn base_of(&mut self, file: &SourceFile) -> usize {
        let name = defuse(&file.name).into_owned();
        if let Some(known) = self.files.iter().find(|known| known.name == name) {
            return known.base;
        }
        // The gap keeps miette from joining the end of one file with the beginning of the next.
        let base = self
            .files
            .last()
            .map_or(0, |last| last.base + last.text.len() + 1);
        let text = defuse_source(&file.text).into_owned();
        self.files.push(Excerpt { name, text, base });
        base
    }
}

impl SourceCode for Excerpts {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let start = span.offset();
        let holds = |file: &&Excerpt| file.base <= start && start <= file.base + file.text.len();
        let file = self
            .files
            .iter()
            .find(holds)
            .ok_or(MietteError::OutOfBounds)?;
        let local = SourceSpan::from((start - file.base, span.len()));
        let contents = file.text.read_span(&local, before, after)?;
        let shown = contents.span();
        Ok(Box::new(MietteSpanContents::new_named(
            file.name.clone(),
            contents.data(),
            SourceSpan::from((shown.offset() + file.base, shown.len())),
            contents.line(),
            contents.column(),
            contents.line_count(),
        )))
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
        (!self.excerpts.files.is_empty()).then_some(&self.excerpts as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}
