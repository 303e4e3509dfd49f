//! Plans, outcomes and observations as JSON: versioned, sorted, no value only in prose.

use serde_json::{Value, json};

use super::exit;
use crate::apply::Outcome;
use crate::decide::Note;
use crate::plan::{
    ClusterPlan, FieldChange, Orphan, Orphans, Plan, PlannedIntent, Stall, Verdict, intent_hash,
    outcome_codes,
};

/// Minor changes only add; an unknown major is refused by whoever reads it.
pub const PLAN_SCHEMA: &str = "reconcile.plan/v1";
pub const OUTCOME_SCHEMA: &str = "reconcile.outcome/v1";

/// The program that wrote a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tool<'a> {
    pub name: &'a str,
    pub version: &'a str,
}

impl Tool<'static> {
    /// This build.
    pub const fn this() -> Self {
        Self {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        }
    }
}

impl Tool<'_> {
    fn json(self) -> Value {
        json!({"name": self.name, "version": self.version})
    }
}

/// `reconcile.plan/v1`; `schemas/plan.schema.json` says the rest.
pub fn plan_json(plan: &Plan, tool: Tool) -> Value {
    let clusters: Vec<Value> = plan.clusters.iter().map(cluster).collect();
    let mut body = json!({
        "schema": PLAN_SCHEMA,
        "tool": tool.json(),
        "fleet": plan.fleet,
        "now": plan.now,
        "source": plan.source,
        "intentHash": plan.intent_hash,
        "complete": plan.clusters.iter().all(|c| c.verdict != Verdict::Unreadable),
        "clusters": clusters,
        "counts": plan.counts(),
        "outcome": {"codes": outcome_codes(plan)},
    });
    if let Some(words) = &plan.fail_on {
        body["failOn"] = json!(words);
    }
    if plan.orphans != Orphans::default() {
        body["orphans"] = json!({
            "found": plan.orphans.found.iter().map(orphan).collect::<Vec<_>>(),
            "unknown": plan.orphans.unknown,
        });
    }
    body
}

fn orphan(orphan: &Orphan) -> Value {
    json!({
        "id": orphan.id,
        "code": Orphan::CODE,
        "objects": orphan.sighted,
        "found": orphan.found(),
        "why": orphan.why,
        "unblock": Orphan::UNBLOCK,
    })
}

fn cluster(cluster: &ClusterPlan) -> Value {
    let actions = cluster.intents.iter().enumerate();
    let mut blocked: Vec<Value> = cluster.refused().map(note).collect();
    blocked.extend(stalled(cluster));
    let mut body = json!({
        "id": cluster.id,
        "verdict": cluster.verdict,
        "intentHash": intent_hash(std::slice::from_ref(cluster)),
        "changes": cluster.changes.iter().map(change).collect::<Vec<_>>(),
        "actions": actions.map(|(at, p)| action(cluster, at + 1, p)).collect::<Vec<_>>(),
        "awaits": cluster.awaits,
        "blocked": blocked,
        "deferred": cluster.deferred().map(note).collect::<Vec<_>>(),
        "unreadable": cluster.unreadable().map(note).collect::<Vec<_>>(),
        "tolerance": {"now": cluster.tolerance_now, "lowest": cluster.lowest_tolerance()},
        "estimateSeconds": cluster.estimate().as_secs(),
        "destructive": cluster.is_destructive(),
        "rows": cluster.rows.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    if !cluster.remarks.is_empty() {
        body["remarks"] = json!(cluster.remarks);
    }
    if let Some(basis) = &cluster.basis {
        body["basis"] = json!(basis);
    }
    body
}

fn change(change: &FieldChange) -> Value {
    let mut body = json!({
        "path": change.path,
        "before": change.before,
        "after": change.after,
        "class": change.class.as_str(),
        // No field of the documents or of an object we render holds a secret: those are only ever named.
        "sensitive": false,
    });
    if let Some(origin) = &change.origin {
        body["origin"] = json!(origin);
    }
    if let Some(manager) = &change.manager {
        body["manager"] = json!({"name": manager.name, "time": manager.time});
    }
    body
}

fn action(cluster: &ClusterPlan, number: usize, planned: &PlannedIntent) -> Value {
    let intent = &planned.intent;
    let mut body = json!({
        "id": format!("{}#{number}", cluster.id),
        "verb": intent.key.verb,
        "subject": intent.key.subject,
        "row": intent.row.to_string(),
        "why": intent.why,
        "awaits": planned.awaits,
        "guards": intent.guards,
        "effect": intent.effect,
        "estimateSeconds": intent.estimate.as_secs(),
        "destructive": intent.destructive,
        "undo": intent.undo,
    });
    if !intent.key.takes.is_empty() {
        body["takes"] = json!(intent.key.takes);
    }
    body
}

pub(super) fn note(note: &Note) -> Value {
    json!({
        "code": note.facts.code,
        "row": note.row.to_string(),
        "subject": note.subject,
        "found": note.facts.found,
        "unblock": note.facts.unblock,
    })
}

fn stalled(cluster: &ClusterPlan) -> Option<Value> {
    let stall = cluster.stall.as_ref()?;
    let mut body = json!({
        "code": "no-end",
        "row": stall.row.to_string(),
        "subject": null,
        "found": stall.found(),
        "unblock": Stall::UNBLOCK,
        "condition": stall.condition,
    });
    if let Some(hindrance) = &stall.hindrance {
        body["hindrance"] = json!(hindrance);
    }
    Some(body)
}

/// `reconcile.outcome/v1`: the end of an apply.
pub fn outcome_json(outcome: &Outcome, tool: Tool) -> Value {
    let codes = exit::codes_of(outcome);
    let clusters: Vec<Value> = outcome
        .clusters
        .iter()
        .map(|c| {
            let mut body = json!(c);
            body["safeToLeave"] = json!(c.is_safe_to_leave());
            body
        })
        .collect();
    json!({
        "schema": OUTCOME_SCHEMA,
        "tool": tool.json(),
        "clusters": clusters,
        "outcome": {"code": exit::of(&codes), "codes": codes},
    })
}
