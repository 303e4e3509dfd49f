//! The brain: one pure function from a situation to at most one mutating step.
//!
//! The rules are tables, [`ORDER`] is the order they are walked in, first match wins: half-done work above new work,
//! repair above change. Nothing is remembered between calls: the cluster is the state.

mod alarm;
mod attributes;
mod bootstrap;
mod change;
mod grow;
pub mod guard;
mod halt;
mod held;
mod identity;
mod journal;
mod leave;
mod loss;
mod mend;
mod mutant;
mod objects;
mod offline;
mod poison;
mod procedure;
mod progress;
mod quorum_lost;
mod release;
mod repair;
mod replace;
mod roll;
mod room;
mod serve;
mod shrink;
mod snapshot;
mod step;
mod storage;
mod vacate;
mod view;
mod watchdog;

use serde::Serialize;

use crate::fleet::ClusterSpec;
use crate::state::{Evidence, Kube, Observation, Reading};

pub use journal::{Run, ledger_before};
pub use leave::Leave;
pub use objects::Held;
pub use procedure::{About, Condition, Facts, Focus, Procedure, Row, Then};
pub use progress::{Progress, deadline, hindrance, progress};
pub use room::remarks;
pub use step::{Act, Effect, FileLife, Intent, IntentKey, RestartBy, RowId, Step, Subject};
pub use view::{Seat, View, quorum, tolerance};

/// Every procedure, in the order they are asked (design.md 1, "The order of the tables").
pub const ORDER: &[&Procedure] = &[
    &identity::IDENTITY,
    &poison::POISON,
    &offline::OFFLINE,
    &serve::SERVE,
    &mend::MEND,
    &vacate::VACATE,
    &alarm::ALARM,
    &repair::REPAIR,
    &bootstrap::BOOTSTRAP,
    &change::CHANGE,
    &storage::STORAGE,
    &grow::GROW,
    &halt::HALT,
    &replace::REPLACE,
    &roll::ROLL,
    &shrink::SHRINK,
    &release::RELEASE,
];

/// One cluster's desired state, what was observed of it, and what was seen over time. The time is the observation's.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    pub spec: &'a ClusterSpec,
    pub observed: &'a Observation,
    pub evidence: &'a Evidence,
}

/// What to do now, together with what is refused and deferred beside it.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "an unread decision is not actionable"]
pub struct Decision {
    pub next: Next,
    pub notes: Vec<Note>,
    /// Every row that matched, in order: what was considered.
    pub trace: Vec<RowId>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    Act(Box<Step>),
    Wait {
        row: RowId,
        condition: Condition,
    },
    /// Nothing is left to do but what the notes refuse or defer; in sync when there are none.
    Rest,
}

/// A refusal or a deferral, as data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    pub kind: NoteKind,
    pub row: RowId,
    pub subject: Option<Subject>,
    pub facts: Facts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum NoteKind {
    Refused,
    Deferred,
    /// Kubernetes or etcd could not be read.
    Unreadable,
}

impl Decision {
    pub fn is_in_sync(&self) -> bool {
        matches!(self.next, Next::Rest) && self.notes.is_empty()
    }
}

const UNREADABLE: RowId = RowId {
    procedure: "observe",
    row: "unreadable",
};

/// The next step for one cluster.
pub fn decide(situation: &Situation) -> Decision {
    let Situation {
        spec,
        observed,
        evidence,
    } = situation;
    match readable(spec, observed) {
        Ok(kube) => walk(&View::new(spec, observed, kube, evidence)),
        Err(why) => unreadable(why),
    }
}

/// The same, where the observation was looked at before.
pub fn decide_seen<'a>(view: &View<'a>, evidence: &'a Evidence) -> Decision {
    match readable(view.spec, view.observed) {
        Ok(_) => walk(&view.beside(evidence)),
        Err(why) => unreadable(why),
    }
}

fn readable<'a>(spec: &ClusterSpec, observed: &'a Observation) -> Result<&'a Kube, &'a str> {
    match (&observed.kube, &observed.etcd.barred) {
        (Reading::Unknown(why), _) => Err(why),
        (Reading::Known(_), Some(why)) if !spec.suspend => Err(why),
        (Reading::Known(kube), _) => Ok(kube),
    }
}

/// Down the tables.
fn walk(view: &View) -> Decision {
    let mut decision = Decision {
        next: Next::Rest,
        notes: Vec::new(),
        trace: Vec::new(),
    };
    for procedure in ORDER {
        for about in (procedure.subjects)(view) {
            let focus = Focus { view, about };
            let Some(row) = row_of(procedure, &focus) else {
                continue;
            };
            let id = RowId {
                procedure: procedure.name,
                row: row.name,
            };
            decision.trace.push(id);
            match answer(&focus, row, id) {
                Answer::Next(next) => {
                    decision.next = next;
                    return decision;
                }
                Answer::Note(note) => {
                    decision.notes.push(note);
                    if row.hides_below(id) {
                        return decision;
                    }
                }
                Answer::Pass => {}
            }
        }
    }
    decision
}

/// The first row whose observation holds.
fn row_of(procedure: &Procedure, focus: &Focus) -> Option<&'static Row> {
    let mut rows = procedure.rows.iter();
    rows.find(|row| row.matches(procedure.name, focus))
}

/// Nothing is half done: a run may be stopped here and left. What cannot be read is not known to be safe.
pub fn is_safe_point(situation: &Situation) -> bool {
    let Situation {
        spec,
        observed,
        evidence,
    } = situation;
    observed
        .kube
        .known()
        .is_some_and(|kube| View::new(spec, observed, kube, evidence).is_safe_point())
}

fn unreadable(why: &str) -> Decision {
    Decision {
        next: Next::Rest,
        notes: vec![Note {
            kind: NoteKind::Unreadable,
            row: UNREADABLE,
            subject: None,
            facts: Facts {
                code: "unreadable",
                found: why.to_owned(),
                unblock: "make the cluster readable; what cannot be read is never taken for empty"
                    .into(),
            },
        }],
        trace: vec![UNREADABLE],
    }
}

enum Answer {
    Next(Next),
    Note(Note),
    Pass,
}

fn answer(focus: &Focus, row: &'static Row, id: RowId) -> Answer {
    let note = |kind, facts| {
        Answer::Note(Note {
            kind,
            row: id,
            subject: subject(focus.about),
            facts,
        })
    };
    let act = match (row.then)(focus) {
        Then::Pass => return Answer::Pass,
        Then::Wait(condition) => return Answer::Next(Next::Wait { row: id, condition }),
        Then::Defer(facts) => return note(NoteKind::Deferred, facts),
        Then::Refuse(facts) => return note(NoteKind::Refused, facts),
        Then::Act(act) => act,
    };
    // A refusal is worth more than a wait: it is told at once, not after the wait.
    let mut not_yet = None;
    for guard in row.asks(id) {
        match guard.ask(focus, &act) {
            guard::Verdict::Holds => {}
            guard::Verdict::NotYet(condition) => not_yet = not_yet.or(Some(condition)),
            guard::Verdict::No(facts) => return note(NoteKind::Refused, facts),
        }
    }
    if let Some(condition) = not_yet {
        return Answer::Next(Next::Wait { row: id, condition });
    }
    Answer::Next(Next::Act(Box::new(Step::bind(focus.view, row, id, *act))))
}

const fn subject(about: About) -> Option<Subject> {
    match about {
        About::Cluster => None,
        About::Seat(ordinal) => Some(Subject::Member(ordinal)),
        About::Object(kind) => Some(Subject::Object(kind)),
    }
}
