//! The README's pictures are what the program prints today, colours and all: a plan and an apply of the example fleet.
//!
//! `make pictures` draws them again (`SNAPSHOTS=overwrite cargo test --test pictures`); a picture that is stale fails here.

use std::path::Path;
use std::process::{Command, Stdio};

use anstyle::AnsiColor;
use anstyle_svg::{Term, WIN10_CONSOLE};
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};
use tempfile::TempDir;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The example fleet in `fleet`, committed at a fixed time, and last week's world in `world.json`.
fn scene() -> TempDir {
    let scene = tempfile::tempdir().expect("temporary directory");
    let fleet = scene.path().join("fleet");
    let from = root().join("examples/clusters");
    let copied = Command::new("cp").arg("-R").args([&from, &fleet]).status();
    assert!(copied.expect("cp is there").success());
    let world = scene.path().join("world.json");
    std::fs::rename(fleet.join("sandbox.json"), world).expect("moved");
    git(&fleet, &["-c", "init.defaultBranch=main", "init", "-q"]);
    git(&fleet, &["add", "-A"]);
    git(&fleet, &["commit", "-q", "-m", "Grow kube-main, and more"]);
    scene
}

fn git(fleet: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.net"])
        .args(arguments)
        .current_dir(fleet)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", "2026-11-20T15:00:00Z")
        .env("GIT_COMMITTER_DATE", "2026-11-20T15:00:00Z")
        .env_remove("GIT_DIR")
        .env_remove("GIT_INDEX_FILE")
        .env_remove("GIT_WORK_TREE")
        .output()
        .expect("git is there");
    assert!(output.status.success(), "{output:?}");
}

/// What a terminal shows of the command: its line, and both streams as they came.
fn screen(scene: &TempDir, arguments: &str, exit: i32) -> String {
    // One pipe for both, so that lines stand in the order in which they were written.
    let line = format!(
        "exec '{}' {arguments} --color always 2>&1",
        env!("CARGO_BIN_EXE_reconcile")
    );
    let output = Command::new("sh")
        .args(["-c", &line])
        .current_dir(scene.path())
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "home")
        .env("COLUMNS", "100")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .expect("sh is there");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(exit), "{said}");
    assert!(said.contains('\u{1b}'), "it is coloured: {said}");
    format!("$ reconcile {arguments}\n{said}")
}

fn is_pictured(name: &str, screen: &str) {
    // White, so that what is dimmed can still be read.
    let term = Term::new().palette(WIN10_CONSOLE);
    let term = term.fg_color(AnsiColor::BrightWhite.into());
    let picture = term.render_svg(screen);
    let golden = root().join("docs/pictures").join(name);
    let golden = Data::read_from(&golden, Some(DataFormat::Text)).raw();
    Assert::new()
        .action_env("SNAPSHOTS")
        .eq(Data::text(picture).raw(), golden);
}

#[test]
fn the_plan_is_pictured_as_it_is() {
    let check = "--check fleet --sandbox world.json";
    is_pictured("plan.svg", &screen(&scene(), check, 2));
}

#[test]
fn the_apply_is_pictured_as_it_is() {
    let apply = "apply fleet --sandbox world.json --yes --cluster eu-1/kube-main";
    is_pictured("apply.svg", &screen(&scene(), apply, 0));
}
