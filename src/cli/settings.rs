//! Settings: the flag, else the environment, else `.reconcile.toml`, else what is built in; and `reconcile settings`.
//!
//! None of them changes what is planned, and none comes from anybody's home directory: CI and a laptop plan the same.

use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::settings_file::{Invalid, SettingsFile};
use super::{Done, Stop, command, terminal, validate};
use crate::report::{self, SettingRow};

/// An option that need not stand on the command line.
pub(super) struct Setting {
    /// The option's, and the key's in the file.
    pub(super) name: &'static str,
    pub(super) variable: &'static str,
    /// Whether it is for a whole repository, and not for a person or a job.
    pub(super) in_file: bool,
}

const fn setting(name: &'static str, variable: &'static str, in_file: bool) -> Setting {
    Setting {
        name,
        variable,
        in_file,
    }
}

pub(super) static SETTINGS: [Setting; 7] = [
    setting("color", "RECONCILE_COLOR", true),
    setting("fail-on", "RECONCILE_FAIL_ON", true),
    setting("lock-timeout", "RECONCILE_LOCK_TIMEOUT", true),
    setting("output", "RECONCILE_OUTPUT", true),
    setting("log", "RECONCILE_LOG", false),
    setting("log-file", "RECONCILE_LOG_FILE", false),
    setting("log-format", "RECONCILE_LOG_FORMAT", false),
];

/// Behind the options of `--help`.
pub(super) fn help() -> String {
    let in_file = SETTINGS.iter().filter(|setting| setting.in_file);
    let keys: Vec<&str> = in_file.map(|setting| setting.name).collect();
    format!(
        "Settings: an option that is not given is taken from the environment (RECONCILE_COLOR for --color, and so on), \
         else, for {}, from the file .reconcile.toml, in the fleet's directory or the nearest one above it in the same \
         repository. `reconcile settings` shows each with where it comes from.",
        keys.join(", ")
    )
}

/// Every option that is a setting may come from the environment.
pub(super) fn from_environment(command: Command) -> Command {
    each(command, &|arg| {
        let long = arg.get_long();
        match SETTINGS.iter().find(|setting| long == Some(setting.name)) {
            Some(setting) => arg.env(setting.variable).hide_env_values(true),
            None => arg,
        }
    })
}

/// What the file says becomes the built-in value: flag and environment come before it.
pub(super) fn from_file(command: Command, file: &SettingsFile) -> Command {
    each(command, &|arg| {
        let said = arg.get_long().and_then(|long| file.get(long));
        match said.map(|said| said.value.clone()) {
            Some(value) => arg.default_value(value),
            None => arg,
        }
    })
}

fn each(command: Command, change: &dyn Fn(Arg) -> Arg) -> Command {
    command
        .mut_args(change)
        .mut_subcommands(|below| each(below, change))
}

/// The settings of the repository that the fleet of this command line is in, if it has a file of them.
pub(super) fn file_of(matches: &ArgMatches) -> Result<Option<SettingsFile>, Invalid> {
    let mut innermost = matches;
    while let Some((_, below)) = innermost.subcommand() {
        innermost = below;
    }
    let fleet = innermost.try_get_one::<PathBuf>("path").ok().flatten();
    read(fleet.map_or(Path::new("."), PathBuf::as_path))
}

fn read(fleet: &Path) -> Result<Option<SettingsFile>, Invalid> {
    let path = SettingsFile::find(fleet);
    path.map(|path| SettingsFile::read(&path)).transpose()
}

/// Tells what is wrong with the file.
pub(super) fn refuse(invalid: &Invalid) -> Stop {
    let (style, width) = (terminal::diagnostic_style(), terminal::width());
    terminal::tell(invalid.text(style, width).trim_end());
    let message = format!(
        "{} holds invalid settings; no cluster was read or changed",
        invalid.name()
    );
    Stop::new(validate::INVALID, message)
}

/// Show every setting, its value and where that comes from
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SettingsArgs {
    /// Directory with `fleet.yaml` and `clusters/`
    #[arg(default_value = ".")]
    path: PathBuf,
}

/// `given`: the options on this command's line.
pub(super) fn run(args: &SettingsArgs, given: &ArgMatches) -> Done {
    let file = read(&args.path).map_err(|invalid| refuse(&invalid))?;
    let program = command();
    let rows: Vec<SettingRow> = SETTINGS
        .iter()
        .map(|setting| {
            let (value, origin) = whence(setting, given, file.as_ref(), &program);
            SettingRow {
                name: setting.name,
                value,
                origin,
            }
        })
        .collect();
    terminal::print(&report::settings_text(&rows, &terminal::stdout_style()));
    Ok(0)
}

fn whence(
    setting: &Setting,
    given: &ArgMatches,
    file: Option<&SettingsFile>,
    program: &Command,
) -> (Option<String>, String) {
    if let Some(value) = on_the_line(setting, given) {
        return (Some(value), format!("--{}", setting.name));
    }
    if let Some(value) = std::env::var_os(setting.variable) {
        let value = value.to_string_lossy().into_owned();
        return (Some(value), setting.variable.to_owned());
    }
    if let Some((file, said)) = file.and_then(|file| Some((file, file.get(setting.name)?))) {
        let origin = format!("{}:{}", file.name(), said.line);
        return (Some(said.value.clone()), origin);
    }
    (built_in(setting, program), "built in".to_owned())
}

fn on_the_line(setting: &Setting, given: &ArgMatches) -> Option<String> {
    let id = setting.name.replace('-', "_");
    // Some are of other commands alone.
    given.try_contains_id(&id).ok().filter(|there| *there)?;
    let source = given.value_source(&id)?;
    let value = given.get_raw(&id)?.next_back()?;
    (source == ValueSource::CommandLine).then(|| value.to_string_lossy().into_owned())
}

/// As the first command that has the option says.
fn built_in(setting: &Setting, command: &Command) -> Option<String> {
    let of = |command: &Command| {
        let mut arguments = command.get_arguments();
        let found = arguments.find(|arg| arg.get_long() == Some(setting.name))?;
        let value = found.get_default_values().first()?;
        Some(value.to_string_lossy().into_owned())
    };
    let mut commands = std::iter::once(command).chain(command.get_subcommands());
    commands.find_map(of)
}
