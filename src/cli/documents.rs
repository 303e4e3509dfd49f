//! Documents into a fleet, or diagnostics to stderr and exit code 4.

use std::path::Path;

use super::{Stop, terminal};
use crate::diag;
use crate::fleet::{self, Fleet};
use crate::source;

pub(super) struct LoadedFleet {
    pub(super) fleet: Fleet,
    pub(super) commit: Option<String>,
    pub(super) dirty: bool,
}

pub(super) fn load(path: &Path) -> Result<LoadedFleet, Stop> {
    let documents = source::read(path);
    let loaded = fleet::load(&documents.files);
    let mut diagnostics = documents.diagnostics;
    diagnostics.extend(loaded.diagnostics);
    if !diagnostics.is_empty() {
        let style = if terminal::stderr_is_fancy() {
            diag::Style::Fancy
        } else {
            diag::Style::Plain
        };
        terminal::tell(
            diag::render_all(&diagnostics, &documents.files, style, terminal::width()).trim_end(),
        );
    }
    let invalid = diagnostics.iter().any(diag::Diagnostic::is_error);
    match loaded.fleet {
        Some(fleet) if !invalid => Ok(LoadedFleet {
            fleet,
            commit: None,
            dirty: false,
        }),
        _ => Err(Stop::new(
            4,
            format!(
                "{} is not a valid fleet; nothing was read or changed",
                path.display()
            ),
        )),
    }
}
