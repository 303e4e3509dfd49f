//! Interim: replaced by the report branch.
use crate::apply::{ApplyEvent, Ending, Outcome};
use crate::plan::Plan;
use std::fmt::Write as _;
pub fn plan_text(plan: &Plan) -> String {
    let mut t = String::new();
    for c in &plan.clusters {
        let _ = writeln!(
            t,
            "{} {:?} tolerance {:?}",
            c.id, c.verdict, c.tolerance_now
        );
        for i in &c.intents {
            let e = i.intent.effect;
            let _ = writeln!(
                t,
                "   {:?} then {} {} ({}) v{}->{} t{}->{}",
                i.awaits,
                i.intent.key.verb,
                i.intent.key.subject,
                i.intent.row,
                e.voters_before,
                e.voters_after,
                e.tolerance_before,
                e.tolerance_after
            );
        }
        for n in &c.notes {
            let _ = writeln!(t, "   ! {:?} {} {}", n.kind, n.row, n.facts.found);
        }
        if let Some(s) = &c.stall {
            let _ = writeln!(t, "   stalls {} {}", s.row, s.condition);
        }
    }
    let _ = writeln!(t, "{:?} {}", plan.counts(), plan.intent_hash);
    t
}
pub fn plan_json(plan: &Plan) -> serde_json::Value {
    serde_json::json!({"intentHash": plan.intent_hash, "clusters": plan.clusters.iter().map(|c| serde_json::json!({"id": c.id, "verdict": if c.verdict == crate::plan::Verdict::InSync {"in-sync"} else {"changes"}, "actions": c.intents.iter().map(|i| serde_json::json!({"verb": i.intent.key.verb, "subject": i.intent.key.subject, "effect": i.intent.effect})).collect::<Vec<_>>() })).collect::<Vec<_>>()})
}
pub fn outcome_json(o: &Outcome) -> serde_json::Value {
    serde_json::json!({"clusters": o.clusters.iter().map(|c| serde_json::json!({"ending": c.ending, "done": c.done, "left": c.left})).collect::<Vec<_>>()})
}
pub fn event_line(now: jiff::Timestamp, event: &ApplyEvent) -> String {
    format!("{now} {event:?}")
}
pub fn tally_text(o: &Outcome) -> String {
    format!("{o:#?}\n")
}
pub fn outcome_exit(o: &Outcome) -> u8 {
    if o.clusters.iter().all(|c| c.ending == Ending::InSync) {
        0
    } else {
        7
    }
}
