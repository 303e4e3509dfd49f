//! `docs/cli.md`: the help of every command, to read in one go.

use std::fmt::Write as _;

use clap::Command;

use super::command;
use super::settings::SETTINGS;
use crate::report::{Part, explanations};

const HEAD: &str = "\
# Command line

Generated from `--help`; `SNAPSHOTS=overwrite cargo test --test cli` writes it again. `reconcile man --dir DIR` writes the
same as manual pages.
";

/// Columns of the help's text.
const WIDTH: usize = 100;

/// The whole document.
pub fn markdown() -> String {
    let mut text = HEAD.to_owned();
    let mut program = wide(command());
    program.build();
    write(&mut text, "reconcile", &mut program);
    // Writing to a string cannot fail, here and below.
    let _ = writeln!(
        text,
        "\n## Settings\n\nAn option that is not given is taken from the environment, else from `.reconcile.toml`.\n"
    );
    let _ = writeln!(
        text,
        "| option | environment | key in `.reconcile.toml` |\n|---|---|---|"
    );
    for setting in &SETTINGS {
        let key = setting.in_file.then(|| format!("`{}`", setting.name));
        let key = key.unwrap_or_default();
        let _ = writeln!(
            text,
            "| `--{}` | `{}` | {key} |",
            setting.name, setting.variable
        );
    }
    let pages = explanations();
    let exits = pages.iter().filter(|page| page.names == ["exit-codes"]);
    for part in exits.flat_map(|page| &page.parts) {
        match part {
            Part::Table(_, rows) => {
                let _ = writeln!(text, "\n## Exit codes\n\n| code | meaning |\n|---|---|");
                for (code, meaning) in rows {
                    let _ = writeln!(text, "| {code} | {meaning} |");
                }
            }
            Part::Says(label, says) => {
                let _ = writeln!(text, "\n{label}: {says}.");
            }
            Part::Steps(_) | Part::Commands(_) => {}
        }
    }
    text
}

/// The same on every terminal.
fn wide(command: Command) -> Command {
    command.term_width(WIDTH).mut_subcommands(wide)
}

fn write(text: &mut String, name: &str, command: &mut Command) {
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    let _ = writeln!(text, "\n## `{name}`\n\n```text\n{}\n```", lines.join("\n"));
    for below in command.get_subcommands_mut() {
        if below.get_name() != "help" {
            let name = format!("{name} {}", below.get_name());
            write(text, &name, below);
        }
    }
}
