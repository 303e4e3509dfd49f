//! One cluster's plan: the unrolled loop.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::basis::Basis;
use super::change::{FieldChange, changes};
use crate::decide::{
    Act, Condition, Decision, Facts, Intent, Next, Note, NoteKind, RowId, Run, Situation, View,
    decide, decide_seen, hindrance, ledger_before, remarks,
};
use crate::fleet::{ClusterId, ClusterSpec};
use crate::manifest;
use crate::model;
use crate::state::{Evidence, Observation};

/// More decisions than any plan takes: seven members times every row, with their waits.
const MOST_DECISIONS: usize = 2000;
/// Looks at one wait, each as long after the one before as [`model::look_after`] says. What controllers do one after the
/// other comes about within them.
const STEADY_LOOKS: u32 = 5;
/// With those that follow, each twice as long after the one before: a minute in all (ten for an election), before a
/// wait counts as one that does not come about by itself.
const MOST_LOOKS: u32 = STEADY_LOOKS + 5;

/// What would be done to one cluster, in order, and what would not be and why.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterPlan {
    pub id: ClusterId,
    pub verdict: Verdict,
    pub changes: Vec<FieldChange>,
    /// What a reader should know before the first step is done: why members move in place, what could not be read.
    pub remarks: Vec<Facts>,
    pub intents: Vec<PlannedIntent>,
    /// Waited for after the last act, or with nothing to do: what comes about by itself, a member that restarts.
    pub awaits: Vec<Condition>,
    /// Refused and deferred once the steps are done, what is refused first.
    pub notes: Vec<Note>,
    /// The plan ends in a wait that the model cannot see the end of.
    pub stall: Option<Stall>,
    /// Every row the decisions matched.
    pub rows: BTreeSet<RowId>,
    /// Tolerance as observed; `None` before the birth or without a member list.
    pub tolerance_now: Option<i64>,
    /// What it was made from, where somebody wants to know later why it does not hold any more.
    pub basis: Option<Basis>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PlannedIntent {
    pub intent: Intent,
    /// Waited for before it, in order.
    pub awaits: Vec<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stall {
    pub row: RowId,
    pub condition: Condition,
    /// What is seen to keep it from coming about.
    pub hindrance: Option<String>,
}

impl Stall {
    pub const CODE: &'static str = "no-end";
    pub const UNBLOCK: &'static str = "look at what keeps it from coming about, then plan again";

    /// What was found, as refusals say it.
    pub fn found(&self) -> String {
        let why = self
            .hindrance
            .as_deref()
            .unwrap_or("nothing seen brings it about");
        format!("waits for {}: {why}", self.condition)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    InSync,
    /// Nothing to do now; something waits for its time.
    Deferred,
    Changes,
    /// A needed change is refused, whatever else can be done.
    Blocked,
    Unreadable,
}

impl ClusterPlan {
    /// The lowest `h - q` that a step leaves; `None` without steps on a living cluster.
    pub fn lowest_tolerance(&self) -> Option<i64> {
        let living = self.intents.iter().map(|i| &i.intent.effect);
        living
            .filter(|e| e.voters_after > 0)
            .map(|e| e.tolerance_after)
            .min()
    }

    pub fn estimate(&self) -> SignedDuration {
        self.intents.iter().map(|i| i.intent.estimate).sum()
    }

    pub fn restarts(&self) -> u32 {
        self.intents.iter().map(|i| i.intent.effect.restarts).sum()
    }

    pub fn refused(&self) -> impl Iterator<Item = &Note> {
        self.of_kind(NoteKind::Refused)
    }

    pub fn deferred(&self) -> impl Iterator<Item = &Note> {
        self.of_kind(NoteKind::Deferred)
    }

    pub fn unreadable(&self) -> impl Iterator<Item = &Note> {
        self.of_kind(NoteKind::Unreadable)
    }

    fn of_kind(&self, kind: NoteKind) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |n| n.kind == kind)
    }

    pub fn is_destructive(&self) -> bool {
        self.intents.iter().any(|i| i.intent.destructive)
    }
}

