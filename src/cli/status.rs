//! `reconcile status`: what runs.

use std::mem::ManuallyDrop;
use std::path::PathBuf;

use super::{Done, Stop, documents, output::Output, selection, terminal, worlds};
use crate::report;
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
    /// Form of the status on stdout; `json` and `yaml` are the recording itself
    #[arg(short, long, value_enum, default_value_t = Output::Human)]
    output: Output,
}

pub(super) fn run(args: &StatusArgs) -> Done {
    let loaded = documents::load(&args.selection.path)?;
    let picked = selection::pick(&args.selection, &loaded.fleet)?;
    // The process ends with what is told of it.
    let world = worlds::Worlds::open(&args.world, &loaded.fleet, &args.selection.path)?;
    let world = ManuallyDrop::new(world);
    let (observed, sightings) = worlds::runtime()?.block_on(async {
        world.survey(&picked, (&args.selection, &loaded.fleet), |_, observed| {
            observed
        })
    })?;
    let orphans = worlds::orphans(&args.selection, &loaded.fleet, &sightings);
    if args.output == Output::Human {
        let clusters: Vec<_> = picked.iter().copied().zip(&observed).collect();
        terminal::print(&report::status_text(
            &clusters,
            &orphans,
            &terminal::stdout_style(),
        ));
    }
    let text = Recording::text(world.now(), &observed, sightings)
        .map_err(|error| Stop::new(1, format!("the recording cannot be written: {error}")))?;
    match args.output {
        Output::Human => {}
        Output::Json => terminal::print(&report::escaped(&text)),
        Output::Yaml => {
            let document = serde_json::from_str(&text)
                .map_err(|error| Stop::new(1, format!("the recording cannot be read: {error}")))?;
            terminal::print(&report::yaml_text(&document));
        }
    }
    if let Some(file) = &args.record {
        std::fs::write(file, text)
            .map_err(|error| Stop::new(1, format!("cannot write {}: {error}", file.display())))?;
    }
    Ok(0)
}
