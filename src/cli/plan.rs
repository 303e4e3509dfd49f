//! `reconcile plan`, and what `reconcile` alone does.

use super::{Done, Stop, documents, selection, terminal, worlds};
use crate::plan::{Plan, outcome_codes, unroll};
use crate::report;

/// Show what would be done, step by step; change nothing
#[derive(Debug, Clone, clap::Args)]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) selection: selection::Selection,
    #[command(flatten)]
    pub(super) world: worlds::WorldArgs,
    /// Gate: exit 2 with changes, 3 when one is blocked, 5 when a cluster cannot be read
    #[arg(long)]
    pub(super) check: bool,
    /// Form of the plan on stdout
    #[arg(short, long, value_enum, default_value_t = Output::Human)]
    pub(super) output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    Human,
    Json,
}

pub(super) fn run(args: &PlanArgs) -> Done {
    let plan = worlds::runtime()?.block_on(make(args))?;
    match args.output {
        Output::Human => terminal::print(&report::plan_text(&plan)),
        Output::Json => terminal::print(&(report::plan_json(&plan).to_string() + "\n")),
    }
    let codes = outcome_codes(&plan);
    Ok(if args.check {
        codes.last().copied().unwrap_or(0)
    } else {
        0
    })
}

async fn make(args: &PlanArgs) -> Result<Plan, Stop> {
    let loaded = documents::load(&args.selection.path)?;
    let picked = selection::pick(&args.selection, &loaded.fleet)?;
    let world = worlds::Worlds::open(&args.world, &loaded.fleet, &args.selection.path)?;
    let observed = world.observe_all(&picked).await;
    let clusters = picked
        .iter()
        .zip(&observed)
        .map(|(spec, o)| unroll(spec, o))
        .collect();
    let source = loaded.facts(args.selection.filters());
    Ok(Plan::new(
        loaded.fleet.name.clone(),
        args.world.now.unwrap_or_else(|| world.now()),
        source,
        clusters,
    ))
}
