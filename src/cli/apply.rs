//! `reconcile apply`: plan, ask, perform.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use jiff::SignedDuration;

use super::consent::{self, Consent};
use super::documents::{self, LoadedFleet};
use super::events::EventFile;
use super::output::Output;
use super::plan::{Made, make_now};
use super::progress::{self, Progress};
use super::saved::Saved;
use super::selection::Selection;
use super::{Done, Stop, plan_file, terminal, worlds};
use crate::apply::{Approval, Interrupt, Options, Outcome, apply_fleet};
use crate::decide::Run;
use crate::fleet::{ClusterSpec, Rollout};
use crate::plan::Plan;
use crate::report::{self, Again, LostEvents};
use crate::world::World;

/// Make the clusters what Git says, step by step; may be killed anywhere and run again
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ApplyArgs {
    /// Directory with `fleet.yaml` and `clusters/`, or a plan file (`plan --out`): its clusters, and no more than its steps
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Only clusters whose id `<context>/<name>` matches; may be repeated
    #[arg(long, value_name = "GLOB")]
    cluster: Vec<String>,
    /// Only clusters of this context; may be repeated
    #[arg(long, value_name = "NAME")]
    context: Vec<String>,
    /// Of a plan file: the fleet's directory, where it is not where the plan says
    #[arg(long = "path", value_name = "DIR")]
    fleet: Option<PathBuf>,
    /// Of a plan file: how old it may be [default: 24h]
    #[arg(long, value_name = "DURATION")]
    max_age: Option<SignedDuration>,
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
    /// Apply although the last run, or the plan file, was of a newer commit
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

impl ApplyArgs {
    /// The fleet and the clusters of it: as given, or as the saved plan has them.
    fn selection(&self, saved: Option<&Saved>) -> Result<Selection, Stop> {
        let filtered = !(self.cluster.is_empty() && self.context.is_empty());
        match saved {
            None if self.fleet.is_some() || self.max_age.is_some() => Err(Stop::usage(format!(
                "--path and --max-age are for a plan file; {} is none",
                self.path.display()
            ))),
            None if !self.path.exists() => Err(Stop::usage(format!(
                "{} is not there; expected a directory with fleet.yaml and clusters/, or a plan file (`plan --out`)",
                self.path.display()
            ))),
            None => Ok(Selection {
                path: self.path.clone(),
                cluster: self.cluster.clone(),
                context: self.context.clone(),
            }),
            Some(_) if filtered => Err(Stop::usage(
                "--cluster and --context are in the plan file already; plan again to apply to others",
            )),
            Some(saved) => saved.selection(self.fleet.as_deref()),
        }
    }

    /// What was looked at, and what the command line says about it.
    fn consent<'a>(&'a self, saved: Option<&'a Saved>, plan: &'a Plan) -> Consent<'a> {
        Consent {
            given: self.yes || saved.is_some(),
            expected: self.expect_hash.as_deref(),
            hash: &saved.map_or(plan, Saved::plan).intent_hash,
            sandbox: self.world.sandbox.is_some(),
        }
    }

    fn options(&self, loaded: &LoadedFleet) -> Options {
        let git = loaded.git.clone().filter(|_| !self.allow_older);
        Options {
            run: Run {
                commit: loaded.commit(),
            },
            max_steps: self.max_steps.map(|n| n as usize),
            lock_timeout: Duration::from_secs(self.lock_timeout),
            is_newer: Box::new(move |previous, ours| {
                documents::is_newer(git.as_ref(), previous, ours)
            }),
        }
    }
}

async fn start(args: &ApplyArgs) -> Done {
    if args.world.observed.is_some() {
        return Err(Stop::usage(
            "a recording is read-only: `apply` needs a live world or --sandbox",
        ));
    }
    let saved = Saved::open(&args.path)?;
    let selection = args.selection(saved.as_ref())?;
    let loaded = documents::load(&selection.path)?;
    if let Some(git) = loaded.git.as_ref().filter(|git| !git.dirty.is_empty())
        && !args.allow_dirty
    {
        return Err(Stop::usage(format!(
            "found changes that are not committed: {}; commit them, or give --allow-dirty",
            git.dirty.join(", ")
        )));
    }
    if let Some(saved) = &saved {
        saved.is_of(&loaded, args.allow_older)?;
    }
    let made = make_now(&loaded, &selection, &args.world, saved.is_some())?;
    let style = terminal::stderr_style();
    if let Some(saved) = &saved {
        saved.is_young(made.plan.now, args.max_age)?;
        let file = saved.file().display().to_string();
        terminal::tell(&report::saved_text(&file, saved.plan(), &style));
    }
    terminal::tell(&report::plan_text(&made.plan, &style));
    let clusters = match &saved {
        Some(saved) => saved.approvals(&made)?,
        None => approvals(&made),
    };
    consent::obtain(&made.plan, &args.consent(saved.as_ref(), &made.plan))?;
    let events = args.events.as_deref().map(EventFile::create).transpose()?;
    let options = args.options(&loaded);
    let rollout = &loaded.fleet.rollout;
    let progress = Progress::new(clusters.iter().map(|(spec, _)| &spec.id), events);
    let outcome = match &made.world {
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
    tally(args, &selection, &outcome, progress.end().as_ref());
    Ok(report::of(&report::codes_of(&outcome)))
}

/// What was shown is what may be done.
fn approvals<'l>(made: &Made<'l>) -> Vec<(&'l ClusterSpec, Approval)> {
    let plans: BTreeMap<_, _> = made.plan.clusters.iter().map(|c| (&c.id, c)).collect();
    let picked = made.picked.iter();
    picked
        .filter_map(|spec| Some((*spec, Approval::of(plans.get(&spec.id)?))))
        .collect()
}

/// What came of it, on stdout.
fn tally(args: &ApplyArgs, selection: &Selection, outcome: &Outcome, lost: Option<&LostEvents>) {
    let mut document = report::outcome_json(outcome, report::Tool::this());
    if let Some(lost) = lost {
        document["lostEvents"] = serde_json::json!(lost);
    }
    if let Some(text) = args.output.document(&document) {
        return terminal::print(&text);
    }
    let sandbox = args.world.sandbox.as_ref();
    let sandbox = sandbox.map_or(String::new(), |file| {
        format!(" --sandbox {}", file.display())
    });
    let (given, fleet) = (args.path.display(), selection.path.display());
    let mut applied = format!("{given}{sandbox}");
    if let Some(moved) = &args.fleet {
        let _ = write!(applied, " --path {}", moved.display());
    }
    let again = Again {
        fleet: &format!("{fleet}{sandbox}"),
        saved: plan_file::is_one(&args.path).then_some(applied.as_str()),
    };
    let style = terminal::stdout_style();
    let lost = lost.map(|lost| report::lost_events_tally(lost, &style));
    let told = report::tally_text(outcome, &again, &style);
    terminal::print(&(lost.unwrap_or_default() + &told));
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