/// Unrolls the loop for one cluster.
pub fn unroll(spec: &ClusterSpec, observed: &Observation) -> ClusterPlan {
    let _unchanged = manifest::Unchanged::new(spec);
    let none = Evidence::default();
    let kube = observed.kube.known();
    let seen = kube.map(|kube| View::new(spec, observed, kube, &none));
    let mut plan = ClusterPlan {
        id: spec.id.clone(),
        verdict: Verdict::InSync,
        changes: seen.as_ref().map_or_else(Vec::new, changes),
        remarks: Vec::new(),
        intents: Vec::new(),
        awaits: Vec::new(),
        notes: Vec::new(),
        stall: None,
        rows: BTreeSet::new(),
        tolerance_now: seen.as_ref().and_then(tolerance_now),
        basis: None,
    };
    plan.go_on(spec, observed, seen.as_ref());
    if !plan.intents.is_empty() {
        plan.remarks = seen.as_ref().map_or_else(Vec::new, remarks);
    }
    plan.notes.sort_by_key(|note| note.kind);
    plan.verdict = plan.judge();
    plan
}

impl ClusterPlan {
    /// Decides and performs until nothing is left. Most clusters are in sync: their observation is looked at once, and
    /// copied only where something is done or waited for.
    fn go_on(&mut self, spec: &ClusterSpec, observed: &Observation, mut seen: Option<&View>) {
        let mut world = Cow::Borrowed(observed);
        let mut evidence = Evidence::default();
        let mut awaits: Vec<Condition> = Vec::new();
        let mut looks = 0_u32;
        for _ in 0..MOST_DECISIONS {
            evidence.record(&world);
            let decision = match seen.take() {
                Some(view) => decide_seen(view, &evidence),
                None => decide(&Situation {
                    spec,
                    observed: &world,
                    evidence: &evidence,
                }),
            };
            self.take_notes(&decision);
            match decision.next {
                Next::Rest => break,
                Next::Wait { row, condition } => {
                    looks = if awaits.last() == Some(&condition) {
                        looks + 1
                    } else {
                        0
                    };
                    if awaits.last() != Some(&condition) {
                        awaits.push(condition);
                    }
                    if looks > MOST_LOOKS {
                        let hindrance = hindrance(&world, condition);
                        self.stall = Some(Stall {
                            row,
                            condition,
                            hindrance,
                        });
                        break;
                    }
                    let longer = 1_i32 << looks.saturating_sub(STEADY_LOOKS);
                    let span = model::look_after(spec, condition) * longer;
                    model::pass(world.to_mut(), spec, span);
                }
                Next::Act(step) => {
                    let ledger = ledger_before(&world, &step.act, &Run::default());
                    if let Act::MoveLeader { .. } = step.act {
                        evidence.expect_leader_change();
                    }
                    model::perform(world.to_mut(), spec, &step.act, &ledger)
                        .expect("the model accepts an act that was decided on its own state");
                    self.intents.push(PlannedIntent {
                        intent: step.intent,
                        awaits: std::mem::take(&mut awaits),
                    });
                    looks = 0;
                }
            }
        }
        self.awaits = awaits;
    }

    /// What the steps before have cleared away is refused no more: the last decision's notes are the plan's.
    fn take_notes(&mut self, decision: &Decision) {
        self.rows.extend(&decision.trace);
        self.notes.clone_from(&decision.notes);
    }

    fn judge(&self) -> Verdict {
        let has = |kind| self.notes.iter().any(|n| n.kind == kind);
        if has(NoteKind::Unreadable) {
            Verdict::Unreadable
        } else if has(NoteKind::Refused) || self.stall.is_some() {
            Verdict::Blocked
        } else if !self.intents.is_empty() {
            Verdict::Changes
        } else if has(NoteKind::Deferred) {
            Verdict::Deferred
        } else {
            Verdict::InSync
        }
    }
}

fn tolerance_now(view: &View) -> Option<i64> {
    view.membership()?;
    Some(view.tolerance())
}
