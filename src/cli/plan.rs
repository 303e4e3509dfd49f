//! `reconcile plan`, and what `reconcile` alone does.

use std::mem::ManuallyDrop;
use std::path::PathBuf;

use serde_json::Value;

use super::documents::LoadedFleet;
use super::output::PlanOutput;
use super::{
    Done, Stop, commits, documents, github, plan_file, selection, terminal, validate, worlds,
};
use crate::diag::Style;
use crate::fleet::ClusterSpec;
use crate::plan::{Basis, Plan, unroll};
use crate::report::{self, FailOn, Tool};

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
    /// Save the plan in this file too, for `show` and `apply`; secrets are never in it
    #[arg(long, value_name = "FILE")]
    pub(super) out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) form: Form,
}

/// How a plan is told on stdout.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Form {
    /// Form of the plan on stdout
    #[arg(short, long, value_enum, default_value_t = PlanOutput::Human)]
    output: PlanOutput,
    /// Size of a comment at most, in bytes: what does not fit is left out and said [default: 60000, which GitHub takes]
    #[arg(long, value_name = "N", value_parser = at_least_1000)]
    max_bytes: Option<usize>,
}

/// GitHub takes 65,536 characters.
const COMMENT_BYTES: usize = 60_000;

/// Less has no room for what a comment is never without.
fn at_least_1000(text: &str) -> Result<usize, String> {
    let bytes: usize = text.parse().map_err(|error| format!("{error}"))?;
    if bytes < 1000 {
        return Err(format!("found {bytes}, expected at least 1000"));
    }
    Ok(bytes)
}

impl Form {
    /// No option is given that this form leaves aside.
    pub(super) fn is_sound(&self) -> Result<(), Stop> {
        if self.max_bytes.is_some() && self.output != PlanOutput::Markdown {
            return Err(Stop::usage("--max-bytes is for `-o markdown`"));
        }
        Ok(())
    }

    fn most_bytes(&self) -> usize {
        self.max_bytes.unwrap_or(COMMENT_BYTES)
    }

    fn is_document(&self) -> bool {
        matches!(self.output, PlanOutput::Json | PlanOutput::Yaml)
    }

    /// Writes the plan to stdout; `gate`: the exit code is told too.
    pub(super) fn print(&self, plan: &Plan, gate: Option<&FailOn>, document: impl Fn() -> Value) {
        terminal::print(&match self.output {
            PlanOutput::Human => {
                let style = terminal::stdout_style();
                let mut text = report::plan_text(plan, &style);
                if let Some(fail_on) = gate.filter(|_| !style.quiet) {
                    text += &report::exit_line(plan, fail_on, 0);
                }
                text
            }
            PlanOutput::Json => report::json_text(&document()),
            PlanOutput::Yaml => report::yaml_text(&document()),
            PlanOutput::Markdown => report::plan_markdown(plan, self.most_bytes()),
        });
    }
}

/// The exit code of a gate, told to CI; 0 where nobody asked for one.
pub(super) fn verdict(plan: &Plan, gate: Option<&FailOn>) -> u8 {
    let Some(fail_on) = gate else {
        return 0;
    };
    let code = report::of(&fail_on.codes(plan, 0));
    github::tell(code, Some(plan));
    code
}

pub(super) fn run(args: &PlanArgs) -> Done {
    args.form.is_sound()?;
    let plan = match worlds::runtime()?.block_on(async { make(args) }) {
        // Not taken apart, as what it was made from is not.
        Ok(plan) => ManuallyDrop::new(plan),
        Err(stop) => {
            no_plan(args, &stop);
            return Err(stop);
        }
    };
    let document = || report::plan_json(&plan, Tool::this());
    if let Some(file) = &args.out {
        plan_file::write(file, &report::json_text(&document()))?;
    }
    let gate = args.check.then_some(&args.fail_on);
    args.form.print(&plan, gate, document);
    if let Some(file) = &args.out {
        saved(args, file, &plan);
    }
    Ok(verdict(&plan, gate))
}

/// What can be done with the file.
fn saved(args: &PlanArgs, file: &std::path::Path, plan: &Plan) {
    if terminal::stderr_style().quiet {
        return;
    }
    let file = file.display();
    let mut line = format!("saved in {file}");
    if plan.counts().steps > 0 && args.world.observed.is_none() {
        let sandbox = args.world.sandbox.as_ref();
        let sandbox = sandbox.map_or(String::new(), |s| format!(" --sandbox {}", s.display()));
        let hash = &plan.intent_hash;
        let command = format!("reconcile apply {file}{sandbox} --expect-hash {hash}");
        line = format!("{line}; `{command}` does it");
    }
    terminal::tell(&line);
}

/// Whoever waits for a comment or for a step's outputs is told that there is none, and why.
fn no_plan(args: &PlanArgs, stop: &Stop) {
    if args.check {
        github::tell(stop.code, None);
    }
    if args.form.output != PlanOutput::Markdown {
        return;
    }
    let mut why = String::new();
    if stop.code == validate::INVALID {
        let opened = validate::open(&args.selection.path);
        why = opened.text(Style::Plain, 100);
    }
    why.extend(["error: ", &stop.message, "\n"]);
    terminal::print(&report::failure_markdown(
        stop.code,
        &why,
        args.form.most_bytes(),
    ));
}

fn make(args: &PlanArgs) -> Result<Plan, Stop> {
    // The process ends with the plan: to take a large fleet apart before would be waited for.
    let loaded = ManuallyDrop::new(documents::load(&args.selection.path)?);
    let basis = args.out.is_some() || args.form.is_document();
    let Made {
        world, mut plan, ..
    } = make_now(&loaded, &args.selection, &args.world, basis)?;
    let _world = ManuallyDrop::new(world);
    plan.fail_on = Some(args.fail_on.words());
    Ok(plan)
}

/// A plan, and what it was made from.
pub(super) struct Made<'l> {
    pub(super) world: worlds::Worlds,
    /// The clusters picked, in the order of the fleet.
    pub(super) picked: Vec<&'l ClusterSpec>,
    pub(super) plan: Plan,
}

/// Looks at the clusters picked, and plans, in the runtime; with `basis` each plan says what it was made from.
pub(super) fn make_now<'l>(
    loaded: &'l LoadedFleet,
    selection: &selection::Selection,
    world_args: &worlds::WorldArgs,
    basis: bool,
) -> Result<Made<'l>, Stop> {
    let picked = selection::pick(selection, &loaded.fleet)?;
    let world = worlds::Worlds::open(world_args, &loaded.fleet, &selection.path)?;
    // What was observed is not kept: of a large fleet it is most of the memory.
    let (clusters, sightings) =
        world.survey(&picked, (selection, &loaded.fleet), |spec, observed| {
            let mut plan = unroll(spec, &observed);
            plan.basis = basis.then(|| Basis::of(spec, &observed));
            plan
        })?;
    let mut plan = Plan::new(
        loaded.fleet.name.clone(),
        world_args.now.unwrap_or_else(|| world.now()),
        loaded.facts(selection),
        clusters,
    );
    // Of a large fleet each is milliseconds in which the other core has nothing to do.
    let (orphans, ()) = rayon::join(
        || worlds::orphans(selection, &loaded.fleet, &sightings),
        || commits::attribute(&mut plan, loaded.git.as_ref()),
    );
    Ok(Made {
        world,
        picked,
        plan: plan.with_orphans(orphans),
    })
}
