//! Plans in files: saved, shown, applied in whole and in part, never exceeded. Transcripts in `tests/golden/plan_files`.
//!
//! `SNAPSHOTS=overwrite cargo test --test plan_files` refreshes them, but for `of-today.*`, which stay as they are.

mod example;
#[path = "plan_files/place.rs"]
mod place;

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use reconcile::apply::{Approval, Ending, Interrupt, Options, apply_cluster};
use reconcile::cli::validate;
use reconcile::decide::Run;
use reconcile::plan::unroll;
use reconcile::world::World as _;
use reconcile::world::sandbox::Sandbox;
use serde_json::{Value, json};

use place::{Place, golden, text};

/// Every transcript, and a plan file that stays readable; what no test looks at is stale.
const FILES: &[&str] = &[
    "in-part.txt",
    "no-plan.txt",
    "of-today.json",
    "of-today.txt",
    "refused.txt",
    "stale.txt",
    "whole.txt",
];

const WORLD: &str = "--sandbox world.json";

#[test]
fn every_file_is_of_a_test() {
    let folder = std::fs::read_dir(golden("")).expect("goldens");
    let found: BTreeSet<String> = folder
        .map(|entry| entry.expect("entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    let listed = FILES.iter().map(|name| (*name).to_owned());
    assert_eq!(found, listed.collect());
}

#[test]
fn a_saved_plan_is_shown_as_it_was_planned() {
    for plan in [
        "fleet --sandbox world.json",
        "fleet --sandbox world.json --check",
        "fleet --sandbox world.json --check --fail-on drift",
        "fleet --sandbox world.json --cluster us-2/* --context us-2 --cluster kcp/*",
        "fleet --now 2026-11-21T12:00:00Z --check",
    ] {
        let mut place = Place::new();
        // Something refused, something left over.
        place.edit(
            "fleet/clusters/us-2/kube-main.yaml",
            "members: 3",
            "members: 1",
        );
        std::fs::remove_file(place.path("fleet/clusters/eu-1/discovery.yaml")).expect("a file");
        let check = plan.contains("--check");
        let exit = match plan {
            _ if plan.contains("drift") || !check => 0,
            _ if plan.contains("--now") => 5,
            _ => 3,
        };
        let mut planned = Vec::new();
        let forms = [
            "human",
            "json",
            "yaml",
            "markdown",
            "human --verbose",
            "human -q",
        ];
        for form in forms {
            planned.push(place.stdout(&format!("plan {plan} --out plan.json -o {form}"), exit));
        }
        // Nothing else is there any more.
        std::fs::remove_dir_all(place.path("fleet")).expect("removed");
        std::fs::remove_file(place.path("world.json")).expect("removed");
        let gate = if check { "--check " } else { "" };
        for (form, planned) in forms.iter().zip(&planned) {
            let shown = place.run(&format!("show {gate}plan.json -o {form}"), exit);
            assert_eq!(text(&shown.stdout), *planned, "{plan} -o {form}");
            assert_eq!(text(&shown.stderr), "");
        }
    }
}

#[test]
fn a_plan_file_holds_what_binds() {
    let mut place = Place::new();
    place.git(&["-c", "init.defaultBranch=main", "init", "-q"]);
    place.git(&["add", "-A"]);
    place.git(&["commit", "-q", "-m", "fleet"]);
    place.edit("fleet/fleet.yaml", "kind: Fleet", "kind: Fleet # same");
    let plan = "plan fleet --sandbox world.json --cluster */kube-* --context eu-1 --fail-on blocked,deferred --out plan.json";
    let printed = place.stdout(&format!("{plan} -o json"), 0);
    let file = place.path("plan.json");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), printed);
    let mode = file.metadata().expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let names = std::fs::read_dir(place.directory.path()).expect("listed");
    let left = names.filter(|e| {
        let name = e.as_ref().expect("entry").file_name();
        name.to_string_lossy().contains("tmp")
    });
    assert_eq!(left.count(), 0, "nothing is left beside it");

    let document = place.plan("plan.json");
    let schema = reconcile::report::schema("plan").expect("a schema");
    let schema = serde_json::from_str(schema).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let errors: Vec<_> = validator.iter_errors(&document).collect();
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(document["schema"], "reconcile.plan/v1");
    assert_eq!(document["tool"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["now"], "2026-11-16T09:00:07Z");
    assert_eq!(document["failOn"], json!(["blocked", "deferred"]));
    let source = json!({
        "commit": place.git(&["rev-parse", "HEAD"]), "dirty": true, "path": "fleet",
        "filters": ["cluster=*/kube-*", "context=eu-1"],
    });
    assert_eq!(document["source"], source);
    let clusters = document["clusters"].as_array().expect("clusters");
    assert_eq!(clusters.len(), 2);
    let prints = |cluster: &Value| {
        let basis = cluster["basis"].as_object().expect("it was read");
        let all = basis.values().chain([&cluster["intentHash"]]);
        let all: Vec<String> = all
            .map(|v| v.as_str().expect("a text").to_owned())
            .collect();
        all
    };
    let (one, other) = (prints(&clusters[0]), prints(&clusters[1]));
    assert_eq!(one.len(), 4);
    assert!(one.iter().zip(&other).all(|(a, b)| a != b), "{one:?}");
    assert_eq!(
        clusters[1]["intentHash"], document["intentHash"],
        "the only one with steps"
    );
}

#[test]
fn a_plan_is_saved_whole_or_not_at_all() {
    let mut place = Place::new();
    for (out, exit) in [
        ("-", 64),
        ("fleet", 64),
        ("/dev/null", 64),
        ("no/such/p.json", 1),
    ] {
        let said = place.run(&format!("plan fleet {WORLD} --out {out}"), exit);
        assert_eq!(text(&said.stdout), "", "{out}");
    }
    place.edit("fleet/fleet.yaml", "kind: Fleet", "kind: Flete");
    std::fs::write(place.path("plan.json"), "of before").expect("written");
    place.run(&format!("plan fleet {WORLD} --out plan.json"), 4);
    let left = std::fs::read_to_string(place.path("plan.json"));
    assert_eq!(left.expect("a file"), "of before");
}

#[test]
fn a_saved_plan_is_applied_in_whole() {
    let mut place = Place::new();
    place.run(
        &format!("plan fleet {WORLD} --context us-2 --out plan.json"),
        0,
    );
    place.run(&format!("apply plan.json {WORLD}"), 0);
    let after = place.world();
    place.run(&format!("apply plan.json {WORLD}"), 0);
    assert_eq!(place.world(), after, "nothing is left to do");
    place.run(&format!("--check fleet {WORLD} --context us-2"), 0);
    place.run(&format!("--check fleet {WORLD} --context eu-1 -q"), 2);
    place.is_golden("whole.txt");
}

#[test]
fn a_saved_plan_is_applied_in_part_and_goes_on() {
    let mut place = Place::new();
    let all = "eu-1/kube-main --cluster us-2/kube-events";
    place.run(
        &format!("plan fleet {WORLD} --cluster {all} --out plan.json -q"),
        0,
    );
    place.run(&format!("apply plan.json {WORLD} --max-steps 4"), 7);
    // Whoever did a part of it did nothing that was not approved.
    place.run(
        &format!("apply fleet {WORLD} --cluster us-2/kube-events --yes"),
        0,
    );
    place.run(&format!("apply plan.json {WORLD}"), 0);
    place.is_golden("in-part.txt");
    // Every place that a run may be stopped at is one that the same file goes on from.
    let mut place = Place::new();
    place.run(&format!("plan fleet {WORLD} --out plan.json"), 0);
    let mut runs = 0;
    loop {
        let output = place.run_any(&format!("apply plan.json {WORLD} --max-steps 1"));
        match output.status.code() {
            Some(7) => runs += 1,
            Some(0) => break,
            other => panic!("exit {other:?}: {}", text(&output.stderr)),
        }
        assert!(runs < 60, "no end");
    }
    assert!(runs >= 11, "{runs}");
    place.run(&format!("--check fleet {WORLD}"), 0);
}

#[test]
fn a_saved_plan_is_never_exceeded() {
    let mut place = Place::new();
    let main = "fleet/clusters/eu-1/kube-main.yaml";
    place.run(
        &format!("plan fleet {WORLD} --context eu-1 --out plan.json -q"),
        0,
    );
    let before = place.world();
    // Git wants more than was looked at.
    place.edit(main, "members: 5", "members: 7");
    place.run(&format!("apply plan.json {WORLD}"), 6);
    assert_eq!(place.world(), before, "of no cluster anything was done");
    place.edit(main, "members: 7", "members: 5");
    // The same step, which would bring another value.
    let discovery = "fleet/clusters/eu-1/discovery.yaml";
    let (was, other) = ("discovery-etcd.eu-1", "other-etcd.eu-1");
    place.edit(discovery, was, other);
    let said = place.stderr(&format!("apply plan.json {WORLD}"), 6);
    assert!(
        said.contains("eu-1/discovery  its steps, with what Git asks for now"),
        "{said}"
    );
    assert_eq!(place.world(), before, "nor anything of another value");
    place.edit(discovery, other, was);
    // Somebody has moved the cluster: it has seven members by now, and only two more than three were to go.
    let events = "fleet/clusters/us-2/kube-events.yaml";
    place.run(
        &format!("plan fleet {WORLD} --cluster us-2/kube-events --out less.json -q"),
        0,
    );
    place.edit(events, "profile: events", "profile: events\n  members: 7");
    let said = place.said.clone();
    place.run(
        &format!("apply fleet {WORLD} --cluster us-2/kube-events --yes"),
        0,
    );
    place.said = said;
    place.edit(events, "profile: events\n  members: 7", "profile: events");
    let before = place.world();
    place.run(&format!("apply less.json {WORLD}"), 6);
    assert_eq!(place.world(), before);
    // A cluster that the plan does not have.
    place.run(
        &format!("plan fleet {WORLD} --context us-2 --out us.json -q"),
        0,
    );
    let file = place.path("fleet/clusters/us-2/more.yaml");
    let more = std::fs::read_to_string(place.path("fleet/clusters/us-2/kube-events.yaml"));
    let more = more.expect("a file").replace("kube-events", "more");
    std::fs::write(&file, more).expect("written");
    let said = place.stderr(&format!("apply us.json {WORLD}"), 6);
    assert!(said.contains(" !  us-2/more"), "{said}");
    assert_eq!(place.world(), before);
    place.is_golden("stale.txt");
}

#[test]
fn what_does_not_fit_is_refused_before_anything_is_changed() {
    let mut place = Place::new();
    place.run(
        &format!("plan fleet {WORLD} --context kcp --out plan.json -q"),
        0,
    );
    let before = place.world();
    let hash = place.plan("plan.json")["intentHash"].clone();
    let hash = hash.as_str().expect("a plan has its hash");
    for (arguments, exit) in [
        ("apply plan.json --expect-hash sha256:0000", 6),
        ("apply plan.json --context kcp", 64),
        ("apply plan.json --cluster kcp/cache", 64),
        ("apply fleet --path fleet --yes", 64),
        ("apply fleet --max-age 1h --yes", 64),
        ("apply plan.json --path nowhere", 64),
        ("apply plan.json --now 2026-11-17T09:00:08Z", 6),
        ("apply plan.json --now 2026-11-16T10:00:08Z --max-age 1h", 6),
        ("plan plan.json", 64),
    ] {
        let output = place.run(&format!("{arguments} {WORLD}"), exit);
        assert_eq!(text(&output.stdout), "", "{arguments}");
    }
    place.run(&format!("apply plan.json {WORLD} --observed r.json"), 64);
    place.edit("fleet/fleet.yaml", "name: platform", "name: staging");
    place.run(&format!("apply plan.json {WORLD}"), 6);
    place.edit("fleet/fleet.yaml", "name: staging", "name: platform");
    std::fs::rename(place.path("fleet"), place.path("moved")).expect("moved");
    place.run(&format!("apply plan.json {WORLD}"), 64);
    assert_eq!(place.world(), before);
    // The same where it is now, as old as it may be, and with the hash that was approved.
    let fits = "--path moved --max-age 25h --now 2026-11-17T09:00:08Z";
    let output = place.run_any(&format!(
        "apply plan.json {WORLD} {fits} --expect-hash {hash}"
    ));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    place.is_golden("refused.txt");
}

#[test]
fn a_plan_is_of_its_commit_or_one_before() {
    let mut place = Place::new();
    place.git(&["-c", "init.defaultBranch=main", "init", "-q"]);
    place.git(&["add", "-A"]);
    place.git(&["commit", "-q", "-m", "one"]);
    let one = place.git(&["rev-parse", "HEAD"]);
    std::fs::write(place.path("fleet/README"), "two").expect("written");
    place.git(&["add", "-A"]);
    place.git(&["commit", "-q", "-m", "two"]);
    place.run(&format!("plan fleet {WORLD} --out plan.json"), 0);
    let before = place.world();
    place.git(&["checkout", "-q", &one]);
    let said = place.stderr(&format!("apply plan.json {WORLD}"), 6);
    assert!(said.contains("which is not known to follow it"), "{said}");
    // Another line of history: nobody knows which of the two is meant.
    std::fs::write(place.path("fleet/README"), "beside").expect("written");
    place.git(&["add", "-A"]);
    place.git(&["commit", "-q", "-m", "beside"]);
    place.run(&format!("apply plan.json {WORLD}"), 6);
    place.git(&["checkout", "-q", "main"]);
    // What is not committed is in no plan.
    place.edit("fleet/fleet.yaml", "kind: Fleet", "kind: Fleet # same");
    let said = place.stderr(&format!("apply plan.json {WORLD}"), 64);
    assert!(said.contains("not committed"), "{said}");
    assert_eq!(place.world(), before);
    // A later commit that asks for no more is within the plan.
    place.git(&["commit", "-q", "-a", "-m", "three"]);
    place.run(&format!("apply plan.json {WORLD} --max-steps 1"), 7);
    place.git(&["checkout", "-q", &one]);
    place.run(&format!("apply plan.json {WORLD} --allow-older"), 0);
    // A later one that asks for more is not, and what changed is told.
    place.git(&["checkout", "-q", "main"]);
    place.edit(
        "fleet/clusters/eu-1/kube-main.yaml",
        "members: 5",
        "members: 7",
    );
    place.git(&["commit", "-q", "-a", "-m", "four"]);
    let said = place.stderr(&format!("apply plan.json {WORLD}"), 6);
    assert!(said.contains("not as it was: what Git asks for"), "{said}");
    assert!(said.contains("commit: planned at "), "{said}");
    std::fs::remove_dir_all(place.path("fleet/.git")).expect("removed");
    let said = place.stderr(&format!("apply plan.json {WORLD}"), 6);
    assert!(said.contains("its fleet is in no commit"), "{said}");
}

/// The codes of `diag::Code` that are about plan files.
#[test]
fn what_is_no_plan_is_not_shown_and_not_applied() {
    let mut place = Place::new();
    place.run(
        &format!("plan fleet {WORLD} --context kcp --out plan.json -q"),
        0,
    );
    let whole = std::fs::read_to_string(place.path("plan.json")).expect("a file");
    let with = |change: &dyn Fn(&mut Value)| {
        let mut plan: Value = serde_json::from_str(&whole).expect("JSON");
        change(&mut plan);
        plan.to_string().into_bytes()
    };
    let newer =
        json!({"schema": "reconcile.plan/v2", "tool": {"name": "reconcile", "version": "9.1.0"}});
    let files: Vec<(&str, Vec<u8>)> = vec![
        ("E0601 latin1", b"{\"schema\": \"\xe9\"}".to_vec()),
        ("E0602 empty", Vec::new()),
        ("E0602 cut", whole.as_bytes()[..400].to_vec()),
        ("E0602 yaml", b"schema: reconcile.plan/v1\n".to_vec()),
        ("E0602 deep", "[".repeat(100_000).into_bytes()),
        ("E0603 list", b"[1, 2]".to_vec()),
        ("E0603 sandbox", place.world()),
        ("E0603 number", b"{\"schema\": 1}".to_vec()),
        (
            "E0603 words",
            b"{\"schema\": \"reconcile.plan/vx\\u001b[2J\"}".to_vec(),
        ),
        ("E0604 newer", newer.to_string().into_bytes()),
        (
            "E0605 missing",
            with(&|p| {
                p["clusters"][0]
                    .as_object_mut()
                    .expect("one")
                    .remove("actions");
            }),
        ),
        (
            "E0605 type",
            with(&|p| p["clusters"][0]["actions"][0]["destructive"] = json!("no")),
        ),
        (
            "E0605 wait",
            with(&|p| {
                p["clusters"][0]["awaits"] =
                    json!([{"name": "full-moon", "member": 1, "text": "x"}]);
            }),
        ),
        ("E0605 word", with(&|p| p["failOn"] = json!(["drfit"]))),
    ];
    let before = place.world();
    for (name, content) in files {
        let (code, file) = name.split_once(' ').expect("two words");
        std::fs::write(place.path(file), content).expect("written");
        let said = place.stderr(&format!("show {file}"), 4);
        assert!(said.contains(&format!("({code})")), "{name}: {said}");
        assert!(!said.contains('\u{1b}'), "{name}: {said:?}");
        let applied = place.run_any(&format!("apply {file} {WORLD}"));
        assert_eq!(applied.status.code(), Some(4), "{name}");
        assert_eq!(text(&applied.stderr), said, "{name}");
    }
    place.run("show nowhere.json", 4);
    place.run("show fleet", 4);
    place.run(&format!("apply nowhere.json {WORLD}"), 64);
    // Edited: shown with what is known of it, and never applied.
    let edited = with(&|p| p["clusters"][0]["actions"][0]["verb"] = json!("delete"));
    std::fs::write(place.path("edited"), edited).expect("written");
    place.run(&format!("apply edited {WORLD} --yes"), 6);
    let shown = place.run("show edited -q", 0);
    assert!(text(&shown.stderr).contains("(E0606)"));
    assert!(!text(&shown.stdout).is_empty());
    assert_eq!(place.world(), before);
    place.is_golden("no-plan.txt");
}

/// This file was written by the first version that could, and is never written again. Whoever breaks this test breaks the
/// plans that people keep: a field may be added, none may go or change.
#[test]
fn a_plan_of_today_is_shown_for_ever() {
    let mut place = Place::new();
    let kept = std::fs::read_to_string(golden("of-today.json"));
    let kept = kept.expect("the plan that is kept");
    let told = std::fs::read_to_string(golden("of-today.txt"));
    let told = told.expect("how it was shown");
    std::fs::write(place.path("plan.json"), &kept).expect("written");
    let shown = place.run("show plan.json --verbose", 0);
    assert_eq!(text(&shown.stdout), told);
    assert_eq!(text(&shown.stderr), "");
    // A later minor: fields that nobody here knows, everywhere, and new verbs.
    let mut plan: Value = serde_json::from_str(&kept).expect("JSON");
    add_unknown(&mut plan);
    plan["schema"] = json!("reconcile.plan/v1.7");
    std::fs::write(place.path("plan.json"), plan.to_string()).expect("written");
    let shown = place.run("show plan.json --verbose", 0);
    assert_eq!(text(&shown.stdout), told);
    assert_eq!(text(&shown.stderr), "");
    let json = place.stdout("show plan.json -o json", 0);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json, plan, "nothing of it is lost");
    plan["clusters"][0]["actions"][0]["verb"] = json!("rename-member");
    std::fs::write(place.path("plan.json"), plan.to_string()).expect("written");
    let shown = place.stdout("show plan.json --verbose", 0);
    assert!(shown.contains("rename-member"), "{shown}");
}

