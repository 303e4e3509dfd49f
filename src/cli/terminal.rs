//! stdout is the artefact asked for, stderr is everything else.

use std::io::{IsTerminal as _, Write as _};

use tracing_subscriber::EnvFilter;

use crate::diag::Style;
use crate::report::{Color, TextStyle};

/// Columns to write for.
pub(super) fn width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse().ok())
        .filter(|columns| *columns >= 40)
        .unwrap_or(100)
}

/// How text for stdout may look.
pub(super) fn stdout_style() -> TextStyle {
    style(std::io::stdout().is_terminal())
}

/// How text for stderr may look.
pub(super) fn stderr_style() -> TextStyle {
    style(std::io::stderr().is_terminal())
}

fn style(terminal: bool) -> TextStyle {
    let set = |name| std::env::var(name).ok().filter(|v| !v.is_empty());
    let plain = set("NO_COLOR").is_some() || set("TERM").is_some_and(|t| t == "dumb");
    let forced = set("CLICOLOR_FORCE").is_some_and(|v| v != "0");
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    TextStyle {
        width: width(),
        color: if !plain && (terminal || forced) {
            Color::Ansi
        } else {
            Color::None
        },
        ascii: locale.is_some_and(|l| ["C", "POSIX"].contains(&l.as_str())),
        verbose: false,
    }
}

pub(super) fn is_interactive() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// How diagnostics are drawn on stderr.
pub(super) fn diagnostic_style() -> Style {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
    if std::io::stderr().is_terminal() && !no_color {
        Style::Fancy
    } else {
        Style::Plain
    }
}

/// Logs are off unless `RECONCILE_LOG` asks for them.
pub(super) fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("RECONCILE_LOG").unwrap_or_else(|_| EnvFilter::new("off"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
}

pub(super) fn complain(message: &str) {
    // A closed stderr must not turn one error into two.
    let _ = writeln!(std::io::stderr().lock(), "error: {message}");
}

pub(super) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Instead of the last such line, on a terminal.
pub(super) fn tell_over(line: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[K{line}");
    let _ = stderr.flush();
}

/// Writes the artefact. A closed pipe ends the output, not the program.
pub(super) fn print(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// One answer from a person.
pub(super) fn ask(question: &str) -> Result<String, super::Stop> {
    let mut stderr = std::io::stderr().lock();
    let _ = write!(stderr, "{question}");
    let _ = stderr.flush();
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .map_err(|error| super::Stop::new(1, format!("no answer could be read: {error}")))?;
    Ok(answer.trim().to_owned())
}
