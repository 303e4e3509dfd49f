//! `reconcile plan`, and what `reconcile` alone does.

use super::{Done, Stop, documents, selection, terminal, worlds};
use crate::plan::{Plan, unroll};
use crate::report::{self, FailOn, TextStyle, Tool};

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
    /// What `--check` fails on: `none`, or of pending, drift, blocked, incomplete, deferred, warnings
    #[arg(
        long,
        value_name = "LIST",
        default_value = "pending,drift,blocked,incomplete"
    )]
    pub(super) fail_on: FailOn,
    /// Every step on its own, with its reason, guards and undo
    #[arg(short, long)]
    pub(super) verbose: bool,
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
        Output::Human => {
            let style = TextStyle {
                verbose: args.verbose,
                ..terminal::stdout_style()
            };
            terminal::print(&report::plan_text(&plan, &style));
            if args.check {
                terminal::print(&report::exit_line(&plan, &args.fail_on, 0));
            }
        }
        Output::Json => {
            terminal::print(&(report::plan_json(&plan, Tool::this()).to_string() + "\n"));
        }
    }
    Ok(if args.check {
        report::of(&args.fail_on.codes(&plan, 0))
    } else {
        0
    })
}

async fn make(args: &PlanArgs) -> Result<Plan, Stop> {
    let loaded = documents::load(&args.selection.path)?;
    let picked = selection::pick(&args.selection, &loaded.fleet)?;
    let world = worlds::Worlds::open(&args.world, &loaded.fleet, &args.selection.path)?;
    let (observed, orphans) = tokio::join!(
        world.observe_all(&picked),
        world.orphans(&args.selection, &loaded.fleet)
    );
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
    )
    .with_orphans(orphans))
}
