//! What the program writes besides plain text: documents, comments, events, outputs for CI, colour, a live picture.
//!
//! `SNAPSHOTS=overwrite cargo test --test output` refreshes the goldens.

mod example;
#[path = "output/screen.rs"]
mod screen;

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory with the example fleet in `fleet` and its sandbox in `world.json`.
struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: example::place(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reconcile"));
        example::isolate(&mut command, self.directory.path()).args(arguments.split_whitespace());
        command
    }

    /// Runs with these variables, and insists on the exit code.
    fn run(&self, variables: &[(&str, &str)], arguments: &str, exit: i32) -> Output {
        let mut command = self.command(arguments);
        let output = command.envs(variables.iter().copied()).output();
        let output = output.expect("the program runs");
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let code = output.status.code();
        assert_eq!(code, Some(exit), "{arguments}: {stdout}{stderr}");
        output
    }

    fn stdout(&self, arguments: &str, exit: i32) -> String {
        text(&self.run(&[], arguments, exit).stdout)
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path(file);
        let text = std::fs::read_to_string(&path).expect("a file of the example");
        assert!(text.contains(from), "{file} has no {from:?}");
        std::fs::write(path, text.replace(from, to)).expect("written");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn is_golden(name: &str, actual: String) {
    let golden = root().join("tests/golden/output").join(name);
    let golden = Data::read_from(&golden, Some(DataFormat::Text)).raw();
    Assert::new()
        .action_env("SNAPSHOTS")
        .eq(Data::text(actual).raw(), golden);
}

fn valid(document: &Value, schema: &str) {
    let shipped = reconcile::report::schema(schema).expect("a schema");
    let shipped = serde_json::from_str(shipped).expect("JSON");
    let validator = jsonschema::validator_for(&shipped).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(document).collect();
    assert!(errors.is_empty(), "{schema}: {errors:?}");
}

const PLAN: &str = "--check fleet --sandbox world.json";
const APPLY: &str = "apply fleet --sandbox world.json --yes";

#[test]
fn yaml_is_the_same_document_as_json() {
    for (arguments, exit, schema) in [
        (PLAN, 2, "plan"),
        ("status fleet --sandbox world.json", 0, "observation"),
        (APPLY, 0, "outcome"),
    ] {
        let json = Place::new().stdout(&format!("{arguments} -o json"), exit);
        let yaml = Place::new().stdout(&format!("{arguments} -o yaml"), exit);
        let json: Value = serde_json::from_str(&json).expect("JSON");
        let read: Value = serde_saphyr::from_str(&yaml).expect("YAML");
        assert_eq!(read, json, "{arguments}");
        valid(&json, schema);
        if schema == "outcome" {
            is_golden("outcome.yaml", yaml);
        }
    }
}

#[test]
fn a_comment_fits_where_it_shall_be_put() {
    let place = Place::new();
    let whole = place.stdout(&format!("{PLAN} -o markdown"), 2);
    let small = place.stdout(&format!("{PLAN} -o markdown --max-bytes 1000"), 2);
    assert!(small.len() <= 1000 && small.len() < whole.len());
    is_golden("comment.md", whole);
    is_golden("comment.1000.md", small);
    place.edit(
        "fleet/clusters/eu-1/kube-main.yaml",
        "members: 5",
        "members: 4",
    );
    let none = place.run(&[], &format!("{PLAN} -o markdown"), 4);
    assert!(text(&none.stderr).contains("is not a valid fleet"));
    is_golden("comment.invalid.md", text(&none.stdout));
}

#[test]
fn what_cannot_be_printed_is_not_accepted() {
    let place = Place::new();
    for arguments in [
        "apply fleet --sandbox world.json --yes -o markdown",
        "status fleet --sandbox world.json -o markdown",
        "plan fleet --sandbox world.json -o summary",
        "plan fleet --sandbox world.json --max-bytes 5000",
        "plan fleet --sandbox world.json -o json --max-bytes 5000",
        "plan fleet --sandbox world.json -o markdown --max-bytes 999",
        "plan fleet --sandbox world.json --color sometimes",
        "apply fleet --sandbox world.json --yes --events -",
    ] {
        let output = place.run(&[], arguments, 64);
        assert_eq!(text(&output.stdout), "", "{arguments}");
    }
}

#[test]
fn the_closing_line_goes_when_quiet_is_asked_for() {
    let place = Place::new();
    let closes = |text: &str| text.contains("Summary: ") || text.contains("exit 2");
    assert!(closes(&place.stdout(PLAN, 2)));
    let quiet = place.stdout(&format!("{PLAN} --quiet"), 2);
    assert!(!closes(&quiet) && quiet.contains("grow 3 → 5"), "{quiet}");
    let tally = place.stdout(&format!("{APPLY} -q"), 0);
    assert!(
        !tally.contains("Applied: ") && !tally.contains("exit 0"),
        "{tally}"
    );
    assert!(tally.contains("=  kcp/cache "), "{tally}");
    let in_sync = place.stdout(&format!("-q {PLAN}"), 0);
    assert_eq!(in_sync.lines().count(), 1, "{in_sync}");
}

#[test]
fn colour_is_what_the_flag_says_before_what_the_environment_says() {
    let place = Place::new();
    let coloured = |variables: &[(&str, &str)], arguments: &str| {
        let output = place.run(variables, arguments, 0);
        text(&output.stdout).contains('\u{1b}')
    };
    let plan = "plan fleet --sandbox world.json";
    assert!(coloured(
        &[("NO_COLOR", "1")],
        &format!("{plan} --color always")
    ));
    assert!(coloured(
        &[("TERM", "dumb")],
        &format!("--color=always {plan}")
    ));
    assert!(!coloured(
        &[("CLICOLOR_FORCE", "1")],
        &format!("--color never {plan}")
    ));
    assert!(coloured(
        &[("CLICOLOR_FORCE", "1")],
        &format!("{plan} --color auto")
    ));
    assert!(!coloured(&[], &format!("{plan} --color auto")));
    let status = "status fleet --sandbox world.json";
    assert!(coloured(&[], &format!("--color always {status}")));
}

#[test]
fn text_is_as_wide_as_is_said() {
    let place = Place::new();
    let widest = |columns: &str| {
        let output = place.run(&[("COLUMNS", columns)], "fleet --sandbox world.json", 0);
        let text = text(&output.stdout);
        text.lines().map(|line| line.chars().count()).max()
    };
    assert!(widest("60") < widest("100"));
    assert!(widest("100") < widest("200"));
    assert_eq!(widest("0"), widest("100"), "as if it were not set");
}

#[test]
fn a_step_of_a_workflow_gets_what_was_found() {
    let place = Place::new();
    let file = place.path("outputs");
    std::fs::write(&file, "before=1\n").expect("written");
    let variables = [("GITHUB_OUTPUT", file.to_str().expect("UTF-8"))];
    place.run(&variables, "plan fleet --sandbox world.json", 0);
    let told = || std::fs::read_to_string(&file).expect("a file");
    assert_eq!(told(), "before=1\n", "only a check has an outcome");
    place.run(&variables, PLAN, 2);
    place.run(&variables, &format!("{PLAN} --fail-on none"), 0);
    place.run(&variables, "--check fleet --now 2026-11-21T12:00:00Z", 5);
    place.edit("fleet/fleet.yaml", "kind: Fleet", "kind: Flete");
    place.run(&variables, PLAN, 4);
    is_golden("github-output.txt", told());
    let nowhere = [("GITHUB_OUTPUT", "no/such/file")];
    let output = place.run(&nowhere, PLAN, 4);
    assert!(text(&output.stderr).contains("warning: cannot write GITHUB_OUTPUT"));
}

#[test]
fn every_event_is_a_line_of_the_file() {
    let place = Place::new();
    std::fs::write(place.path("events.ndjson"), "of another run\n").expect("written");
    let events = format!("{APPLY} --cluster us-2/* --events events.ndjson");
    place.run(&[], &events, 0);
    let told = std::fs::read_to_string(place.path("events.ndjson")).expect("a file");
    for line in told.lines() {
        valid(&serde_json::from_str(line).expect("JSON"), "events");
    }
    is_golden("events.ndjson", told);
    let fresh = Place::new();
    fresh.run(&[], &events, 0);
    let mode = |path: &Path| {
        std::fs::metadata(path)
            .expect("a file")
            .permissions()
            .mode()
    };
    assert_eq!(mode(&fresh.path("events.ndjson")) & 0o777, 0o600);
    let full = fresh.run(&[], &format!("{APPLY} --events /dev/full"), 1);
    assert!(text(&full.stderr).contains("nothing was changed"));
}

/// Whoever reads the events may go away; the run does not.
#[test]
fn events_that_cannot_be_written_stop_nothing() {
    for form in ["human", "json"] {
        let place = Place::new();
        let fifo = place.path("events");
        let made = Command::new("mkfifo").arg(&fifo).status();
        assert!(made.expect("mkfifo is there").success());
        let mut command = place.command(&format!("{APPLY} --events events -o {form}"));
        let run = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut reader = BufReader::new(std::fs::File::open(&fifo).expect("opened by both"));
        let mut line = String::new();
        while !line.contains("step-started") {
            line.clear();
            assert_ne!(reader.read_line(&mut line).expect("a line"), 0);
        }
        drop(reader);
        let output = run.wait_with_output().expect("it ends");
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let warned = stderr
            .matches("warning: cannot write events to events: ")
            .count();
        assert_eq!(warned, 1, "{stderr}");
        if form == "json" {
            let outcome: Value = serde_json::from_str(&stdout).expect("JSON");
            valid(&outcome, "outcome");
            assert!(
                outcome["lostEvents"]["events"].as_u64() > Some(1),
                "{outcome}"
            );
        } else {
            assert!(stdout.contains("events are not in events: "), "{stdout}");
            assert!(
                stdout.contains("Applied: 8 of 8 clusters in sync"),
                "{stdout}"
            );
        }
    }
}

#[test]
fn a_changed_field_names_the_commit_that_said_it() {
    let place = Place::new();
    example::git(
        place.directory.path(),
        &["-c", "init.defaultBranch=main", "init", "-q"],
    );
    place.edit(
        "fleet/clusters/eu-1/kube-main.yaml",
        "members: 5",
        "members: 3",
    );
    example::git(place.directory.path(), &["add", "-A"]);
    example::git(place.directory.path(), &["commit", "-q", "-m", "before"]);
    place.edit(
        "fleet/clusters/eu-1/kube-main.yaml",
        "members: 3",
        "members: 5",
    );
    example::git(
        place.directory.path(),
        &["commit", "-q", "-a", "-m", "grow"],
    );
    let commit = example::git(place.directory.path(), &["rev-parse", "HEAD"]);
    let only = format!("{PLAN} --cluster eu-1/kube-main");
    let origin = |commit: &str| format!("fleet/clusters/eu-1/kube-main.yaml:9 ({})", &commit[..7]);
    for form in ["human", "markdown"] {
        let said = place.stdout(&format!("{only} -o {form}"), 2);
        assert!(said.contains(&origin(&commit)), "{said}");
    }
    let plan: Value =
        serde_json::from_str(&place.stdout(&format!("{only} -o json"), 2)).expect("JSON");
    valid(&plan, "plan");
    let change = &plan["clusters"][0]["changes"][0];
    assert_eq!(change["path"], "members");
    assert_eq!(change["origin"]["commit"], commit.as_str());
    let shown = text(
        &place
            .run(
                &[],
                &format!("{APPLY} --cluster eu-1/kube-main --max-steps 1"),
                7,
            )
            .stderr,
    );
    assert!(shown.contains(&origin(&commit)), "{shown}");

    place.edit(
        "fleet/clusters/eu-1/kube-main.yaml",
        "members: 5",
        "members: 7",
    );
    let said = place.stdout(&only, 2);
    let line = said.lines().find(|l| l.contains("kube-main.yaml:9"));
    assert!(
        line.is_some_and(|l| l.ends_with(":9")),
        "not committed: {said}"
    );
}

/// Under a terminal of this size, as `script` makes one.
fn on_terminal(place: &Place, size: &str, variables: &[(&str, &str)], arguments: &str) -> String {
    let program = env!("CARGO_BIN_EXE_reconcile");
    let mut command = Command::new("script");
    let line = format!("stty {size}; exec {program} {arguments}");
    command
        .args(["-qec", &line, "/dev/null"])
        .current_dir(place.directory.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "home")
        .env("TERM", "xterm")
        .env("SHELL", "/bin/sh")
        .env("LC_ALL", "C.UTF-8")
        .envs(variables.iter().copied())
        .stdin(Stdio::null());
    let output = command.output().expect("script is there (util-linux)");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    text(&output.stdout)
}

#[test]
fn on_a_terminal_there_is_a_picture_and_at_the_end_none() {
    for size in ["cols 100 rows 30", "cols 34 rows 5"] {
        let place = Place::new();
        let columns: usize = size
            .split(' ')
            .nth(1)
            .expect("a number")
            .parse()
            .expect("a number");
        let bytes = on_terminal(&place, size, &[], APPLY);
        assert!(bytes.contains("\u{1b}[J"), "it was drawn: {bytes:?}");
        let rows = screen::shown(&bytes, columns);
        assert_eq!(rows.last().map(String::as_str), Some(""), "on a fresh line");
        let count = |start: &str| rows.iter().filter(|row| row.starts_with(start)).count();
        // What a picture is made of is gone; how each cluster ended has stayed, above the tally.
        assert!(
            !rows.iter().any(|row| row.ends_with("  00:00")),
            "{rows:#?}"
        );
        for id in [
            "eu-1/discovery",
            "eu-1/kube-main",
            "kcp/cache",
            "us-2/kube-events",
        ] {
            assert_eq!(count(&format!(" {id}")), 1, "{id}: {rows:#?}");
        }
        assert_eq!(count("Applied: 8 of 8"), 1);
    }
}

#[test]
fn where_a_picture_is_not_wanted_there_are_lines() {
    for variables in [("CI", "true"), ("NO_COLOR", "1"), ("TERM", "dumb")] {
        let place = Place::new();
        let bytes = on_terminal(&place, "cols 100 rows 30", &[variables], APPLY);
        assert!(!bytes.contains("\u{1b}[J"), "{variables:?}: {bytes:?}");
        assert!(bytes.contains("us-2/kube-events       1/12 take a snapshot"));
    }
}

#[test]
fn a_terminal_says_how_wide_it_is() {
    let place = Place::new();
    let mut widths = String::new();
    for (size, variables) in [
        ("cols 60 rows 20", [("COLUMNS", "100")]),
        ("cols 120 rows 20", [("COLUMNS", "100")]),
    ] {
        let bytes = on_terminal(
            &place,
            size,
            &variables,
            "plan fleet --sandbox world.json --color never",
        );
        let header = bytes
            .lines()
            .next()
            .unwrap_or_default()
            .trim_end()
            .to_owned();
        let _ = writeln!(widths, "{header}");
    }
    let lines: Vec<usize> = widths.lines().map(|l| l.chars().count()).collect();
    assert!(lines[0] <= 60 && lines[1] > 60, "{widths}");
}
