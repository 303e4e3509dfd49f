//! `reconcile apply`: plan, ask, perform.

use std::path::PathBuf;
use std::time::Duration;

use super::events::EventFile;
use super::output::Output;
use super::progress::{self, Progress};
use super::{Done, Stop, commits, documents, selection, terminal, worlds};
use crate::apply::{Approval, Interrupt, Options, Outcome, apply_fleet};
use crate::decide::Run;
use crate::fleet::{ClusterSpec, Rollout};
use crate::plan::{ClusterPlan, Plan, unroll};
use crate::report::{self, LostEvents};
use crate::world::World;

/// Make the clusters what Git says, step by step; may be killed anywhere and run again
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ApplyArgs {
    #[command(flatten)]
    selection: selection::Selection,
    #[command(flatten)]
    world: worlds::WorldArgs,
    /// Do not ask; destructive work needs `--expect-hash` too, but on a sandbox
    #[arg(long)]
    yes: bool,
    /// Apply only if the plan has this intent hash (`sha256:…`)
    #[arg(long, value_name = "HASH")]
    expect_hash: Option<String>,
    /// Stop after this many steps per cluster
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_steps: Option<u32>,
    /// Apply although files differ from their commit
    #[arg(long)]
    allow_dirty: bool,
    /// Apply although the last run was of a newer commit
    #[arg(long)]
    allow_older: bool,
    /// How long to wait for a cluster's lock (seconds)
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    lock_timeout: u64,
    /// Write every event to this file too, a line of JSON each; what was in it is gone
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// Form of the outcome on stdout
    #[arg(short, long, value_enum, default_value_t = Output::Human)]
    output: Output,
}

pub(super) fn run(args: &ApplyArgs) -> Done {
    worlds::runtime()?.block_on(start(args))
}

async fn start(args: &ApplyArgs) -> Done {
    let loaded = documents::load(&args.selection.path)?;
    if let Some(git) = loaded.git.as_ref().filter(|git| !git.dirty.is_empty())
        && !args.allow_dirty
    {
        return Err(Stop::usage(format!(
            "found changes that are not committed: {}; commit them, or give --allow-dirty",
            git.dirty.join(", ")
        )));
    }
    let picked = selection::pick(&args.selection, &loaded.fleet)?;
    if args.world.observed.is_some() {
        return Err(Stop::usage(
            "a recording is read-only: `apply` needs a live world or --sandbox",
        ));
    }
    let world = worlds::Worlds::open(&args.world, &loaded.fleet, &args.selection.path)?;
    let (observed, orphans) = tokio::join!(
        world.observe_all(&picked),
        world.orphans(&args.selection, &loaded.fleet)
    );
    let plans: Vec<ClusterPlan> = picked
        .iter()
        .zip(&observed)
        .map(|(spec, o)| unroll(spec, o))
        .collect();
    let source = loaded.facts(args.selection.filters());
    let mut plan = Plan::new(
        loaded.fleet.name.clone(),
        args.world.now.unwrap_or_else(|| world.now()),
        source,
        plans.clone(),
    )
    .with_orphans(orphans);
    commits::attribute(&mut plan, loaded.git.as_ref());
    terminal::tell(&report::plan_text(&plan, &terminal::stderr_style()));
    approve(args, &plan)?;
    let events = args.events.as_deref().map(EventFile::create).transpose()?;
    let clusters: Vec<(&ClusterSpec, Approval)> = picked
        .iter()
        .copied()
        .zip(plans.iter().map(Approval::of))
        .collect();
    let git = loaded.git.clone().filter(|_| !args.allow_older);
    let options = Options {
        run: Run {
            commit: loaded.commit(),
        },
        max_steps: args.max_steps.map(|n| n as usize),
        lock_timeout: Duration::from_secs(args.lock_timeout),
        is_newer: Box::new(move |previous, ours| documents::is_newer(git.as_ref(), previous, ours)),
    };
    let rollout = &loaded.fleet.rollout;
    let progress = Progress::new(clusters.iter().map(|(spec, _)| &spec.id), events);
    let outcome = match &world {
        worlds::Worlds::Live(world) => {
            Box::pin(walk(world, &clusters, rollout, &options, &progress)).await
        }
        worlds::Worlds::Sandbox(world) => {
            walk(world, &clusters, rollout, &options, &progress).await
        }
        worlds::Worlds::Recorded(world) => {
            walk(world, &clusters, rollout, &options, &progress).await
        }
    };
    tally(args, &outcome, progress.end().as_ref());
    Ok(report::of(&report::codes_of(&outcome)))
}