/// A field of tomorrow in every object, but where names are the cluster's own or a value's.
fn add_unknown(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                if !["subject", "before", "after", "unknown"].contains(&name.as_str()) {
                    add_unknown(field);
                }
            }
            fields.insert("tomorrow".into(), json!({"is": ["new"]}));
        }
        Value::Array(items) => items.iter_mut().for_each(add_unknown),
        _ => {}
    }
}

/// Under a terminal, as `script` makes one, with these words typed.
fn typed(place: &Place, words: &str, arguments: &str) -> (Option<i32>, String) {
    let mut command = Command::new("script");
    let line = format!("exec {} {arguments}", env!("CARGO_BIN_EXE_reconcile"));
    place.prepare(command.args(["-qec", &line, "/dev/null"]));
    command.env("TERM", "dumb").env("SHELL", "/bin/sh");
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut script = command.spawn().expect("script is there (util-linux)");
    let mut stdin = script.stdin.take().expect("piped");
    std::io::Write::write_all(&mut stdin, words.as_bytes()).expect("typed");
    let output = script.wait_with_output().expect("it ends");
    drop(stdin);
    (output.status.code(), text(&output.stdout))
}

#[test]
fn a_person_says_yes_to_what_was_shown() {
    let place = Place::new();
    let before = place.world();
    let birth = format!("apply fleet {WORLD} --cluster kcp/cache");
    for no in ["y\n", "\n", "Platform\n"] {
        let (code, said) = typed(&place, no, &birth);
        assert_eq!(code, Some(6), "{no:?}: {said}");
        assert!(
            said.contains("Type the fleet's name (platform): "),
            "{said}"
        );
        assert!(said.contains("not approved; nothing was changed"), "{said}");
    }
    let name = format!("apply fleet {WORLD} --cluster eu-1/discovery");
    let (code, said) = typed(&place, "n\n", &name);
    assert_eq!(code, Some(6), "{said}");
    assert!(said.contains("Apply this step? [y/N] "), "{said}");
    assert_eq!(place.world(), before);
    assert_eq!(typed(&place, "y\n", &name).0, Some(0));
    let (code, said) = typed(&place, "platform\n", &birth);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("Applied: 1 of 1 cluster in sync"), "{said}");
}

