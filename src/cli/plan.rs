//! `reconcile plan`, and what `reconcile` alone does.

use super::output::PlanOutput;
use super::{Done, Stop, commits, documents, github, selection, terminal, validate, worlds};
use crate::diag::Style;
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
    #[arg(short, long, value_enum, default_value_t = PlanOutput::Human)]
    pub(super) output: PlanOutput,
    /// Size of a comment at most, in bytes: what does not fit is left out and said [default: 60000, which GitHub takes]
    #[arg(long, value_name = "N", value_parser = at_least_1000)]
    pub(super) max_bytes: Option<usize>,
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

pub(super) fn run(args: &PlanArgs) -> Done {
    if args.max_bytes.is_some() && args.output != PlanOutput::Markdown {
        return Err(Stop::usage("--max-bytes is for `-o markdown`"));
    }
    let plan = match worlds::runtime()?.block_on(make(args)) {
        Ok(plan) => plan,
        Err(stop) => {
            no_plan(args, &stop);
            return Err(stop);
        }
    };
    print(args, &plan);
    if !args.check {
        return Ok(0);
    }
    let code = report::of(&args.fail_on.codes(&plan, 0));
    github::tell(code, Some(&plan));
    Ok(code)
}

fn print(args: &PlanArgs, plan: &Plan) {
    let document = || report::plan_json(plan, Tool::this());
    terminal::print(&match args.output {
        PlanOutput::Human => {
            let style = TextStyle {
                verbose: args.verbose,
                ..terminal::stdout_style()
            };
            let mut text = report::plan_text(plan, &style);
            if args.check && !style.quiet {
                text += &report::exit_line(plan, &args.fail_on, 0);
            }
            text
        }
        PlanOutput::Json => report::json_text(&document()),
        PlanOutput::Yaml => report::yaml_text(&document()),
        PlanOutput::Markdown => report::plan_markdown(plan, args.most_bytes()),
    });
}

/// Whoever waits for a comment or for a step's outputs is told that there is none, and why.
fn no_plan(args: &PlanArgs, stop: &Stop) {
    if args.check {
        github::tell(stop.code, None);
    }
    if args.output != PlanOutput::Markdown {
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
        args.most_bytes(),
    ));
}

impl PlanArgs {
    fn most_bytes(&self) -> usize {
        self.max_bytes.unwrap_or(COMMENT_BYTES)
    }
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
    let mut plan = Plan::new(
        loaded.fleet.name.clone(),
        args.world.now.unwrap_or_else(|| world.now()),
        source,
        clusters,
    )
    .with_orphans(orphans);
    commits::attribute(&mut plan, loaded.git.as_ref());
    Ok(plan)
}
