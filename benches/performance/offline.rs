//! `--check --observed`: fleets of several sizes against what was recorded of them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use reconcile::state::{Observation, Sighting};
use reconcile::world::recorded::Recording;

use super::fleet::{self, File};
use super::measure::{self, Measured};
use super::table::{Row, megabytes};
use super::{Result, cluster, tell};

const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// Fleet, recording and history of one size, in `root`.
pub(crate) fn generate(root: &Path, count: usize) -> Result<()> {
    let documents = |now: bool| {
        let clusters = (0..count).map(move |index| fleet::cluster(index, now));
        let fleet = File {
            path: "fleet.yaml".into(),
            text: fleet::FLEET.into(),
        };
        std::iter::once(fleet).chain(clusters)
    };
    let settled = cluster::load(documents(false).collect())?;
    let observed: Vec<Observation> = settled
        .clusters
        .par_iter()
        .map(|spec| cluster::settled(spec))
        .collect();
    let contexts: Vec<&str> = settled.contexts.keys().map(String::as_str).collect();
    let sightings = Sighting::of_all(&observed, &contexts);
    fs::create_dir_all(root)?;
    let text = Recording::text(cluster::now(), &observed, sightings)?;
    fs::write(root.join("recording.json"), text)?;

    let directory = root.join("fleet");
    for file in documents(false) {
        write(&directory, &file)?;
    }
    repository(&directory)?;
    for (_, file) in documents(true)
        .skip(1)
        .enumerate()
        .filter(|(i, _)| fleet::is_changed(*i))
    {
        write(&directory, &file)?;
    }
    commit(&directory, "what is checked")
}

/// Of what is in this directory, in one commit.
pub(crate) fn repository(directory: &Path) -> Result<()> {
    git(directory, &["init", "--quiet", "--initial-branch=main"])?;
    commit(directory, "as it was")
}

/// Written long ago: Git reads a file again that is as new as its index.
fn write(directory: &Path, file: &File) -> Result<()> {
    let path = directory.join(&file.path);
    fs::create_dir_all(path.parent().ok_or("a file in a directory")?)?;
    fs::write(&path, &file.text)?;
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    fs::File::options()
        .append(true)
        .open(&path)?
        .set_modified(old)?;
    Ok(())
}

fn commit(directory: &Path, message: &str) -> Result<()> {
    git(directory, &["add", "--all"])?;
    git(directory, &["commit", "--quiet", "--message", message])
}

fn git(directory: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("git");
    command.current_dir(directory).args(arguments);
    // Nothing of whoever measures: no hooks, no signatures, no templates.
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null");
    for who in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{who}_NAME"), "bench");
        command.env(format!("GIT_{who}_EMAIL"), "bench@example");
        command.env(format!("GIT_{who}_DATE"), "2026-11-21T09:00:00Z");
    }
    measure::run(command)
}

pub(crate) fn rows(place: &Path) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    let mut before: Option<(usize, Duration)> = None;
    for size in SIZES {
        tell(&format!("offline: {size} clusters"));
        let root = place.join(size.to_string());
        let to = root.to_str().ok_or("a path of UTF-8")?;
        measure::run(measure::myself(&["generate", to, &size.to_string()])?)?;
        let runs = if size < 10_000 { 11 } else { 5 };
        let check = ["--check", "--observed", "recording.json", "fleet"];
        counts(&root, &check, size)?;
        let measured = Measured::of(runs, &[2], || measure::program(&root, &check))?;
        let recorded = fs::metadata(root.join("recording.json"))?.len();
        let what = format!(
            "offline check of {size} clusters, {} changed (recording: {})",
            (0..size).filter(|index| fleet::is_changed(*index)).count(),
            megabytes(recorded),
        );
        let row = Row::new(
            what,
            format!("{}, {}", measured.text(), megabytes(measured.peak)),
        );
        let seconds = measured.wall.as_secs_f64();
        rows.push(match size {
            1_000 => row.held("≤ 0.1 s", seconds <= 0.1),
            10_000 => {
                let held = seconds <= 1.0 && measured.peak <= 300_000_000;
                row.held("≤ 1 s, ≤ 300 MB", held)
            }
            _ => row,
        });
        if let (10_000, Some((1_000, smaller))) = (size, before) {
            let times = seconds / smaller.as_secs_f64();
            rows.push(
                Row::new(
                    "ten times the clusters take",
                    format!("{times:.1} × the time"),
                )
                .held("linear: ≤ 11 ×", times <= 11.0),
            );
        }
        before = Some((size, measured.wall));
        fs::remove_dir_all(&root)?;
    }
    Ok(rows)
}

/// That it is the plan it shall be: all are read, one of ten has changes, and nothing is refused or unknown.
fn counts(root: &Path, check: &[&str], size: usize) -> Result<()> {
    let mut command = measure::program(root, check);
    let output = command.args(["-o", "json"]).output()?;
    let plan: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let count = |name: &str| plan["counts"][name].as_u64().unwrap_or(u64::MAX);
    let changed = (0..size).filter(|index| fleet::is_changed(*index)).count();
    let wanted = [
        ("clusters", size),
        ("changes", changed),
        ("inSync", size - changed),
    ];
    for (name, wanted) in wanted {
        if count(name) != wanted as u64 {
            let summary = &plan["counts"];
            return Err(format!("found {summary}, expected {name} to be {wanted}").into());
        }
    }
    Ok(())
}
