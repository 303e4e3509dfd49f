//! The README's pictures are what the program prints today, colours and all: a plan and an apply of the example fleet.
//!
//! `make pictures` draws them again (`SNAPSHOTS=overwrite cargo test --test pictures`); a picture that is stale fails here.

mod example;

use std::path::Path;
use std::process::Command;

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
    let scene = example::place();
    for arguments in [
        &["-c", "init.defaultBranch=main", "init", "-q"][..],
        &["add", "-A"],
        &["commit", "-q", "-m", "Grow kube-main, and more"],
    ] {
        example::git(scene.path(), arguments);
    }
    scene
}

/// What a terminal shows of the command: its line, and both streams as they came.
fn screen(scene: &TempDir, arguments: &str, exit: i32) -> String {
    // One pipe for both, so that lines stand in the order in which they were written.
    let line = format!(
        "exec '{}' {arguments} --color always 2>&1",
        env!("CARGO_BIN_EXE_reconcile")
    );
    let mut shell = Command::new("sh");
    example::isolate(&mut shell, scene.path()).args(["-c", &line]);
    let output = shell.output().expect("sh is there");
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
