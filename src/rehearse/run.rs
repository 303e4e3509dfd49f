//! One run of the program on the stage: the plain loop over `decide`, and the engine itself.

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};

use super::play::{Halt, Play};
use super::server::Looked;
use crate::decide::{
    self, Act, Condition, Next, Note, NoteKind, RowId, Situation, Step, decide, ledger_before,
};
use crate::fleet::ClusterSpec;
use crate::state::{Evidence, Observation};
use crate::world::LockError;

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    InSync,
    Deferred,
    /// What is left is refused: rows and codes.
    Refused(Vec<(RowId, &'static str)>),
    Unreadable,
    /// A wait passed its deadline.
    TimedOut(String),
    Failed(String),
    /// Another run holds the Lease, ours is of an older commit, or the work left exceeds what was approved.
    Stopped(String),
    /// By an event, or because a law was broken.
    Killed,
}

impl End {
    /// It is a refusal with this code.
    pub fn names(&self, code: &str) -> bool {
        matches!(self, Self::Refused(notes) if notes.iter().any(|(_, c)| *c == code))
    }

    /// Without what it names: what ends are counted by.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Refused(notes) => {
                let codes: std::collections::BTreeSet<&str> =
                    notes.iter().map(|(_, code)| *code).collect();
                let codes: Vec<&str> = codes.into_iter().collect();
                format!("refused: {}", codes.join(", "))
            }
            Self::TimedOut(_) => "waited in vain".into(),
            Self::Failed(_) => "failed".into(),
            Self::Stopped(_) => "stopped".into(),
            Self::InSync | Self::Deferred | Self::Unreadable | Self::Killed => self.to_string(),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InSync => write!(f, "in sync"),
            Self::Deferred => write!(f, "deferred"),
            Self::Refused(notes) => {
                let all: Vec<String> = notes
                    .iter()
                    .map(|(row, c)| format!("{c} ({row})"))
                    .collect();
                write!(f, "refused: {}", all.join(", "))
            }
            Self::Unreadable => write!(f, "unreadable"),
            Self::TimedOut(what) => write!(f, "waited in vain: {what}"),
            Self::Failed(what) => write!(f, "failed: {what}"),
            Self::Stopped(what) => write!(f, "stopped: {what}"),
            Self::Killed => write!(f, "killed"),
        }
    }
}

/// A run's surroundings, as the stage knows them.
pub(super) struct Run {
    pub(super) id: u32,
    pub(super) spec: ClusterSpec,
    pub(super) commit: String,
    pub(super) previous_commit: Option<String>,
    pub(super) most_acts: Option<u32>,
    pub(super) looked: Looked,
    /// `n` and `h`, and the adverse events there had been, at its last look.
    pub(super) voters: (usize, usize),
    pub(super) hits: u32,
    waiting: (Option<Condition>, u32),
}

impl Run {
    pub(super) fn new(id: u32, spec: ClusterSpec, commit: String) -> Self {
        Self {
            id,
            spec,
            commit,
            previous_commit: None,
            most_acts: None,
            looked: Looked::default(),
            voters: (0, 0),
            hits: 0,
            waiting: (None, 0),
        }
    }

    /// Seconds until the next look: every second at first, then ever more rarely.
    pub(super) fn patience(&mut self, on: Option<Condition>) -> SignedDuration {
        const OFTEN: u32 = 6;
        const MOST: u32 = 6;
        if self.waiting.0 == on {
            self.waiting.1 += 1;
        } else {
            self.waiting = (on, 0);
        }
        let doubled = self.waiting.1.saturating_sub(OFTEN).min(MOST);
        SignedDuration::from_secs(1 << doubled)
    }
}

/// Times in a row that the world may refuse a step before the run stops, as the engine has it.
const MOST_REFUSALS: usize = 12;

/// The loop of `apply` without its approvals, lease waits and events: what most schedules are walked with.
pub(super) struct Walker {
    pub(super) evidence: Evidence,
    waits: BTreeMap<Condition, Timestamp>,
    refusals: usize,
    done: u32,
}

