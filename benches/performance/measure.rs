//! Processes: how long they take, and how much memory at most.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4 as _;

use super::{PROGRAM, Result};

/// Some runs of one command.
pub(crate) struct Measured {
    /// The median.
    pub(crate) wall: Duration,
    fastest: Duration,
    slowest: Duration,
    /// Bytes, of the run that took the most.
    pub(crate) peak: u64,
}

impl Measured {
    /// Each run ends with one of these codes, or nothing was measured.
    pub(crate) fn of(runs: usize, codes: &[i32], command: impl Fn() -> Command) -> Result<Self> {
        let measured: Vec<Run> = (0..runs)
            .map(|_| Run::of(codes, command()))
            .collect::<Result<_>>()?;
        Ok(Self::from(measured))
    }

    /// `0.083 s (0.081–0.090)`
    pub(crate) fn text(&self) -> String {
        let [middle, fastest, slowest] =
            [self.wall, self.fastest, self.slowest].map(|time| time.as_secs_f64());
        if slowest < 0.1 {
            let ms = 1000.0;
            return format!(
                "{:.1} ms ({:.1}–{:.1})",
                middle * ms,
                fastest * ms,
                slowest * ms
            );
        }
        format!("{middle:.3} s ({fastest:.3}–{slowest:.3})")
    }
}

impl From<Vec<Run>> for Measured {
    fn from(mut runs: Vec<Run>) -> Self {
        runs.sort_by_key(|run| run.wall);
        Self {
            wall: runs[runs.len() / 2].wall,
            fastest: runs[0].wall,
            slowest: runs[runs.len() - 1].wall,
            peak: runs.iter().map(|run| run.peak).max().unwrap_or_default(),
        }
    }
}

pub(crate) struct Run {
    wall: Duration,
    peak: u64,
}

impl Run {
    pub(crate) fn of(codes: &[i32], mut command: Command) -> Result<Self> {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let begun = Instant::now();
        let mut child = command.spawn()?;
        let used = child.wait4()?;
        let wall = begun.elapsed();
        if !used.status.code().is_some_and(|code| codes.contains(&code)) {
            let mut said = String::new();
            if let Some(mut stderr) = child.stderr.take() {
                std::io::Read::read_to_string(&mut stderr, &mut said)?;
            }
            let ended = format!(
                "{command:?} ended with {}, expected one of {codes:?}",
                used.status
            );
            return Err(format!("{ended}: {said}").into());
        }
        Ok(Self {
            wall,
            peak: used.rusage.maxrss,
        })
    }
}

/// The program as people call it, with nothing of this process's surroundings that would change what it does.
pub(crate) fn program(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(&*PROGRAM);
    command
        .args(arguments)
        .current_dir(directory)
        .env_remove("KUBECONFIG")
        .env_remove("GITHUB_ACTIONS")
        .env("HOME", directory);
    command
}

/// A part of this program in a process of its own: what it takes is not this one's, whose size a child begins with.
pub(crate) fn myself(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(arguments);
    Ok(command)
}

/// Runs to the end; what it says is said where it fails.
pub(crate) fn run(mut command: Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("{command:?} ended with {}: {said}", output.status).into());
    }
    Ok(())
}
