//! stdout is the artefact asked for, stderr is everything else.

use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, OnceLock, PoisonError};

use terminal_size::{Height, Width, terminal_size_of};

use super::look::{Coloring, Look};
use super::region::Region;
use crate::diag::{Style, defuse};
use crate::report::{Color, TextStyle};

/// How text shall look, as the command line says.
static LOOK: OnceLock<Look> = OnceLock::new();

/// What is drawn on stderr at present; all that is written there goes above it.
static REGION: Mutex<Region> = Mutex::new(Region::new());

/// Columns where nothing says how many there are.
const USUAL_WIDTH: usize = 100;
/// Columns below which no text is worth wrapping.
const LEAST_WIDTH: usize = 20;

/// Once, before anything is written.
pub(super) fn look(look: Look) {
    // Whoever comes second has nothing to say: there is one command line.
    let _ = LOOK.set(look);
}

fn asked() -> Look {
    LOOK.get().copied().unwrap_or_default()
}

/// Columns of diagnostics.
pub(super) fn width() -> usize {
    width_of(io::stderr())
}

/// The terminal's columns, else what COLUMNS says.
fn width_of(stream: impl AsFd) -> usize {
    let terminal = terminal_size_of(stream).map(|(Width(columns), _)| usize::from(columns));
    let said = || set("COLUMNS")?.parse().ok().filter(|columns| *columns > 0);
    let columns = terminal.or_else(said).unwrap_or(USUAL_WIDTH);
    columns.max(LEAST_WIDTH)
}

/// Columns and rows of the terminal that stderr is, as they are now.
pub(super) fn stderr_size() -> (usize, usize) {
    let size = terminal_size_of(io::stderr());
    let (Width(columns), Height(rows)) = size.unwrap_or((Width(80), Height(24)));
    (usize::from(columns), usize::from(rows))
}

/// How text for stdout may look.
pub(super) fn stdout_style() -> TextStyle {
    style(io::stdout().is_terminal(), width_of(io::stdout()))
}

/// How text for stderr may look.
pub(super) fn stderr_style() -> TextStyle {
    style(io::stderr().is_terminal(), width_of(io::stderr()))
}

fn style(terminal: bool, width: usize) -> TextStyle {
    TextStyle {
        width,
        color: if is_colored(terminal) {
            Color::Ansi
        } else {
            Color::None
        },
        ascii: is_ascii(),
        verbose: asked().verbose > 0,
        quiet: asked().quiet,
    }
}

/// An environment variable that is not empty.
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn is_dumb() -> bool {
    set("TERM").is_some_and(|term| term == "dumb")
}

fn is_colored(terminal: bool) -> bool {
    let forced = || set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
    match asked().color {
        Coloring::Always => true,
        Coloring::Never => false,
        Coloring::Auto => set("NO_COLOR").is_none() && !is_dumb() && (terminal || forced()),
    }
}

/// A locale that has no other characters.
fn is_ascii() -> bool {
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    locale.is_some_and(|locale| ["C", "POSIX"].contains(&locale.as_str()))
}

/// May stderr be drawn over? Not in CI, where every picture would be a line of the log, nor where colour is not wanted:
/// whoever says `NO_COLOR` wants plain lines.
pub(super) fn can_draw() -> bool {
    let ci = set("CI").is_some_and(|ci| ci != "false");
    io::stderr().is_terminal() && is_colored(true) && !is_dumb() && !ci
}

pub(super) fn is_interactive() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// How diagnostics are drawn on stderr.
pub(super) fn diagnostic_style() -> Style {
    if is_colored(io::stderr().is_terminal()) && !is_ascii() {
        Style::Fancy
    } else {
        Style::Plain
    }
}

/// Names and parsers' words in it may be of anybody's making.
pub(super) fn complain(message: &str) {
    tell(&format!("error: {}", defuse(message)));
}

pub(super) fn tell(line: &str) {
    // A closed stderr must not turn one error into two.
    let _ = write_above(&format!("{line}\n"));
}

/// Lines that stay at the bottom of the terminal until others are drawn in their place.
pub(super) fn draw(lines: Vec<String>) {
    let mut region = REGION.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = region.draw(lines, stderr_size().0);
    let _ = io::stderr().lock().write_all(bytes.as_bytes());
}

fn write_above(text: &str) -> io::Result<()> {
    let region = REGION.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = region.above(text, stderr_size().0);
    io::stderr().lock().write_all(bytes.as_bytes())
}

/// Where logs go: a line at a time, and never into a picture.
pub(super) struct Above;

impl Write for Above {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        write_above(&String::from_utf8_lossy(line))?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Instead of the last such line, on a terminal.
pub(super) fn tell_over(line: &str) {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "\r\x1b[K{line}");
    let _ = stderr.flush();
}

/// Writes the artefact. A closed pipe ends the output, not the program.
pub(super) fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes());
    let _ = stdout.flush();
}

/// One answer from a person.
pub(super) fn ask(question: &str) -> Result<String, super::Stop> {
    let mut stderr = io::stderr().lock();
    let _ = write!(stderr, "{question}");
    let _ = stderr.flush();
    let mut answer = String::new();
    io::stdin()
        .read_line(&mut answer)
        .map_err(|error| super::Stop::new(1, format!("no answer could be read: {error}")))?;
    Ok(answer.trim().to_owned())
}
