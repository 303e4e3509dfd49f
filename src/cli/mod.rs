//! One file per command: arguments and wiring, no logic.

mod apply;
mod clock;
mod commits;
mod completion;
mod consent;
mod documents;
mod events;
mod explain;
mod github;
mod import;
mod logs;
mod look;
mod man;
mod output;
mod plan;
mod plan_file;
mod progress;
mod rbac;
pub mod reference;
mod region;
mod rehearse;
pub mod render;
mod saved;
pub mod schema;
mod selection;
mod settings;
mod settings_file;
mod show;
mod snapshot;
mod status;
mod terminal;
mod unlock;
pub mod validate;
mod worlds;

use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

/// Show what a fleet of etcd clusters would become, and make it so.
///
/// YAML in a directory says what each etcd cluster shall be; `reconcile` reads what really runs, prints the shortest safe
/// sequence of steps from here to there, and performs it on request. Without a command it plans.
#[derive(Debug, Parser)]
#[command(name = "reconcile", version, args_conflicts_with_subcommands = true, after_help = settings::help())]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    plan: plan::PlanArgs,
    #[command(flatten)]
    look: look::Look,
    #[command(flatten)]
    logs: logs::LogArgs,
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
    Import(import::ImportArgs),
    Unlock(unlock::UnlockArgs),
    Settings(settings::SettingsArgs),
    Completion(completion::CompletionArgs),
    Man(man::ManArgs),
}

/// Print the Kubernetes objects of each cluster, or the roles that this program needs
///
/// The objects are as they are when nothing is left to do. With `--rbac` it is what one of the two identities may do, in
/// each context: `kubectl apply` takes it. docs/permissions.md says what each right is for.
#[derive(Debug, clap::Args)]
struct RenderArgs {
    #[command(flatten)]
    selection: selection::Selection,
    #[command(flatten)]
    render: render::RenderOptions,
    #[command(flatten)]
    rbac: rbac::RbacOptions,
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

/// The whole command line, with the variables of the environment that stand for options.
fn command() -> clap::Command {
    settings::from_environment(Cli::command())
}

/// Entry of the program.
pub fn main() -> ExitCode {
    let done = understood().and_then(|(cli, matches)| {
        terminal::look(cli.look);
        logs::start(&cli.logs, cli.look.verbose)?;
        run(cli, &matches)
    });
    ExitCode::from(done.unwrap_or_else(|stop| {
        if !stop.message.is_empty() {
            terminal::complain(&stop.message);
        }
        stop.code
    }))
}

/// The command line, twice where the fleet that it names has settings of its own.
fn understood() -> Result<(Cli, ArgMatches), Stop> {
    let program = command();
    let arguments = look::command_first(&program, std::env::args_os());
    let (first, matches) = parse(program.clone(), &arguments)?;
    match settings::file_of(&matches) {
        Ok(Some(file)) => parse(settings::from_file(program, &file), &arguments),
        Ok(None) => Ok((first, matches)),
        Err(invalid) => {
            terminal::look(first.look);
            Err(settings::refuse(&invalid))
        }
    }
}

fn parse(
    mut program: clap::Command,
    arguments: &[std::ffi::OsString],
) -> Result<(Cli, ArgMatches), Stop> {
    let parsed = program.try_get_matches_from_mut(arguments);
    let parsed = parsed.and_then(|matches| {
        let cli = Cli::from_arg_matches(&matches);
        cli.map(|cli| (cli, matches))
            .map_err(|error| error.format(&mut program))
    });
    parsed.map_err(|error| {
        // Nothing better can be done where even this cannot be written.
        let _ = error.print();
        Stop::new(if error.use_stderr() { 64 } else { 0 }, "")
    })
}

fn run(cli: Cli, matches: &ArgMatches) -> Done {
    match cli.command {
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
        Some(Command::Import(args)) => import::run(&args),
        Some(Command::Unlock(args)) => unlock::run(&args),
        Some(Command::Settings(args)) => {
            let below = matches.subcommand().map(|(_, below)| below);
            settings::run(&args, below.unwrap_or(matches))
        }
        Some(Command::Completion(args)) => completion::run(&args),
        Some(Command::Man(args)) => man::run(&args),
    }
}

fn render_command(args: &RenderArgs) -> Done {
    let loaded = documents::load(&args.selection.path)?;
    let mut fleet = loaded.fleet;
    let picked = selection::pick(&args.selection, &fleet)?;
    let ids: Vec<_> = picked.iter().map(|c| c.id.clone()).collect();
    fleet.clusters.retain(|c| ids.contains(&c.id));
    let mut stdout = std::io::stdout().lock();
    written(match args.rbac.rbac {
        None => render::run(&args.render, &fleet, &mut stdout),
        Some(identity) => {
            let (of, out) = ((&args.selection, &fleet), args.render.out.as_deref());
            args.rbac.run(identity.into(), out, of, &mut stdout)
        }
    })
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
