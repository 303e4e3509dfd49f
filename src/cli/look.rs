//! How text shall look, whatever the command: `--color`, `--quiet` and `--verbose`.

use std::ffi::{OsStr, OsString};

use clap::builder::ArgAction;

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Coloring {
    // No documentation of the values: with it `--help` takes a screen for each option.
    #[default]
    Auto,
    Always,
    Never,
}

/// Options of every command.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Look {
    /// When to colour: `auto` is on a terminal, unless `NO_COLOR` or TERM=dumb says no, or `CLICOLOR_FORCE` yes
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Coloring::Auto, global = true)]
    pub(super) color: Coloring,
    /// Leave out the closing line
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// Tell more: every step on its own, with its reason, guards and undo; and a log of what is done on stderr, finer with -vv
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub(super) verbose: u8,
}

/// The command line with the command in front of options that every command has: to clap they would belong to the plan
/// that `reconcile` alone makes, and the command would be its path.
pub(super) fn command_first(
    command: &clap::Command,
    arguments: impl IntoIterator<Item = OsString>,
) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let mut at = 1;
    while let Some(taken) = arguments.get(at).and_then(|a| global(command, a)) {
        at += taken;
    }
    let is_command = |name: &OsString| {
        name.to_str()
            .is_some_and(|n| command.find_subcommand(n).is_some())
    };
    if at > 1 && arguments.get(at).is_some_and(is_command) {
        arguments[1..=at].rotate_right(1);
    }
    arguments
}

/// How many arguments an option of every command takes here, itself included; `None` for anything else.
fn global(command: &clap::Command, argument: &OsStr) -> Option<usize> {
    let text = argument.to_str()?;
    let (name, has_value) = match text.split_once('=') {
        Some((name, _)) => (name, true),
        None => (text, false),
    };
    let named = |a: &&clap::Arg| {
        let long = name
            .strip_prefix("--")
            .is_some_and(|n| a.get_long() == Some(n));
        let short = name.strip_prefix('-').is_some_and(|n| {
            // A flag may be given several times over, as in `-vv`.
            let mut letters = n.chars();
            letters.next().is_some_and(|first| {
                Some(first) == a.get_short() && letters.all(|next| next == first)
            })
        });
        a.is_global_set() && (long || short)
    };
    let found = command.get_arguments().find(named)?;
    let wants_value = matches!(found.get_action(), ArgAction::Set | ArgAction::Append);
    Some(if wants_value && !has_value { 2 } else { 1 })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn the_command_comes_first() {
        let ordered = |line: &str| {
            let arguments = line.split(' ').map(OsString::from);
            let ordered = command_first(&Cli::command(), arguments);
            let words: Vec<_> = ordered.iter().map(|w| w.to_string_lossy()).collect();
            words.join(" ")
        };
        for (given, expected) in [
            ("x --color never apply a", "x apply --color never a"),
            ("x --color=never -q status", "x status --color=never -q"),
            ("x -q a", "x -q a"),
            ("x -vv apply a", "x apply -vv a"),
            ("x -q", "x -q"),
            ("x --check apply", "x --check apply"),
            ("x --color", "x --color"),
            ("x apply --color never", "x apply --color never"),
        ] {
            assert_eq!(ordered(given), expected);
        }
    }
}
