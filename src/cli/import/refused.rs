//! Why nothing is imported: findings with a code, where it is for what runs and not for how it was read.

use super::super::{Stop, plan_file, terminal};
use crate::diag::{Code, Diagnostic, render_all};
use crate::import::{ImportError, NotOurs};
use crate::report::Exit;
use crate::world::live::adoption::AdoptionError;
use crate::world::live::running::RunningError;

const NOT_WRITTEN: &str = "nothing was written";

/// Told as a finding; `kept` is what did not come of it.
fn finding(exit: Exit, kept: &str, found: &Diagnostic) -> Stop {
    plan_file::say(found);
    Stop::new(exit.code(), kept)
}

/// What is to be read is not there.
pub(super) fn absent(error: &RunningError) -> Stop {
    let help = match error {
        RunningError::Unread(_) => return Stop::new(Exit::Incomplete.code(), error.to_string()),
        RunningError::NoNamespace(_) => "see --namespace",
        RunningError::Absent { .. } => "see --statefulset",
    };
    let found = Diagnostic::new(Code::ImportAbsent, error.to_string()).help(help);
    finding(Exit::Blocked, NOT_WRITTEN, &found)
}

/// What runs makes no document.
pub(super) fn undocumented(error: &ImportError) -> Stop {
    match error {
        ImportError::Impossible { code, help, .. } => {
            let found = Diagnostic::new(*code, error.to_string()).help(help);
            finding(Exit::Blocked, NOT_WRITTEN, &found)
        }
        ImportError::Invalid { diagnostics, files } => {
            let text = render_all(
                diagnostics,
                files,
                terminal::diagnostic_style(),
                terminal::width(),
            );
            terminal::tell(text.trim_end());
            Stop::new(
                Exit::Invalid.code(),
                "what runs makes no valid document, for the reasons above; nothing was written; --etcd-version or --profile may mend it",
            )
        }
    }
}

/// Another controller acts on what is to be read.
pub(super) fn acted(error: &AdoptionError) -> Stop {
    adoption(error, NOT_WRITTEN)
}

/// It stays whose it is.
pub(super) fn kept(error: &AdoptionError) -> Stop {
    adoption(error, "nothing was taken over")
}

fn adoption(error: &AdoptionError, kept: &str) -> Stop {
    let plain = |exit: Exit| Stop::new(exit.code(), error.to_string());
    let (exit, code, help) = match error {
        AdoptionError::Unread(_) => return plain(Exit::Incomplete),
        AdoptionError::Write { done: 0, .. } => return plain(Exit::Failed),
        AdoptionError::Write { .. } => return plain(Exit::Stopped),
        AdoptionError::Absent { .. } => (
            Exit::Blocked,
            Code::ImportAbsent,
            "see backend.statefulSet of its document".to_owned(),
        ),
        AdoptionError::NotOurs(NotOurs::HandMade { .. }) => (
            Exit::Blocked,
            Code::ImportByHand,
            "its processes, selector and volumes are made in another way and cannot be taken over: the document stays a plan for a new cluster beside it".to_owned(),
        ),
        AdoptionError::NotOurs(NotOurs::OtherName { cluster, .. }) => (
            Exit::Blocked,
            Code::ImportOtherName,
            format!("a StatefulSet's selector cannot change: call the cluster {cluster} in its document (metadata.name)"),
        ),
        AdoptionError::Acted { found_by, .. } => (
            Exit::Blocked,
            Code::ImportActed,
            format!("{found_by} must let go of it first"),
        ),
        AdoptionError::Held(_) => (
            Exit::Locked,
            Code::ImportHeld,
            "end that run, or wait for it".to_owned(),
        ),
    };
    finding(
        exit,
        kept,
        &Diagnostic::new(code, error.to_string()).help(help),
    )
}
