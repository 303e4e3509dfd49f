//! `reconcile status`: what runs.

use std::path::PathBuf;

use super::{Done, Stop, documents, selection, terminal, worlds};
use crate::world::recorded::Recording;

/// Show what was observed of each cluster, or record it
#[derive(Debug, Clone, clap::Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    selection: selection::Selection,
    #[command(flatten)]
    world: worlds::WorldArgs,
    /// Write the observations to a file that `--observed` replays; secrets are never in it
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Form of what is shown on stdout; `json` is the recording
    #[arg(short, long, value_enum, default_value_t = super::plan::Output::Human)]
    output: super::plan::Output,
}

pub(super) fn run(args: &StatusArgs) -> Done {
    let loaded = documents::load(&args.selection.path)?;
    let picked = selection::pick(&args.selection, &loaded.fleet)?;
    let world = worlds::Worlds::open(&args.world, &loaded.fleet, &args.selection.path)?;
    let observed = worlds::runtime()?.block_on(world.observe_all(&picked));
    let text = Recording::text(world.now(), observed)
        .map_err(|error| Stop::new(1, format!("the recording cannot be written: {error}")))?;
    match &args.record {
        Some(file) => std::fs::write(file, text)
            .map_err(|error| Stop::new(1, format!("cannot write {}: {error}", file.display())))?,
        None => terminal::print(&text),
    }
    Ok(0)
}
