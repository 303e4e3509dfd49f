//! The document as the reader knows it, and what each part of it is in this program.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;

use crate::decide::{Condition, Effect, Facts, Intent, IntentKey, Note, NoteKind, RowId, Subject};
use crate::fleet::{ClusterId, Ordinal, Origin};
use crate::plan::{
    Basis, Class, ClusterPlan, FieldChange, Orphan, Orphans, Plan, PlannedIntent, SourceFacts,
    Stall, Verdict,
};
use crate::state::{FieldManager, ObjectKind, Sighting};

/// Words of a document that are names in this program for ever. Each is kept once, for the rest of the run: a run reads
/// one plan.
#[derive(Default)]
struct Words(BTreeSet<&'static str>);

impl Words {
    fn word(&mut self, word: &str) -> &'static str {
        if let Some(known) = self.0.get(word) {
            return known;
        }
        let kept: &'static str = Box::leak(word.to_owned().into_boxed_str());
        self.0.insert(kept);
        kept
    }

    fn row(&mut self, row: &str) -> Result<RowId, String> {
        let (procedure, row) = row
            .split_once('/')
            .ok_or_else(|| format!("found row {row:?}, expected `<procedure>/<row>`"))?;
        Ok(RowId {
            procedure: self.word(procedure),
            row: self.word(row),
        })
    }

    fn facts(&mut self, code: &str, found: String, unblock: String) -> Facts {
        Facts {
            code: self.word(code),
            found,
            unblock,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document {
    fleet: String,
    now: Timestamp,
    source: SourceFacts,
    intent_hash: String,
    pub(super) fail_on: Option<Vec<String>>,
    clusters: Vec<ClusterSaid>,
    #[serde(default)]
    orphans: OrphansSaid,
}

impl Document {
    pub(super) fn plan(self) -> Result<Plan, String> {
        let mut words = Words::default();
        let clusters = self.clusters.into_iter();
        let clusters: Result<Vec<_>, String> =
            clusters.map(|cluster| cluster.plan(&mut words)).collect();
        let orphans = Orphans {
            found: self.orphans.found.into_iter().map(Orphan::from).collect(),
            unknown: self.orphans.unknown,
        };
        let mut plan =
            Plan::new(self.fleet, self.now, self.source, clusters?).with_orphans(orphans);
        plan.intent_hash = self.intent_hash;
        plan.fail_on = self.fail_on;
        Ok(plan)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClusterSaid {
    id: ClusterId,
    verdict: Verdict,
    changes: Vec<ChangeSaid>,
    #[serde(default)]
    remarks: Vec<RemarkSaid>,
    actions: Vec<ActionSaid>,
    awaits: Vec<ConditionSaid>,
    blocked: Vec<NoteSaid>,
    deferred: Vec<NoteSaid>,
    unreadable: Vec<NoteSaid>,
    rows: Vec<String>,
    tolerance: ToleranceSaid,
    basis: Option<Basis>,
}

impl ClusterSaid {
    fn plan(self, words: &mut Words) -> Result<ClusterPlan, String> {
        let (stalls, refused): (Vec<_>, Vec<_>) = self
            .blocked
            .into_iter()
            .partition(|note| note.condition.is_some());
        let kinds = [
            (NoteKind::Refused, refused),
            (NoteKind::Deferred, self.deferred),
            (NoteKind::Unreadable, self.unreadable),
        ];
        let mut notes = Vec::new();
        for (kind, said) in kinds {
            for note in said {
                notes.push(note.note(kind, words)?);
            }
        }
        let stall = stalls.into_iter().next().map(|note| note.stall(words));
        let remarks = self.remarks.into_iter();
        let rows = self.rows.iter().map(|row| words.row(row));
        let rows: Result<BTreeSet<RowId>, String> = rows.collect();
        let actions = self.actions.into_iter();
        let intents: Result<Vec<_>, String> = actions.map(|action| action.planned(words)).collect();
        Ok(ClusterPlan {
            id: self.id,
            verdict: self.verdict,
            changes: self.changes.into_iter().map(FieldChange::from).collect(),
            remarks: remarks
                .map(|said| words.facts(&said.code, said.found, said.unblock))
                .collect(),
            intents: intents?,
            awaits: conditions(self.awaits)?,
            notes,
            stall: stall.transpose()?,
            rows: rows?,
            tolerance_now: self.tolerance.now,
            basis: self.basis,
        })
    }
}

#[derive(Deserialize)]
struct ToleranceSaid {
    now: Option<i64>,
}

#[derive(Deserialize)]
struct RemarkSaid {
    code: String,
    found: String,
    unblock: String,
}

#[derive(Deserialize)]
struct NoteSaid {
    code: String,
    found: String,
    unblock: String,
    row: String,
    subject: Option<Subject>,
    /// Only a plan that ends in a wait names one.
    condition: Option<ConditionSaid>,
    hindrance: Option<String>,
}

impl NoteSaid {
    fn note(self, kind: NoteKind, words: &mut Words) -> Result<Note, String> {
        Ok(Note {
            kind,
            row: words.row(&self.row)?,
            subject: self.subject,
            facts: words.facts(&self.code, self.found, self.unblock),
        })
    }

    fn stall(self, words: &mut Words) -> Result<Stall, String> {
        let condition = self.condition.ok_or("found no condition waited for")?;
        Ok(Stall {
            row: words.row(&self.row)?,
            condition: condition.condition()?,
            hindrance: self.hindrance,
        })
    }
}

#[derive(Deserialize)]
struct ConditionSaid {
    name: String,
    member: Option<Ordinal>,
    object: Option<ObjectKind>,
}

impl ConditionSaid {
    fn condition(self) -> Result<Condition, String> {
        Condition::named(&self.name, self.member, self.object)
            .ok_or_else(|| format!("found condition {:?}, which is not known here", self.name))
    }
}

fn conditions(said: Vec<ConditionSaid>) -> Result<Vec<Condition>, String> {
    said.into_iter().map(ConditionSaid::condition).collect()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActionSaid {
    verb: String,
    subject: Subject,
    #[serde(default)]
    takes: Vec<String>,
    row: String,
    why: String,
    awaits: Vec<ConditionSaid>,
    guards: Vec<String>,
    effect: Effect,
    estimate_seconds: i64,
    destructive: bool,
    undo: String,
}

impl ActionSaid {
    fn planned(self, words: &mut Words) -> Result<PlannedIntent, String> {
        let key = IntentKey {
            verb: words.word(&self.verb),
            subject: self.subject,
            takes: self.takes,
        };
        let intent = Intent {
            key,
            row: words.row(&self.row)?,
            why: words.word(&self.why),
            guards: self.guards.iter().map(|guard| words.word(guard)).collect(),
            effect: self.effect,
            estimate: SignedDuration::from_secs(self.estimate_seconds),
            undo: words.word(&self.undo),
            destructive: self.destructive,
        };
        Ok(PlannedIntent {
            intent,
            awaits: conditions(self.awaits)?,
        })
    }
}

#[derive(Deserialize)]
struct ChangeSaid {
    path: String,
    before: Option<Value>,
    after: Option<Value>,
    class: Class,
    origin: Option<Origin>,
    manager: Option<ManagerSaid>,
}

#[derive(Deserialize)]
struct ManagerSaid {
    name: String,
    time: Option<Timestamp>,
}

impl From<ChangeSaid> for FieldChange {
    fn from(said: ChangeSaid) -> Self {
        let manager = said.manager.map(|manager| FieldManager {
            name: manager.name,
            time: manager.time,
            fields: BTreeSet::new(),
        });
        Self {
            path: said.path,
            before: said.before,
            after: said.after,
            class: said.class,
            origin: said.origin,
            manager,
        }
    }
}

#[derive(Default, Deserialize)]
struct OrphansSaid {
    found: Vec<OrphanSaid>,
    unknown: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct OrphanSaid {
    id: String,
    objects: Vec<ObjectSaid>,
    why: String,
}

#[derive(Deserialize)]
struct ObjectSaid {
    cluster: String,
    kind: String,
    namespace: String,
    name: String,
}

impl From<OrphanSaid> for Orphan {
    fn from(said: OrphanSaid) -> Self {
        let sighted = said.objects.into_iter().map(|object| Sighting {
            cluster: object.cluster,
            kind: object.kind,
            namespace: object.namespace,
            name: object.name,
        });
        Self {
            id: said.id,
            sighted: sighted.collect(),
            why: said.why,
        }
    }
}
