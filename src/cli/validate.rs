//! `reconcile validate`: are the documents right, without a look at any cluster?

use std::io::{self, Write};
use std::path::PathBuf;

use crate::diag::{Diagnostic, SourceFile, Style, render_all};
use crate::fleet::{self, Fleet};
use crate::report;
use crate::source::{self, GitState};

/// Invalid input: a document has an error.
pub const INVALID: u8 = 4;

/// Check the documents of a fleet, without reaching any cluster.
#[derive(Debug, Clone, clap::Args)]
pub struct ValidateArgs {
    /// Directory of the fleet, with `fleet.yaml` and `clusters/`
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,

    /// How the findings are written: for people on stderr, or as a document on stdout
    #[arg(short, long, value_enum, default_value_t = Output::Human)]
    pub output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Output {
    Human,
    Json,
    Yaml,
}

/// A fleet read from a directory, with all that was found on the way.
#[derive(Debug)]
pub struct Opened {
    /// There is none while an error is among the diagnostics.
    pub fleet: Option<Fleet>,
    pub files: Vec<SourceFile>,
    pub git: Option<GitState>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads and checks the fleet at a path; what every command begins with.
pub fn open(path: &std::path::Path) -> Opened {
    let (documents, loaded) = source::read_and(path, fleet::load);
    let source::Documents {
        files,
        git,
        mut diagnostics,
    } = documents;
    // Files that could not be read are missing in it, and what is missing because of them is not worth a word.
    let unread = diagnostics.iter().any(Diagnostic::is_error);
    let fleet = loaded.fleet.filter(|_| !unread);
    diagnostics.extend(
        loaded
            .diagnostics
            .into_iter()
            .filter(|found| !unread || !found.labels.is_empty()),
    );
    Opened {
        fleet,
        files,
        git,
        diagnostics,
    }
}

impl Opened {
    /// The diagnostics as text for stderr; empty when there are none.
    pub fn text(&self, style: Style, width: usize) -> String {
        render_all(&self.diagnostics, &self.files, style, width)
    }
}

/// The exit code: 0, or 4 when a document has an error.
pub fn run(
    args: &ValidateArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
    style: Style,
    width: usize,
) -> io::Result<u8> {
    let opened = open(&args.path);
    match write(args.output, &opened, stdout, stderr, style, width) {
        // Whoever reads has read enough; the verdict stands.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    Ok(if opened.fleet.is_some() { 0 } else { INVALID })
}

fn write(
    output: Output,
    opened: &Opened,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
    style: Style,
    width: usize,
) -> io::Result<()> {
    match output {
        Output::Human => {
            stderr.write_all(opened.text(style, width).as_bytes())?;
            writeln!(stdout, "{}", closing_line(opened))
        }
        Output::Json => stdout.write_all(report::json_lines(&document(opened)).as_bytes()),
        Output::Yaml => stdout.write_all(report::yaml_text(&document(opened)).as_bytes()),
    }
}

fn document(opened: &Opened) -> serde_json::Value {
    serde_json::json!({
        "schema": "reconcile.diagnostics/v1",
        "diagnostics": opened.diagnostics,
    })
}

fn closing_line(opened: &Opened) -> String {
    let (errors, warnings): (Vec<_>, Vec<_>) = opened
        .diagnostics
        .iter()
        .partition(|found| found.is_error());
    let remarks = match (errors.len(), warnings.len()) {
        (0, 0) => String::new(),
        (0, w) => format!(", {}", count(w, "warning")),
        (e, 0) => count(e, "error"),
        (e, w) => format!("{}, {}", count(e, "error"), count(w, "warning")),
    };
    match &opened.fleet {
        Some(fleet) => format!(
            "{}: {} in {} {} valid{remarks}",
            fleet.name,
            count(fleet.clusters.len(), "cluster"),
            count(fleet.contexts.len(), "context"),
            if fleet.clusters.len() == 1 {
                "is"
            } else {
                "are"
            },
        ),
        None => format!(
            "invalid: {remarks} in {}",
            count(opened.files.len(), "file")
        ),
    }
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