/// Between the yes and the first step, under the lock: what was shown is what may be done, and nothing is begun otherwise.
#[tokio::test]
async fn more_than_was_shown_is_not_begun() {
    let place = Place::new();
    let fleet = validate::open(&place.path("fleet")).fleet;
    let fleet = fleet.expect("the example is valid");
    let mut clusters = fleet.clusters.into_iter();
    let spec = clusters.find(|c| c.id.to_string() == "eu-1/kube-main");
    let mut spec = spec.expect("a cluster of the example");
    let now = "2026-11-16T09:00:07Z".parse().expect("a time");
    let world = Sandbox::open(&place.path("world.json"), now).expect("a sandbox");
    let shown = unroll(&spec, &world.observe(&spec).await);
    let before = place.world();
    spec.members = 7;
    let options = Options {
        run: Run::default(),
        max_steps: None,
        lock_timeout: Duration::ZERO,
        is_newer: Box::new(|_, _| false),
    };
    let (approval, interrupt) = (Approval::of(&shown), Interrupt::default());
    let outcome = apply_cluster(&world, &spec, approval, &options, &interrupt, &|_| {}).await;
    let Ending::NotApproved(excess) = &outcome.ending else {
        panic!("{outcome:?}");
    };
    assert!(excess.contains("add-learner member 5"), "{excess}");
    assert!(!excess.contains("member 4"), "that was shown: {excess}");
    assert_eq!(outcome.done, []);
    assert_eq!(place.world(), before);
}
