//! The example fleet is what a reader copies: it loads without a remark, its sandbox is fresh, docs/demo.md tells what the
//! program says today, and the README's quick start works.
//!
//! `SNAPSHOTS=overwrite cargo test --test examples` refreshes the sandbox and the demo's blocks.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use reconcile::diag::{Style, render_all};
use reconcile::{fleet, source};
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn examples() -> PathBuf {
    root().join("examples")
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("README.md")
}

#[test]
fn the_example_fleet_is_sound() {
    let documents = source::read(&examples().join("clusters"));
    assert_eq!(documents.diagnostics, []);
    let loaded = fleet::load(&documents.files);
    let text = render_all(&loaded.diagnostics, &documents.files, Style::Plain, 100);
    assert!(loaded.diagnostics.is_empty(), "{text}");
    let fleet = loaded.fleet.expect("no errors, so there is a fleet");
    assert_eq!((fleet.contexts.len(), fleet.clusters.len()), (3, 8));

    let main = &fleet.clusters[2];
    assert_eq!(main.id.to_string(), "eu-1/kube-main");
    let said_in = |pointer: &str| {
        let origin = &main.origins[pointer];
        let file = documents.files.iter().find(|file| file.name == origin.file);
        let line = file.and_then(|file| file.text.lines().nth(origin.line - 1));
        let file = origin.file.rsplit('/').next().unwrap_or_default();
        format!("{file}: {}", line.unwrap_or_default().trim())
    };
    let expected = [
        ("/spec/storage/className", "fleet.yaml: className: gp3-enc"),
        ("/spec/storage/size", "kube-main.yaml: size: 24Gi"),
        ("/spec/version", "fleet.yaml: version: 3.6.16"),
        (
            "/spec/tls/client/secretName",
            "kube-main.yaml: client: {secretName: kube-main-server-tls, caSecretName: kube-main-ca}",
        ),
    ];
    for (pointer, line) in expected {
        assert_eq!(said_in(pointer), line);
    }
}

/// Runs a script of `examples/`; its stdout, or what it said before it failed.
fn script(name: &str, arguments: &[&Path]) -> String {
    let output = Command::new(examples().join(name))
        .arg(env!("CARGO_BIN_EXE_reconcile"))
        .args(arguments)
        .env_remove("GIT_DIR")
        .env_remove("COLUMNS")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("bash is there");
    let said = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    let (stdout, stderr) = (said(&output.stdout), said(&output.stderr));
    assert!(output.status.success(), "{name}: {stdout}{stderr}");
    stdout
}

fn refreshed(actual: String, golden: &Path) {
    let golden = Data::read_from(golden, Some(DataFormat::Text)).raw();
    Assert::new()
        .action_env("SNAPSHOTS")
        .eq(Data::text(actual).raw(), golden);
}

#[test]
fn the_sandbox_is_what_last_week_left() {
    let scratch = tempfile::tempdir().expect("temporary directory");
    let file = scratch.path().join("sandbox.json");
    script("make-sandbox", &[&file]);
    let made = std::fs::read_to_string(&file).expect("written");
    refreshed(made, &examples().join("clusters/sandbox.json"));
}

/// The demo insists on its exit codes itself. Its output is in docs/demo.md, block by block and in its order: a line
/// `<!-- demo: COMMAND -->` is followed by what the demo printed for that command.
#[test]
fn the_document_shows_what_the_demo_says() {
    let scratch = tempfile::tempdir().expect("temporary directory");
    let said = script("demo", &[&scratch.path().join("demo")]);
    let mut unsaid = said.as_str();
    let mut fresh = String::new();
    let document = root().join("docs/demo.md");
    let text = std::fs::read_to_string(&document).expect("docs/demo.md");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let _ = writeln!(fresh, "{line}");
        let marker = line.strip_prefix("<!-- demo: ");
        let Some(command) = marker.and_then(|m| m.strip_suffix(" -->")) else {
            continue;
        };
        let (before, after) = unsaid
            .split_once(&format!("\n$ {command}\n"))
            .unwrap_or_else(|| panic!("the demo does not run {command:?} here; it said: {said}"));
        assert!(!before.is_empty());
        let end = after.find("\n# ").or_else(|| after.find("\nSeen: "));
        let (answer, rest) = after.split_at(end.unwrap_or(after.len()));
        unsaid = rest;
        let answer = shown(answer.trim_end());
        let _ = writeln!(fresh, "```text\n$ {command}\n{answer}\n```");
        assert_eq!(lines.next(), Some("```text"), "after the marker");
        assert!(lines.any(|l| l == "```"), "a block has an end");
    }
    assert_eq!(fresh.matches("<!-- demo: ").count(), 3);
    refreshed(fresh, &document);
}

/// An answer as the document has it: a plan that an apply repeats is on the page already.
fn shown(answer: &str) -> String {
    let Some((plan, run)) = answer.split_once("\n\n09:") else {
        return answer.to_owned();
    };
    let header = plan.lines().next().unwrap_or_default();
    format!("{header}\n  … the plan, as above …\n\n09:{run}")
}

/// A reader pastes the quick start line by line: so does this test.
#[test]
fn the_quick_start_works_as_written() {
    let text = readme();
    let (_, after) = text
        .split_once("<!-- quick start -->\n```sh\n")
        .expect("the README has a quick start");
    let (commands, _) = after.split_once("```").expect("the block has an end");
    let scratch = tempfile::tempdir().expect("temporary directory");
    let program = Path::new(env!("CARGO_BIN_EXE_reconcile"));
    let directory = program.parent().expect("the program is in a directory");
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-euc", commands])
        .current_dir(scratch.path())
        .env("PATH", format!("{}:{path}", directory.display()))
        .output()
        .expect("bash is there");
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}{stderr}");
    assert!(stdout.contains("new cluster of 3 members"), "{stdout}");
    assert!(stdout.contains("In sync: 0 pending"), "{stdout}");
}
