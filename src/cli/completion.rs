//! `reconcile completion`: what a shell needs to complete the command line.

use clap_complete::Shell;

use super::{Done, command, written};

/// Print the completion script of a shell
///
/// For bash `source <(reconcile completion bash)` in ~/.bashrc; for zsh put it as `_reconcile` into a directory of
/// `$fpath`; for fish into ~/.config/fish/completions/reconcile.fish.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct CompletionArgs {
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

pub(super) fn run(args: &CompletionArgs) -> Done {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command(), "reconcile", &mut script);
    written(std::io::Write::write_all(
        &mut std::io::stdout().lock(),
        &script,
    ))
}