/// What came of it, on stdout.
fn tally(args: &ApplyArgs, outcome: &Outcome, lost: Option<&LostEvents>) {
    let mut document = report::outcome_json(outcome, report::Tool::this());
    if let Some(lost) = lost {
        document["lostEvents"] = serde_json::json!(lost);
    }
    if let Some(text) = args.output.document(&document) {
        return terminal::print(&text);
    }
    let mut path = args.selection.path.display().to_string();
    if let Some(file) = &args.world.sandbox {
        path = format!("{path} --sandbox {}", file.display());
    }
    let style = terminal::stdout_style();
    let lost = lost.map(|lost| report::lost_events_tally(lost, &style));
    terminal::print(&(lost.unwrap_or_default() + &report::tally_text(outcome, &path, &style)));
}

async fn walk<W: World>(
    world: &W,
    clusters: &[(&ClusterSpec, Approval)],
    rollout: &Rollout,
    options: &Options,
    progress: &Progress,
) -> Outcome {
    let interrupt = Interrupt::default();
    listen(&interrupt);
    let tell = |event| progress.event(world.now(), &event);
    let run = apply_fleet(world, clusters, rollout, options, &interrupt, &tell);
    tokio::pin!(run);
    let mut ticks = tokio::time::interval(progress::TICK);
    loop {
        tokio::select! {
            outcome = &mut run => return outcome,
            _ = ticks.tick() => progress.tick(world.now()),
        }
    }
}

/// SIGINT and SIGTERM ask for a safe point.
fn listen(interrupt: &Interrupt) {
    use tokio::signal::unix::{SignalKind, signal};
    for (kind, number) in [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15)] {
        let Ok(mut stream) = signal(kind) else {
            continue;
        };
        let interrupt = interrupt.clone();
        tokio::spawn(async move {
            while stream.recv().await.is_some() {
                interrupt.raise(number);
                terminal::tell(match interrupt.count() {
                    1 => {
                        "stopping at the next safe point; once more stops after the step under way"
                    }
                    _ => "stopping after the step under way",
                });
            }
        });
    }
}

/// Returns when the plan may be performed.
fn approve(args: &ApplyArgs, plan: &Plan) -> Result<(), Stop> {
    if let Some(expected) = &args.expect_hash
        && *expected != plan.intent_hash
    {
        return Err(Stop::new(
            6,
            format!(
                "the plan has intent hash {}, expected {expected}; nothing was changed",
                plan.intent_hash
            ),
        ));
    }
    let destructive = plan.clusters.iter().any(ClusterPlan::is_destructive);
    let steps = plan.counts().steps;
    if steps == 0 {
        return Ok(());
    }
    if args.yes {
        let bound = args.expect_hash.is_some() || args.world.sandbox.is_some();
        if destructive && !bound {
            return Err(Stop::usage(format!(
                "this plan is destructive: give `--expect-hash {}` with --yes",
                plan.intent_hash
            )));
        }
        return Ok(());
    }
    if !terminal::is_interactive() {
        return Err(Stop::usage(
            "no terminal to ask on: give --yes (with --expect-hash for destructive work)",
        ));
    }
    let (question, wanted) = if destructive {
        (
            format!(
                "Apply these {steps} steps? Type the fleet's name ({}): ",
                plan.fleet
            ),
            plan.fleet.clone(),
        )
    } else {
        (format!("Apply these {steps} steps? [y/N] "), "y".to_owned())
    };
    if terminal::ask(&question)? == wanted {
        Ok(())
    } else {
        Err(Stop::new(6, "not approved; nothing was changed"))
    }
}
