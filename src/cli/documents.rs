//! Documents into a fleet, or diagnostics to stderr and exit code 4.

use std::path::Path;

use super::selection::Selection;
use super::{Stop, plan_file, terminal, validate};
use crate::diag;
use crate::fleet::Fleet;
use crate::plan::SourceFacts;
use crate::source::{GitState, is_ancestor};

pub(super) struct LoadedFleet {
    pub(super) fleet: Fleet,
    pub(super) git: Option<GitState>,
}

impl LoadedFleet {
    pub(super) fn commit(&self) -> Option<String> {
        self.git.as_ref().map(|git| git.commit.clone())
    }

    pub(super) fn facts(&self, selection: &Selection) -> SourceFacts {
        SourceFacts {
            commit: self.commit(),
            dirty: self.git.as_ref().is_some_and(|git| !git.dirty.is_empty()),
            filters: selection.filters(),
            path: Some(selection.path.display().to_string()),
        }
    }
}

pub(super) fn load(path: &Path) -> Result<LoadedFleet, Stop> {
    // A command misspelt is a path to clap.
    if !path.exists() {
        return Err(Stop::usage(format!(
            "{} is no command and no directory; expected a directory with fleet.yaml and clusters/, or see --help",
            path.display()
        )));
    }
    if plan_file::is_one(path) {
        return Err(Stop::usage(format!(
            "{} is a file; expected a directory with fleet.yaml and clusters/ (plan files are for `show` and `apply`)",
            path.display()
        )));
    }
    let opened = validate::open(path);
    let text = opened.text(terminal::diagnostic_style(), terminal::width());
    if !text.is_empty() {
        terminal::tell(text.trim_end());
    }
    let invalid = opened.diagnostics.iter().any(diag::Diagnostic::is_error);
    match opened.fleet {
        Some(fleet) if !invalid => Ok(LoadedFleet {
            fleet,
            git: opened.git,
        }),
        _ => Err(Stop::new(
            validate::INVALID,
            format!(
                "{} is not a valid fleet; no cluster was read or changed",
                path.display()
            ),
        )),
    }
}

/// Was the commit of the run before `ours` newer than it? By ancestry; a commit that this clone does not hold cannot be
/// told to be older, and an unknown is refused.
pub(super) fn is_newer(git: Option<&GitState>, previous: &str, ours: &str) -> bool {
    let Some(git) = git else {
        return false;
    };
    !is_ancestor(&git.root, previous, ours).unwrap_or(false)
}
