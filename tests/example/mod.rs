//! The example fleet in a place of its own, and commands there that ask nothing of the machine.

use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// A directory with the example fleet in `fleet`, and its sandbox in `world.json`.
pub(crate) fn place() -> TempDir {
    let place = tempfile::tempdir().expect("temporary directory");
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/clusters");
    let fleet = place.path().join("fleet");
    let copied = Command::new("cp").arg("-R").args([&from, &fleet]).status();
    assert!(copied.expect("cp is there").success());
    let world = place.path().join("world.json");
    std::fs::rename(fleet.join("sandbox.json"), world).expect("moved");
    place
}

/// To be run in this directory, with none of the machine's settings.
pub(crate) fn isolate<'c>(command: &'c mut Command, directory: &Path) -> &'c mut Command {
    command
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", "home")
        .env("KUBECONFIG", "no-kubeconfig.yaml")
        .env("COLUMNS", "100")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
}

/// Git in the place's fleet: always at the same time and by the same person, so that commits have the same names.
pub(crate) fn git(place: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=T", "-c", "user.email=t@example.net"])
        .args(arguments)
        .current_dir(place.join("fleet"))
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
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    said.trim().to_owned()
}
