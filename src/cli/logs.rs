//! What happened, for the operator: off unless asked for, on stderr or in a file.

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::{FilterExt as _, filter_fn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt};

use super::{Stop, terminal};
use crate::report::Color;

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum LogFormat {
    // No documentation of the values: with it `--help` takes a screen for each option.
    #[default]
    Text,
    Json,
}

/// Options of every command.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct LogArgs {
    /// What to log: a level (error, warn, info, debug), `off`, or levels by module, as in `reconcile::world=debug`;
    /// comes before -v
    #[arg(long, value_name = "FILTER", global = true)]
    log: Option<String>,
    /// Add the log to this file instead of writing it to stderr; without --log or -v at level info
    #[arg(long, value_name = "FILE", global = true)]
    log_file: Option<PathBuf>,
    /// Form of the log's lines
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text, global = true)]
    log_format: LogFormat,
}

/// Once, before anything happens.
pub(super) fn start(args: &LogArgs, verbose: u8) -> Result<(), Stop> {
    let Some(filter) = filter(args, verbose)? else {
        return Ok(());
    };
    // Of other crates nothing finer than `info`, whatever the filter says: what they tell may hold a secret.
    let ours = |target: &str| target == "reconcile" || target.starts_with("reconcile::");
    let safe = filter_fn(move |event| ours(event.target()) || *event.level() <= LevelFilter::INFO);
    let (writer, colored) = writer(args)?;
    let lines = fmt::layer()
        .with_writer(writer)
        .with_ansi(colored)
        .with_span_events(FmtSpan::CLOSE);
    let lines = match args.log_format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter.and(safe)))
        .init();
    Ok(())
}

/// `None`: nothing is logged.
fn filter(args: &LogArgs, verbose: u8) -> Result<Option<EnvFilter>, Stop> {
    let by_count = match (verbose, &args.log_file) {
        (0, None) => None,
        (0 | 1, _) => Some("reconcile=info"),
        _ => Some("reconcile=debug"),
    };
    let asked = args.log.as_deref().filter(|text| !text.is_empty());
    asked
        .or(by_count)
        .map(|text| {
            EnvFilter::try_new(without_trace(text)).map_err(|error| {
                Stop::usage(format!(
                    "--log {text:?}: {error}; expected a level like `debug`"
                ))
            })
        })
        .transpose()
}

/// Nothing is said at level trace, and a release warns of whoever asks for it.
fn without_trace(filter: &str) -> String {
    let directives = filter.split(',').map(|directive| {
        let at = directive.rfind('=').map_or(0, |equals| equals + 1);
        let (module, level) = directive.split_at(at);
        let level = if level.eq_ignore_ascii_case("trace") {
            "debug"
        } else {
            level
        };
        format!("{module}{level}")
    });
    directives.collect::<Vec<_>>().join(",")
}

/// Where the lines go, and whether they may be coloured there.
fn writer(args: &LogArgs) -> Result<(BoxMakeWriter, bool), Stop> {
    let Some(path) = &args.log_file else {
        let colored = terminal::stderr_style().color != Color::None;
        return Ok((BoxMakeWriter::new(|| terminal::Above), colored));
    };
    let file = open(path)
        .map_err(|error| Stop::new(1, format!("cannot log to {}: {error}", path.display())))?;
    Ok((BoxMakeWriter::new(Mutex::new(file)), false))
}

/// Its owner alone may read it: it names clusters, members and hosts.
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finest_level_is_debug() {
        for (asked, taken) in [
            ("trace", "debug"),
            ("info", "info"),
            ("reconcile=TRACE,kube=off", "reconcile=debug,kube=off"),
            ("reconcile::trace=info", "reconcile::trace=info"),
        ] {
            assert_eq!(without_trace(asked), taken);
        }
    }
}
