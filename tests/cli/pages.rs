//! What is made from the command line itself: completions, manual pages, docs/cli.md.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::Command;

use snapbox::data::DataFormat;
use snapbox::{Assert, Data};

use super::{Place, root, text};

/// With every command there is: one that is new cannot be missing.
#[test]
fn the_reference_is_fresh() {
    let path = root().join("docs/cli.md");
    let checked_in = Data::read_from(&path, Some(DataFormat::Text)).raw();
    Assert::new().action_env("SNAPSHOTS").eq(
        Data::text(reconcile::cli::reference::markdown()).raw(),
        checked_in,
    );
}

#[test]
fn completions_are_scripts_that_know_the_commands() {
    let place = Place::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = place.stdout(&format!("completion {shell}"));
        for word in ["rehearse", "unlock", "lock-timeout"] {
            assert!(script.contains(word), "{shell} has no {word}");
        }
        let file = place.path(shell);
        std::fs::write(&file, &script).expect("written");
        // Only what is installed can read its script.
        let reads = Command::new(shell).arg("-n").arg(&file).output();
        if ["bash", "fish", "zsh"].contains(&shell)
            && let Ok(read) = reads
        {
            assert!(read.status.success(), "{shell}: {}", text(&read.stderr));
        }
    }
}

#[test]
fn bash_completes_a_command() {
    let place = Place::new();
    std::fs::write(place.path("script"), place.stdout("completion bash")).expect("written");
    let ask = "source ./script; COMP_WORDS=(reconcile unl); COMP_CWORD=1; _reconcile reconcile unl reconcile; \
               echo \"${COMPREPLY[@]}\"";
    let Ok(answer) = Command::new("bash")
        .args(["-c", ask])
        .current_dir(place.directory.path())
        .output()
    else {
        // Not `eprintln!`, which the harness keeps to itself when a test passes.
        let skipped = "skipped bash_completes_a_command: there is no bash";
        return writeln!(std::io::stderr(), "{skipped}").expect("stderr");
    };
    assert_eq!(
        text(&answer.stdout).trim(),
        "unlock",
        "{}",
        text(&answer.stderr)
    );
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let mut place = Place::new();
    let page = place.stdout("man");
    assert!(page.contains(".TH reconcile 1"), "{page}");
    let output = place.run("man --dir man1", 0);
    let files = std::fs::read_dir(place.path("man1")).expect("made");
    let names: BTreeSet<String> = files
        .map(|file| {
            file.expect("a page")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let said = text(&output.stdout);
    assert_eq!(said, format!("{} pages in man1\n", names.len()));
    for name in [
        "reconcile.1",
        "reconcile-apply.1",
        "reconcile-snapshot-take.1",
    ] {
        assert!(names.contains(name), "{name} is not in {names:?}");
    }
    let apply = std::fs::read_to_string(place.path("man1/reconcile-apply.1")).expect("a page");
    assert!(apply.contains("RECONCILE_LOCK_TIMEOUT"), "{apply}");
    place.run("man --dir fleet/fleet.yaml", 1);
}
