//! `make bench`: what the release program takes, measured as a process, in one table (docs/performance.md).
//!
//! ```text
//! cargo build --release --bin reconcile --example performance
//! target/release/examples/performance [PART...] [--write]     parts: program, offline, live; without one: all
//! ```
//!
//! An example and no bench, for cargo builds benches with another way to end at a panic than the program that people run.
//!
//! The other arguments are how it runs parts of itself in processes of their own, so that what they take is not counted
//! among what is measured.

mod cluster;
mod fleet;
mod live;
mod measure;
mod objects;
mod offline;
mod servers;
mod table;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::LazyLock;
use std::time::Duration;

use measure::Measured;
use table::{Row, Table};

/// The program that is measured, built as releases are.
static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| built("reconcile"));

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T> = std::result::Result<T, Failure>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["generate", root, count] => generate(Path::new(root), count),
        ["lists", kubeconfig, fleet] => live::lists(kubeconfig, fleet),
        parts => measure_all(parts),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn generate(root: &Path, count: &str) -> Result<()> {
    offline::generate(root, count.parse()?)
}

fn measure_all(words: &[&str]) -> Result<()> {
    let (flags, parts): (Vec<&str>, Vec<&str>) = words
        .iter()
        .copied()
        .partition(|word| word.starts_with("--"));
    let known = ["program", "offline", "live"];
    let unknown = parts.iter().find(|part| !known.contains(part));
    let unknown = unknown.or_else(|| flags.iter().find(|flag| **flag != "--write"));
    if let Some(word) = unknown {
        return Err(format!("found {word:?}, expected parts of {known:?} or --write").into());
    }
    let asked = |part: &str| parts.is_empty() || parts.contains(&part);
    let place = Place::new()?;
    let mut rows = Vec::new();
    if asked("program") {
        rows.extend(program()?);
    }
    if asked("offline") {
        rows.extend(offline::rows(&place.0)?);
    }
    if asked("live") {
        rows.extend(live::rows(&place.0)?);
    }
    let table = Table { rows };
    writeln!(std::io::stdout(), "{}", table.text())?;
    if flags.contains(&"--write") {
        table.write(Path::new("docs/performance.md"))?;
    }
    Ok(())
}

/// The program by itself.
fn program() -> Result<Vec<Row>> {
    let runs = 21;
    let help = Measured::of(runs, &[0], || measure::program(Path::new("."), &["--help"]))?;
    let size = std::fs::metadata(&*PROGRAM)?.len();
    Ok(vec![
        Row::new("`--help`", help.text()).held("≤ 10 ms", help.wall <= Duration::from_millis(10)),
        Row::new("size of the program", table::megabytes(size)).held("≤ 20 MB", size <= 20_000_000),
    ])
}

/// In the directory that this and the program were built into.
fn built(name: &str) -> PathBuf {
    let example = std::env::current_exe().unwrap_or_default();
    let built = example.ancestors().nth(2).unwrap_or(Path::new(""));
    built.join(name)
}

/// Where everything is written, emptied before and removed after.
struct Place(PathBuf);

impl Place {
    fn new() -> Result<Self> {
        let place = Self(built("tmp").join("performance"));
        place.clear();
        std::fs::create_dir_all(&place.0)?;
        Ok(place)
    }

    fn clear(&self) {
        // What is not there need not be removed, and what cannot be is said by what writes there next.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A line for whoever waits.
fn tell(text: &str) {
    // Nothing better can be done where even this cannot be written.
    let _ = writeln!(std::io::stderr(), "{text}");
}
