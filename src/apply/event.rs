//! What the engine tells: the interface between it and every report.

use serde::Serialize;

use crate::decide::{Condition, IntentKey, Note, Progress, RowId};
use crate::fleet::ClusterId;

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(
    tag = "type",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum ApplyEvent {
    /// Once for each try that did not bring the lock and is followed by another.
    LockAwaited {
        cluster: ClusterId,
        elapsed_s: u64,
        deadline_s: u64,
        /// Who holds it, or why it cannot be asked for.
        hindrance: String,
    },
    Locked {
        cluster: ClusterId,
    },
    StepStarted {
        cluster: ClusterId,
        /// From 1, in this run.
        number: usize,
        /// Steps of the approved plan.
        of: usize,
        intent: IntentKey,
        row: RowId,
    },
    StepDone {
        cluster: ClusterId,
        number: usize,
        elapsed_ms: u64,
    },
    StepFailed {
        cluster: ClusterId,
        number: usize,
        error: String,
    },
    Waiting {
        cluster: ClusterId,
        row: RowId,
        condition: Condition,
        elapsed_s: u64,
        deadline_s: u64,
        progress: Option<Progress>,
        /// What is seen to keep it from coming about.
        hindrance: Option<String>,
    },
    Noted {
        cluster: ClusterId,
        note: Note,
    },
    Finished {
        cluster: ClusterId,
        ending: Ending,
        steps: usize,
    },
}

impl ApplyEvent {
    pub const fn cluster(&self) -> &ClusterId {
        match self {
            Self::LockAwaited { cluster, .. }
            | Self::Locked { cluster }
            | Self::StepStarted { cluster, .. }
            | Self::StepDone { cluster, .. }
            | Self::StepFailed { cluster, .. }
            | Self::Waiting { cluster, .. }
            | Self::Noted { cluster, .. }
            | Self::Finished { cluster, .. } => cluster,
        }
    }
}

/// How a cluster's run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", content = "detail", rename_all = "kebab-case")]
pub enum Ending {
    InSync,
    /// What is left waits for its time, or the cluster is suspended.
    Deferred,
    /// What is left is refused.
    Blocked,
    /// A wait passed its deadline: what for.
    TimedOut(String),
    Failed(String),
    /// By a signal; `true`: at a safe point.
    Interrupted {
        safe: bool,
    },
    /// `--max-steps` reached.
    StepLimit,
    /// What is left to do exceeds what was approved: the intents that do.
    NotApproved(String),
    LockHeld(String),
    /// The last run was of this commit, which is newer than ours or not known here.
    OlderCommit(String),
    Unreadable(String),
    /// Another cluster's failure kept it from being begun.
    NotStarted,
}

impl Ending {
    /// Counts against `rollout.stopAfterFailures`.
    pub const fn is_failure(&self) -> bool {
        !matches!(
            self,
            Self::InSync
                | Self::Deferred
                | Self::StepLimit
                | Self::Interrupted { .. }
                | Self::NotStarted
        )
    }
}

/// What came of one cluster.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClusterOutcome {
    pub id: ClusterId,
    pub ending: Ending,
    pub done: Vec<IntentKey>,
    /// Steps left by the plan from where it stands.
    pub left: usize,
    /// Besides, what waits for its time.
    pub deferred: usize,
    pub voters: usize,
    pub tolerance: Option<i64>,
}

impl ClusterOutcome {
    /// It may stay like this: every state a step ends in is one a later run goes on from, so what counts is that the
    /// cluster is known to have its quorum.
    pub fn is_safe_to_leave(&self) -> bool {
        self.tolerance.is_some_and(|t| t >= 0)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// Sorted by id.
    pub clusters: Vec<ClusterOutcome>,
    /// The signal that ended the run, if one did.
    pub signal: Option<i32>,
}
