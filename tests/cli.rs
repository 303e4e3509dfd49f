//! The command line as a user meets it: transcripts in `tests/golden/cli`, each a command, what it wrote and its exit code.
//!
//! `SNAPSHOTS=overwrite cargo test --test cli` refreshes them.

mod example;
#[path = "cli/pages.rs"]
mod pages;
#[path = "cli/roles.rs"]
mod roles;
#[path = "cli/settings.rs"]
mod settings;
#[path = "cli/threads.rs"]
mod threads;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use sha2::{Digest as _, Sha256};
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};
use tempfile::TempDir;

/// Every transcript; one that no test writes is stale.
const TRANSCRIPTS: &[&str] = &[
    "blocked",
    "check",
    "dirty",
    "explain",
    "hash",
    "help",
    "invalid",
    "now",
    "origins",
    "orphan",
    "recording",
    "roles",
    "settings",
    "snapshots",
    "stop-and-go-on",
    "unreadable",
    "usage",
];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A directory with the example fleet in `fleet` and its sandbox in `world.json`, and what was said in it.
struct Place {
    directory: TempDir,
    said: String,
}

impl Place {
    fn new() -> Self {
        Self {
            directory: example::place(),
            said: String::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path(file);
        let text = std::fs::read_to_string(&path).expect("a file of the example");
        assert!(text.contains(from), "{file} has no {from:?}");
        std::fs::write(path, text.replace(from, to)).expect("written");
    }

    fn command(&self, arguments: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reconcile"));
        example::isolate(&mut command, self.directory.path())
            .args(arguments.split_whitespace())
            .env("RECONCILE_ETCDUTL", "");
        command
    }

    fn output(&self, arguments: &str) -> Output {
        self.command(arguments).output().expect("the program runs")
    }

    fn stdout(&self, arguments: &str) -> String {
        text(&self.output(arguments).stdout)
    }

    /// Runs, insists on the exit code, and notes what was said.
    fn run(&mut self, arguments: &str, exit: i32) -> Output {
        let output = self.output(arguments);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(
            output.status.code(),
            Some(exit),
            "reconcile {arguments}: {stdout}{stderr}"
        );
        assert!(!stderr.contains("panicked"), "{stderr}");
        let _ = writeln!(self.said, "$ reconcile {arguments}");
        let mut note = |stream: &str, text: &str| {
            if !text.is_empty() {
                let _ = write!(self.said, "--- {stream}\n{text}");
            }
        };
        note("stdout", &stdout);
        note("stderr", &stderr);
        let _ = write!(self.said, "--- exit {exit}\n\n");
        output
    }

    /// Holds all that was said against the transcript of this name.
    fn is_golden(&self, name: &str) {
        assert!(TRANSCRIPTS.contains(&name), "{name} is not listed");
        let golden = root().join(format!("tests/golden/cli/{name}.txt"));
        let golden = Data::read_from(&golden, Some(DataFormat::Text)).raw();
        Assert::new()
            .action_env("SNAPSHOTS")
            .eq(Data::text(self.said.clone()).raw(), golden);
    }

    fn world(&self) -> Vec<u8> {
        std::fs::read(self.path("world.json")).expect("the sandbox")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

#[test]
fn every_transcript_is_of_a_test() {
    let folder = std::fs::read_dir(root().join("tests/golden/cli")).expect("transcripts");
    let found: BTreeSet<String> = folder
        .map(|entry| {
            entry
                .expect("entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let listed = TRANSCRIPTS.iter().map(|name| format!("{name}.txt"));
    assert_eq!(found, listed.collect());
}

#[test]
fn help_of_every_command() {
    let mut place = Place::new();
    let overview = place.run("--help", 0);
    assert!(overview.stderr.is_empty());
    for command in [
        "plan",
        "apply",
        "show",
        "status",
        "render",
        "validate",
        "schema",
        "explain",
        "rehearse",
        "snapshot",
        "snapshot take",
        "snapshot list",
        "snapshot verify",
        "import",
        "unlock",
        "settings",
        "completion",
        "man",
    ] {
        let first = command.split(' ').next().unwrap_or_default();
        assert!(text(&overview.stdout).contains(&format!("\n  {first} ")));
        place.run(&format!("{command} --help"), 0);
    }
    place.is_golden("help");
}

#[test]
fn misuse_is_64_and_says_what_to_do() {
    let mut place = Place::new();
    for arguments in [
        "--nope",
        "paln",
        "plan --sandbox world.json --observed r.json",
        "plan fleet --sandbox world.json --cluster [",
        "plan fleet --sandbox world.json --cluster eu-1/nobody",
        "plan fleet --sandbox world.json --context eu",
        "plan --now yesterday",
        "plan --fail-on everything",
        "schema pod",
        "apply fleet --sandbox world.json --cluster eu-1/discovery",
        "render fleet --rbac everything",
        "render fleet --user ada",
        "render fleet --rbac check --user ada --group sre",
        "render fleet --rbac check --service-account reconcile",
        "unlock eu-1/discovry fleet",
        "unlock eu-1/discovery nowhere",
    ] {
        let output = place.run(arguments, 64);
        assert_eq!(text(&output.stdout), "", "stdout is for what was asked for");
    }
    place.is_golden("usage");
}

#[test]
fn an_invalid_fleet_is_4_for_every_command() {
    let mut place = Place::new();
    place.edit(
        "fleet/clusters/eu-1/kube-main.yaml",
        "members: 5",
        "members: 4",
    );
    let before = place.world();
    for arguments in [
        "validate fleet",
        "--check fleet --sandbox world.json",
        "apply fleet --sandbox world.json --yes",
        "status fleet --sandbox world.json",
        "render fleet",
    ] {
        place.run(arguments, 4);
    }
    assert_eq!(place.world(), before);
    place.is_golden("invalid");
}

#[test]
fn a_check_an_apply_a_check() {
    let mut place = Place::new();
    let before = place.world();
    place.run("--check fleet --sandbox world.json", 2);
    let one = "fleet --sandbox world.json --cluster us-2/kube-events";
    place.run(one, 0);
    place.run(&format!("--check {one} --fail-on none"), 0);
    place.run(&format!("--check {one} --verbose"), 2);
    assert_eq!(place.world(), before, "a check writes nothing");
    place.run("apply fleet --sandbox world.json --yes", 0);
    let after = place.world();
    assert_ne!(after, before);
    place.run("--check fleet --sandbox world.json", 0);
    place.run("apply fleet --sandbox world.json --yes", 0);
    assert_eq!(place.world(), after, "nothing to do leaves no trace");
    place.run("status fleet --sandbox world.json --context us-2", 0);
    place.is_golden("check");
}

#[test]
fn what_is_refused_is_3() {
    let mut place = Place::new();
    place.edit(
        "fleet/clusters/us-2/kube-main.yaml",
        "members: 3",
        "members: 1",
    );
    place.edit(
        "fleet/clusters/kcp/root.yaml",
        "version: 3.5.35",
        "version: 3.6.16",
    );
    let only = "fleet --sandbox world.json --cluster us-2/kube-main --cluster kcp/root";
    let before = place.world();
    place.run(&format!("--check {only}"), 3);
    place.run(&format!("--check {only} --fail-on pending"), 2);
    place.run(&format!("apply {only} --yes"), 3);
    assert_eq!(place.world(), before);
    place.is_golden("blocked");
}

#[test]
fn a_cluster_whose_file_went_is_told_and_left_alone() {
    let mut place = Place::new();
    std::fs::remove_file(place.path("fleet/clusters/us-2/kube-main.yaml")).expect("a file");
    let before = place.world();
    let only = "fleet --sandbox world.json --cluster us-2/kube-*";
    place.run(&format!("--check {only}"), 3);
    place.run(&format!("status {only} --record r.json"), 0);
    place.run("--check fleet --observed r.json --cluster us-2/kube-*", 3);
    place.run(
        "--check fleet --sandbox world.json --cluster us-2/kube-events",
        2,
    );
    assert_eq!(place.world(), before);
    place.is_golden("orphan");
}

#[test]
fn a_cluster_that_cannot_be_read_is_a_row() {
    let mut place = Place::new();
    place.run("--check fleet --now 2026-11-21T12:00:00Z", 5);
    place.is_golden("unreadable");
    place.run("apply fleet --now 2026-11-21T12:00:00Z --yes", 5);
    let rows = place
        .stdout("fleet")
        .lines()
        .filter(|l| l.starts_with(" ?  "))
        .count();
    assert_eq!(rows, 8);
}

#[test]
fn a_hash_binds() {
    let mut place = Place::new();
    let before = place.world();
    let one = "apply fleet --sandbox world.json --yes --cluster eu-1/discovery";
    place.run(&format!("{one} --expect-hash sha256:0000"), 6);
    assert_eq!(place.world(), before, "nothing was changed");
    place.is_golden("hash");
    let plan: serde_json::Value =
        serde_json::from_str(&place.stdout("fleet --sandbox world.json -o json")).expect("JSON");
    let hash = plan["intentHash"].as_str().expect("a plan has its hash");
    let bound = format!("apply fleet --sandbox world.json --yes --expect-hash {hash}");
    place.run(&bound, 0);
}

#[test]
fn a_run_stopped_half_way_goes_on() {
    let mut place = Place::new();
    let main = "fleet --sandbox world.json --cluster eu-1/kube-main";
    place.run(&format!("apply {main} --yes --max-steps 4"), 7);
    place.run(&format!("--check {main}"), 2);
    place.run(&format!("apply {main} --yes"), 0);
    place.is_golden("stop-and-go-on");
}

#[test]
fn every_refusal_is_explained() {
    let mut place = Place::new();
    for name in ["quorum-unknown", "E0304", "exit-codes"] {
        place.run(&format!("explain {name}"), 0);
    }
    for name in [
        "storage.size",
        "Fleet.spec.contexts.eu-1.kubeconfig",
        "storage.migration.strategy",
    ] {
        place.run(&format!("explain {name}"), 0);
    }
    place.is_golden("explain");
    // What every row and guard of the day is in is no golden.
    for (name, says) in [
        ("Fleet.spec.defaults.tls", "spec.tls (field)"),
        ("in-sync", "in-sync (ending)"),
        ("grow", "grow (procedure)"),
        ("GROW/Not-Listed", "grow/not-listed (row)"),
        ("", "quorum-tolerance"),
    ] {
        let output = place.run(&format!("explain {name}"), 0);
        assert!(text(&output.stdout).contains(says), "{name}");
    }
    for (name, says) in [
        ("member-dwon", "did you mean member-down?"),
        ("not-started/", "the names there are:"),
        ("listed", "not-listed"),
        ("storage.siez", "did you mean spec.storage.size?"),
        ("storage.class", "spec.storage.className"),
    ] {
        let output = place.run(&format!("explain {name}"), 64);
        assert_eq!(text(&output.stdout), "");
        assert!(text(&output.stderr).contains(says), "{name}");
    }
}

#[test]
fn a_recording_gives_the_same_plan_and_is_read_only() {
    let mut place = Place::new();
    let live = place.stdout("fleet --sandbox world.json -o json");
    place.run(
        "status fleet --sandbox world.json --record r.json --context kcp",
        0,
    );
    place.run("--check fleet --observed r.json --context kcp", 2);
    place.run("--check fleet --observed r.json --cluster */kube-main", 5);
    let recording = std::fs::read(place.path("r.json")).expect("recorded");
    place.run("apply fleet --observed r.json --context kcp --yes", 64);
    let after = std::fs::read(place.path("r.json")).expect("recorded");
    assert_eq!(after, recording, "nobody writes to a recording");
    place.run("plan fleet --observed world.json", 4);
    place.run("plan fleet --observed nowhere.json", 4);
    place.is_golden("recording");

    place.run("status fleet --sandbox world.json --record all.json", 0);
    let replayed = place.stdout("fleet --observed all.json -o json");
    assert_eq!(replayed, live);
    let plan: serde_json::Value = serde_json::from_str(&live).expect("JSON");
    let hash = plan["intentHash"].as_str().expect("a plan has its hash");
    let bound = format!("apply fleet --observed all.json --yes --expect-hash {hash}");
    let output = place.run(&bound, 64);
    assert!(text(&output.stderr).contains("a recording is read-only"));
}

#[test]
fn a_dirty_tree_is_not_applied() {
    let mut place = Place::new();
    example::git(
        place.directory.path(),
        &["-c", "init.defaultBranch=main", "init", "-q"],
    );
    example::git(place.directory.path(), &["add", "-A"]);
    example::git(place.directory.path(), &["commit", "-q", "-m", "fleet"]);
    let only = "fleet --sandbox world.json --cluster kcp/cache";
    place.edit(
        "fleet/clusters/kcp/cache.yaml",
        "profile: events",
        "profile: small",
    );
    let before = place.world();
    place.run(&format!("apply {only} --yes"), 64);
    assert_eq!(place.world(), before);
    place.run(&format!("apply {only} --yes --allow-dirty"), 0);
    // The commit depends on the example's every byte; the words do not.
    place.said = place
        .said
        .lines()
        .map(|line| match line.split_once(" @ ") {
            Some((fleet, rest)) => format!("{fleet} @ COMMIT{}\n", &rest[7..]),
            None => format!("{line}\n"),
        })
        .collect();
    place.is_golden("dirty");
}

#[test]
fn a_rendered_field_says_which_line_made_it() {
    let mut place = Place::new();
    let only = "render fleet --cluster us-2/discovery-staging";
    let plain = place.stdout(only);
    let output = place.run(&format!("{only} --origins"), 0);
    place.is_golden("origins");
    let uncommented: Vec<String> = text(&output.stdout)
        .lines()
        .filter(|line| line.starts_with("# ") || !line.trim_start().starts_with("# "))
        .map(|line| line.split(" # ").next().unwrap_or_default().to_owned())
        .map(|line| match line.strip_prefix("# ") {
            Some(head) => format!("# {}", head.split(", from ").next().unwrap_or_default()),
            None => line,
        })
        .collect();
    assert_eq!(uncommented, plain.lines().collect::<Vec<_>>());
    place.run(&format!("{only} --origins --out objects"), 0);
    let file = place.path("objects/us-2/discovery-staging/statefulset.discovery-etcd.yaml");
    let written = std::fs::read_to_string(file).expect("written");
    assert!(text(&output.stdout).contains(&written), "{written}");
}

/// A whole snapshot as `snapshot take` leaves it, in the state home.
fn keep_snapshot(place: &Place, cluster: &str, taken: &str, revision: i64) -> PathBuf {
    let folder = place
        .path("home/.local/state/reconcile/snapshots/platform")
        .join(cluster);
    std::fs::create_dir_all(&folder).expect("made");
    let mut content: Vec<u8> = (0..251).cycle().take(1 << 20).collect();
    let hash = Sha256::digest(&content);
    content.extend_from_slice(&hash);
    let name = taken.replace(['-', ':'], "").replace('Z', ".000Z");
    let file = folder.join(format!("{name}-{revision:016x}-00000000cdf81819.db"));
    let whole = Sha256::digest(&content);
    let sha256 = whole.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    });
    let manifest = serde_json::json!({
        "schema": "reconcile.snapshot/v1", "taken": taken, "etcdVersion": "3.6.16", "clusterId": "cdf81819",
        "memberId": "8e9e", "revision": revision, "size": content.len(), "sha256": sha256, "verified": true,
    });
    valid(&manifest, "snapshot");
    std::fs::write(&file, content).expect("written");
    std::fs::write(file.with_extension("json"), manifest.to_string()).expect("written");
    file
}

fn valid(document: &serde_json::Value, schema: &str) {
    let schema = reconcile::report::schema(schema).expect("a schema");
    let schema = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(document).collect();
    assert!(errors.is_empty(), "{errors:?}");
}

#[test]
fn snapshots_are_listed_and_looked_at_again() {
    let mut place = Place::new();
    let cluster = "eu-1/kube-main";
    keep_snapshot(&place, cluster, "2026-11-21T11:00:00Z", 900);
    let newest = keep_snapshot(&place, cluster, "2026-11-21T12:00:00Z", 1234);
    let now = "--path fleet --now 2026-11-21T12:12:30Z";
    place.run(&format!("snapshot list eu-1/* {now}"), 0);
    place.run(&format!("snapshot verify {cluster} {now}"), 0);
    let mut content = std::fs::read(&newest).expect("its file");
    content[4711] ^= 1;
    std::fs::write(&newest, content).expect("written");
    place.run(&format!("snapshot verify {cluster} --all {now}"), 3);
    place.run(&format!("snapshot list {cluster} {now}"), 0);
    place.run(&format!("snapshot verify eu-1/discovery {now}"), 3);
    place.run(&format!("snapshot take {cluster} {now}"), 1);
    place.run(&format!("snapshot list eu-1/nobody {now}"), 64);
    let json = place.run(&format!("snapshot verify {cluster} -o json {now}"), 3);
    valid(
        &serde_json::from_slice(&json.stdout).expect("JSON"),
        "snapshots",
    );
    place.is_golden("snapshots");
}

#[test]
fn the_clock_can_be_fixed() {
    let mut place = Place::new();
    let only = "fleet --cluster us-2/discovery-staging --now 2026-01-02T03:04:05Z";
    place.run(&format!("{only} --sandbox new.json"), 0);
    place.run(&format!("apply {only} --sandbox new.json --yes"), 0);
    place.is_golden("now");
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let place = Place::new();
    for form in ["human", "json", "human --verbose"] {
        let arguments = format!("fleet --sandbox world.json -o {form}");
        assert_eq!(place.stdout(&arguments), place.stdout(&arguments));
    }
}

#[test]
fn colour_only_where_it_is_wanted() {
    let place = Place::new();
    let colour = |variables: &[(&str, &str)]| {
        let mut command = place.command("fleet --sandbox world.json");
        let output = command.envs(variables.iter().copied()).output();
        text(&output.expect("the program runs").stdout).contains('\u{1b}')
    };
    assert!(!colour(&[]), "a pipe wants none");
    assert!(colour(&[("CLICOLOR_FORCE", "1")]));
    assert!(!colour(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!colour(&[("CLICOLOR_FORCE", "1"), ("TERM", "dumb")]));
}

#[test]
fn a_reader_who_leaves_is_no_failure() {
    let place = Place::new();
    for (arguments, exit) in [
        ("--check fleet --sandbox world.json", 2),
        ("fleet --sandbox world.json -o json", 0),
        ("status fleet --sandbox world.json", 0),
        ("render fleet", 0),
        ("render fleet --rbac apply", 0),
        ("schema cluster", 0),
        ("explain", 0),
        ("validate fleet", 0),
        ("--help", 0),
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = place.command(arguments);
        let output = command.stdout(writer).stderr(Stdio::piped()).output();
        let output = output.expect("the program runs");
        let stderr = text(&output.stderr);
        assert_eq!(output.status.code(), Some(exit), "{arguments}: {stderr}");
        assert_eq!(stderr, "", "{arguments}");
    }
}
