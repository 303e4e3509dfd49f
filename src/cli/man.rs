//! `reconcile man`: the manual's pages, from the same text as `--help`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Command;
use clap_mangen::Man;

use super::{Done, Stop, command, terminal, written};

/// Print the manual page, or write those of all commands
///
/// `reconcile man | man -l -` reads it; with `--dir` in a `man1` of the manual's path, `man reconcile-apply` does.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ManArgs {
    /// Write a page for every command into this directory: `reconcile.1`, `reconcile-plan.1`, …
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: &ManArgs) -> Done {
    let mut program = command();
    program.build();
    let Some(directory) = &args.dir else {
        let page = page(&program).map_err(|error| Stop::new(1, error.to_string()))?;
        return written(io::stdout().lock().write_all(&page));
    };
    let count = to_directory(directory, &program).map_err(|error| {
        Stop::new(
            1,
            format!("cannot write to {}: {error}", directory.display()),
        )
    })?;
    terminal::print(&format!("{count} pages in {}\n", directory.display()));
    Ok(0)
}

fn page(command: &Command) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    Man::new(command.clone()).render(&mut text)?;
    Ok(text)
}

/// How many pages there are.
fn to_directory(directory: &Path, command: &Command) -> io::Result<usize> {
    std::fs::create_dir_all(directory)?;
    let name = Man::new(command.clone()).get_filename();
    std::fs::write(directory.join(name), page(command)?)?;
    let below = command
        .get_subcommands()
        .filter(|sub| sub.get_name() != "help");
    below
        .map(|sub| to_directory(directory, sub))
        .try_fold(1, |sum, count| Ok(sum + count?))
}
