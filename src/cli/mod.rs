//! One file per command: arguments and wiring, no logic.

mod apply;
mod clock;
mod commits;
mod consent;
mod documents;
mod events;
mod explain;
mod github;
mod look;
mod output;
mod plan;
mod plan_file;
mod progress;
mod region;
mod rehearse;
pub mod render;
mod saved;
pub mod schema;
mod selection;
mod show;
mod snapshot;
mod status;
mod terminal;
pub mod validate;
mod worlds;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

/// Show what a fleet of etcd clusters would become, and make it so.
///
/// YAML in a directory says what each etcd cluster shall be; `reconcile` reads what really runs, prints the shortest safe
/// sequence of steps from here to there, and performs it on request. Without a command it plans.
#[derive(Debug, Parser)]
#[command(name = "reconcile", version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    plan: plan::PlanArgs,
    #[command(flatten)]
    look: look::Look,
}

#[derive(Debug, Subcommand)]
enum Command {
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Show(show::ShowArgs),
    Status(status::StatusArgs),
    Render(RenderArgs),
    Validate(validate::ValidateArgs),
    Schema(schema::SchemaArgs),
    Explain(explain::ExplainArgs),
    Rehearse(rehearse::RehearseArgs),
    Snapshot(snapshot::SnapshotArgs),
}

/// Print the Kubernetes objects of each cluster, as they are when nothing is left to do
#[derive(Debug, clap::Args)]
struct RenderArgs {
    #[command(flatten)]
    selection: selection::Selection,
    #[command(flatten)]
    render: render::RenderOptions,
}

/// Why a command ends early, and the exit code that says so.
#[derive(Debug)]
pub(crate) struct Stop {
    code: u8,
    message: String,
}

impl Stop {
    fn new(code: u8, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// Misuse of the command line.
    fn usage(message: impl Into<String>) -> Self {
        Self::new(64, message)
    }
}

type Done = Result<u8, Stop>;

/// Entry of the program.
pub fn main() -> ExitCode {
    let arguments = look::command_first(&Cli::command(), std::env::args_os());
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 64 } else { 0 };
            // Nothing better can be done where even this cannot be written.
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    terminal::look(cli.look);
    terminal::log_to_stderr();
    let done = match cli.command {
        None => plan::run(&cli.plan),
        Some(Command::Plan(args)) => plan::run(&args),
        Some(Command::Apply(args)) => apply::run(&args),
        Some(Command::Show(args)) => show::run(&args),
        Some(Command::Rehearse(args)) => rehearse::run(&args),
        Some(Command::Snapshot(args)) => snapshot::run(&args),
        Some(Command::Status(args)) => status::run(&args),
        Some(Command::Render(args)) => render_command(&args),
        Some(Command::Validate(args)) => validate_command(&args),
        Some(Command::Explain(args)) => explain::run(&args),
        Some(Command::Schema(args)) => written(schema::run(&args, &mut std::io::stdout().lock())),
    };
    ExitCode::from(done.unwrap_or_else(|stop| {
        terminal::complain(&stop.message);
        stop.code
    }))
}

fn render_command(args: &RenderArgs) -> Done {
    let loaded = documents::load(&args.selection.path)?;
    let mut fleet = loaded.fleet;
    let picked = selection::pick(&args.selection, &fleet)?;
    let ids: Vec<_> = picked.iter().map(|c| c.id.clone()).collect();
    fleet.clusters.retain(|c| ids.contains(&c.id));
    written(render::run(
        &args.render,
        &fleet,
        &mut std::io::stdout().lock(),
    ))
}

fn validate_command(args: &validate::ValidateArgs) -> Done {
    let (style, width) = (terminal::diagnostic_style(), terminal::width());
    let (mut stdout, mut stderr) = (std::io::stdout().lock(), std::io::stderr().lock());
    let code = validate::run(args, &mut stdout, &mut stderr, style, width);
    code.map_err(|error| Stop::new(1, error.to_string()))
}

/// A closed pipe is no failure: whoever reads has read enough.
fn written(result: std::io::Result<()>) -> Done {
    match result {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Stop::new(1, error.to_string()))
        }
        _ => Ok(0),
    }
}
