//! A saved plan beside what is left to do.

use super::super::style::{Paint, Sheet, TextStyle};
use super::super::words::{self, counted, short_commit, short_hash};
use crate::apply::Exceeded;
use crate::fleet::ClusterId;
use crate::fleet::pointer::unescaped;
use crate::plan::Plan;

/// A saved plan that what is left to do exceeds.
#[derive(Debug, Clone, PartialEq)]
pub struct StalePlan<'p> {
    pub saved: &'p Plan,
    /// The commit that is planned now.
    pub commit: Option<&'p str>,
    /// Those that exceed it.
    pub clusters: Vec<StaleCluster>,
}

/// A cluster with more to do than was approved, or something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaleCluster {
    pub id: ClusterId,
    pub exceeded: Exceeded,
}

/// What a saved plan is, above the plan of what is left of it.
pub fn saved_text(file: &str, saved: &Plan, style: &TextStyle) -> String {
    let mut sheet = Sheet::new(style);
    let steps = counted(saved.counts().steps, "step");
    let hash = short_hash(&saved.intent_hash);
    let text = format!(
        "plan {hash} as of {}, {steps} approved; left to do:",
        saved.now
    );
    sheet.prose(0, &format!("{file}: "), Paint::Plain, &text);
    sheet.finish()
}

/// Every step that exceeds the plan, and why it may be so.
pub fn stale_text(plan: &StalePlan, style: &TextStyle) -> String {
    let mut sheet = Sheet::new(style);
    let hash = short_hash(&plan.saved.intent_hash);
    let text = format!("plan {hash} as of {} does not have:", plan.saved.now);
    sheet.prose(0, "not what was approved: ", Paint::Bad, &text);
    for cluster in &plan.clusters {
        let Exceeded { excess, moved } = &cluster.exceeded;
        let id = cluster.id.to_string();
        let steps = match excess.len() {
            0 => "its steps, with what Git asks for now".to_owned(),
            more => counted(more, "step"),
        };
        sheet.row(
            1,
            &[
                (Paint::Bad, "!", 1),
                (Paint::Strong, &id, 0),
                (Paint::Plain, &steps, 0),
            ],
        );
        for key in excess {
            sheet.prose(6, "+ ", Paint::Bad, &words::step(key));
            if !key.takes.is_empty() {
                let fields: Vec<_> = key.takes.iter().map(|t| unescaped(t)).collect();
                sheet.prose(8, "fields: ", Paint::Plain, &fields.join(", "));
            }
        }
        if !moved.is_empty() {
            let text = format!("not as it was: {}", moved.join("; "));
            sheet.prose(6, "since then ", Paint::Dim, &text);
        }
    }
    if let (Some(before), Some(now)) = (plan.saved.source.commit.as_deref(), plan.commit)
        && before != now
    {
        let text = format!("{}, now {}", short_commit(before), short_commit(now));
        sheet.prose(1, "commit: planned at ", Paint::Dim, &text);
    }
    sheet.prose(1, "more: ", Paint::Dim, "`reconcile explain not-approved`");
    sheet.finish()
}
