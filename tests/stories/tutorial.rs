//! docs/tutorial.md, word for word: its commands in an empty directory, what it shows held against what is printed.
//!
//! `SNAPSHOTS=overwrite` writes what is printed into the document, but where it leaves something out.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::bed::{self, Bed, program};
use crate::console;
use crate::ending::output_of;

/// What the document names otherwise, for readers have other classes than the bed.
const CLASSES: [(&str, &str); 2] = [("testbed-ssd", "standard"), ("testbed-hdd", "other")];

/// Which member leads is chance.
const SAME: [&str; 2] = ["voter", "leader"];

/// And so is which one comes up last, and has its file poisoned after the others.
fn came_up_last(ordinal: u32) -> String {
    format!("member {ordinal}: poison its file")
}

#[test]
fn tutorial() {
    // Alone: its steps shall take no longer than it says, and etcd adds no member while peers starve.
    let Some((bed, _turn)) = bed::take("tutorial") else {
        return;
    };
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tutorial.md");
    let document = fs::read_to_string(&file).expect("the tutorial");
    let entries = console::entries(&document);
    let home = tempfile::tempdir().expect("a temporary directory");
    let namespace = namespace(home.path());
    let printed = run(bed, home.path(), &namespace, &console::script(&entries));
    let mut alike = vec![(namespace.clone(), "tutorial".to_owned())];
    alike.extend(CLASSES.map(|(from, to)| (from.to_owned(), to.to_owned())));
    alike.extend([0, 1].map(|ordinal| (came_up_last(ordinal), came_up_last(2))));
    let told = console::told(&entries, &printed, &alike);
    if std::env::var("SNAPSHOTS").is_ok_and(|value| value == "overwrite") {
        let fresh = console::refreshed(&document, &told);
        fs::write(&file, fresh).expect("the tutorial can be written");
    }
    let wrong = console::differences(&told, &SAME);
    if wrong.is_empty() {
        bed.try_kubectl(&["delete", "namespace", &namespace, "--wait=false"]);
        return;
    }
    for line in printed.lines() {
        say(&format!("tutorial | {line}"));
    }
    panic!(
        "namespace {namespace} is left as it is; docs/tutorial.md differs:\n{}",
        wrong.join("\n")
    );
}

/// To whoever watches the run, past the harness' capture.
fn say(line: &str) {
    writeln!(std::io::stderr(), "{line}").expect("stderr is open");
}

/// As long as the document's own, so that columns stand where they are shown; never used twice.
fn namespace(home: &Path) -> String {
    let run = home.to_string_lossy();
    let unique: String = run.chars().filter(char::is_ascii_alphanumeric).collect();
    let unique = unique[unique.len() - 4..].to_lowercase();
    format!("tut-{unique}")
}

/// What both streams had, of all commands.
fn run(bed: &Bed, home: &Path, namespace: &str, script: &str) -> String {
    let start = home.join("start");
    fs::create_dir(&start).expect("a writable directory");
    let file = home.join("tutorial.sh");
    fs::write(&file, script).expect("a writable directory");
    let program = program();
    let folder = program.parent().expect("the program is in a folder");
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = bed.command("bash");
    command
        .arg(&file)
        .current_dir(&start)
        .env("PATH", format!("{}:{path}", folder.display()))
        .env("HOME", home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("COLUMNS", "100")
        .env("LC_ALL", "C.UTF-8")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([("NAMESPACE", namespace), ("CLASS", CLASSES[0].0)])
        .envs([("OTHER_CLASS", CLASSES[1].0)])
        .env("IMAGE", "docker.io/testbed/etcd:3.6.16");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "A Reader");
        command.env(format!("GIT_{who}_EMAIL"), "reader@example.net");
    }
    for variable in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "RECONCILE_LOG",
    ] {
        command.env_remove(variable);
    }
    let output = output_of(&mut command);
    let errors = String::from_utf8_lossy(&output.stderr);
    for line in errors.lines() {
        say(&format!("tutorial, bash | {line}"));
    }
    String::from_utf8(output.stdout).expect("UTF-8")
}