impl Walker {
    pub(super) fn new() -> Self {
        Self {
            evidence: Evidence::default(),
            waits: BTreeMap::new(),
            refusals: 0,
            done: 0,
        }
    }

    pub(super) fn run(&mut self, play: &mut Play, run: &mut Run) -> End {
        match play.lock(run) {
            Ok(()) => {}
            Err(LockError::Held { holder, .. }) => {
                return End::Stopped(format!("held by {holder}"));
            }
            Err(LockError::Unreachable(_)) => return End::Unreadable,
        }
        if run
            .previous_commit
            .as_ref()
            .is_some_and(|c| *c > run.commit)
        {
            return End::Stopped("the last run was of a newer commit".into());
        }
        play.record_commit(run);
        loop {
            match self.turn(play, run) {
                Ok(None) => {}
                Ok(Some(end)) => return end,
                Err(Halt) => return End::Killed,
            }
        }
    }

    /// One look and what follows from it; `None` while there is more to do.
    pub(super) fn turn(&mut self, play: &mut Play, run: &mut Run) -> Result<Option<End>, Halt> {
        let seen = play.look(run)?;
        self.evidence.record(&seen);
        let decision = decide(&Situation {
            spec: &run.spec,
            observed: &seen,
            evidence: &self.evidence,
        });
        play.tally.rows(&decision.trace);
        match decision.next {
            Next::Rest => Ok(Some(rest(&decision.notes))),
            Next::Wait { row, condition } => self.wait(play, run, &seen, row, condition),
            Next::Act(step) => self.step(play, run, &seen, &step),
        }
    }

    fn wait(
        &mut self,
        play: &mut Play,
        run: &mut Run,
        seen: &Observation,
        row: RowId,
        condition: Condition,
    ) -> Result<Option<End>, Halt> {
        let since = *self.waits.entry(condition).or_insert(seen.at);
        if since == seen.at {
            let id = run.id;
            play.tell(|| format!("run {id}: waits for {condition} [{row}]"));
        }
        if seen.at.duration_since(since) > condition.deadline() {
            return Ok(Some(End::TimedOut(condition.to_string())));
        }
        play.rest(run, Some(condition))?;
        Ok(None)
    }

    fn step(
        &mut self,
        play: &mut Play,
        run: &mut Run,
        seen: &Observation,
        step: &Step,
    ) -> Result<Option<End>, Halt> {
        if run.most_acts.is_some_and(|most| self.done >= most) {
            return Ok(Some(End::Stopped("did all it may".into())));
        }
        if play.remaining(run.id).is_zero() {
            return Ok(Some(End::Stopped("the Lease was lost".into())));
        }
        let commit = decide::Run {
            commit: Some(run.commit.clone()),
        };
        let ledger = ledger_before(seen, &step.act, &commit);
        if matches!(step.act, Act::MoveLeader { .. }) {
            self.evidence.expect_leader_change();
        }
        play.row = Some(step.intent.row);
        match play.act(run, &step.act, &ledger)? {
            Ok(()) => {
                self.refusals = 0;
                self.done += 1;
                self.waits.clear();
                Ok(None)
            }
            Err(error) => {
                self.refusals += 1;
                if self.refusals > MOST_REFUSALS {
                    return Ok(Some(End::Failed(error.to_string())));
                }
                play.rest(run, None)?;
                Ok(None)
            }
        }
    }
}

/// What a decision to rest amounts to.
pub(super) fn rest(notes: &[Note]) -> End {
    let is = |kind| notes.iter().any(|n| n.kind == kind);
    if is(NoteKind::Unreadable) {
        End::Unreadable
    } else if is(NoteKind::Refused) {
        let refused = notes.iter().filter(|n| n.kind == NoteKind::Refused);
        End::Refused(refused.map(|n| (n.row, n.facts.code)).collect())
    } else if is(NoteKind::Deferred) {
        End::Deferred
    } else {
        End::InSync
    }
}
