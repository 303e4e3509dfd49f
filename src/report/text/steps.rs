//! The steps of a plan: grouped, or each on its own with everything known of it.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::super::style::{Paint, Sheet};
use super::super::words;
use super::cluster::BODY;
use crate::decide::{Effect, Subject};
use crate::fleet::pointer::unescaped;
use crate::plan::PlannedIntent;

/// A run of steps as it is told.
pub(in crate::report) struct Chain {
    /// `2–6`
    pub(in crate::report) numbers: String,
    /// `member 3: add as learner → … → promote`
    pub(in crate::report) text: String,
    /// What that does to the voters, how long it takes, and by which procedures.
    pub(in crate::report) facts: String,
}

/// Runs of steps on the same member, or of the same verb on objects.
pub(in crate::report) fn chains(intents: &[PlannedIntent]) -> Vec<Chain> {
    let alike = |a: &PlannedIntent, b: &PlannedIntent| {
        let (a, b) = (&a.intent.key, &b.intent.key);
        match (&a.subject, &b.subject) {
            (Subject::Member(x), Subject::Member(y)) => {
                x == y || (a.verb == b.verb && a.verb == "poison-file")
            }
            (Subject::Object(_), Subject::Object(_)) => a.verb == b.verb,
            _ => false,
        }
    };
    let mut from = 1;
    let groups = intents.chunk_by(alike).map(|group| {
        let first = from;
        from += group.len();
        Chain {
            numbers: match group.len() {
                1 => first.to_string(),
                n => format!("{first}–{}", first + n - 1),
            },
            text: text(group),
            facts: facts(group),
        }
    });
    groups.collect()
}

/// `1–6   member 3: add as learner → … → promote`, and below it what that does to the voters.
pub(super) fn chain(sheet: &mut Sheet, chain: &Chain) {
    let numbers = format!("{:<7}", chain.numbers);
    sheet.prose(BODY, &numbers, Paint::Plain, &chain.text);
    sheet.prose(BODY + 7, "", Paint::Dim, &chain.facts);
}

fn text(group: &[PlannedIntent]) -> String {
    let Some(first) = group.first() else {
        return String::new();
    };
    let text = match &first.intent.key.subject {
        Subject::Object(_) | Subject::Cluster => {
            let objects = group.iter().filter_map(|p| match &p.intent.key.subject {
                Subject::Object(kind) => Some(words::object(*kind)),
                Subject::Member(_) | Subject::Cluster => None,
            });
            let waits: Vec<&str> = first.awaits.iter().map(|c| words::wait(*c)).collect();
            let lead = if waits.is_empty() {
                String::new()
            } else {
                format!("{} → ", waits.join(" → "))
            };
            let objects = objects.collect::<Vec<_>>().join(", ");
            let text = format!("{lead}{} {objects}", words::link(first.intent.key.verb));
            text.trim_end().to_owned()
        }
        Subject::Member(_) => member_chain(group),
    };
    let taken = taken(group);
    if taken.is_empty() {
        text
    } else {
        format!("{text}: {}", taken.join(", "))
    }
}

fn facts(group: &[PlannedIntent]) -> String {
    let effects: Vec<Effect> = group.iter().map(|p| p.intent.effect).collect();
    let mut facts = vec![words::effect(&effects)];
    facts.retain(|f| !f.is_empty());
    let estimate = group.iter().map(|p| p.intent.estimate).sum();
    facts.push(format!("~{}", words::duration(estimate)));
    if group.iter().any(|p| p.intent.destructive) {
        facts.push("destructive".into());
    }
    let rows: BTreeSet<&str> = group.iter().map(|p| p.intent.row.procedure).collect();
    facts.push(rows.into_iter().collect::<Vec<_>>().join(", "));
    facts.join(" · ")
}

/// Fields taken from persons' tools, as a person reads a pointer.
fn taken(group: &[PlannedIntent]) -> Vec<Cow<'_, str>> {
    let takes = group.iter().flat_map(|p| &p.intent.key.takes);
    takes.map(|pointer| unescaped(pointer)).collect()
}

fn member_chain(group: &[PlannedIntent]) -> String {
    let mut ordinals: Vec<String> = Vec::new();
    let mut links: Vec<&str> = Vec::new();
    for planned in group {
        links.extend(planned.awaits.iter().map(|c| words::wait(*c)));
        links.push(words::link(planned.intent.key.verb));
        if let Subject::Member(ordinal) = planned.intent.key.subject {
            ordinals.push(ordinal.to_string());
        }
    }
    ordinals.dedup();
    if ordinals.len() > 1 {
        links.dedup();
        return format!("members {}: {}", ordinals.join(", "), links.join(" → "));
    }
    format!("member {}: {}", ordinals.join(", "), links.join(" → "))
}

/// One step with everything that is known of it.
pub(super) fn step(sheet: &mut Sheet, number: usize, planned: &PlannedIntent) {
    let intent = &planned.intent;
    for condition in &planned.awaits {
        let deadline = words::duration(condition.deadline());
        let text = format!("wait for {condition}, at most {deadline}");
        sheet.prose(BODY + 4, "", Paint::Dim, &text);
    }
    sheet.prose(
        BODY,
        &format!("{number:<4}"),
        Paint::Strong,
        &words::step(&intent.key),
    );
    let inner = BODY + 4;
    sheet.prose(
        inner,
        "why: ",
        Paint::Plain,
        &format!("{} ({})", intent.why, intent.row),
    );
    let effect = words::effect(&[intent.effect]);
    let mut facts = vec![if effect.is_empty() {
        "voters unchanged".into()
    } else {
        effect
    }];
    facts.push(format!("~{}", words::duration(intent.estimate)));
    if intent.destructive {
        facts.push("destructive".into());
    }
    sheet.prose(inner, "", Paint::Plain, &facts.join(" · "));
    let taken = taken(std::slice::from_ref(planned));
    if !taken.is_empty() {
        sheet.prose(inner, "takes over: ", Paint::Warn, &taken.join(", "));
    }
    if !intent.guards.is_empty() {
        sheet.prose(inner, "guards: ", Paint::Plain, &intent.guards.join(", "));
    }
    sheet.prose(inner, "undo: ", Paint::Plain, intent.undo);
}
