//! One cluster's block of a plan: what changes, the steps, what is refused and why.

use std::collections::BTreeSet;

use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::super::style::{Paint, Sheet, TextStyle};
use super::super::words;
use crate::decide::{Effect, Note, Subject};
use crate::plan::{Class, ClusterPlan, FieldChange, PlannedIntent, Verdict};

const BODY: usize = 6;
/// Changed lines of a text shown before the rest is counted.
const LINES_SHOWN: usize = 6;
const WIDEST_ID: usize = 32;
const WIDEST_PATH: usize = 44;
const WIDEST_MOVE: usize = 32;

/// Widths shared by all blocks of a page.
pub(super) struct Columns {
    id: usize,
    headline: usize,
    path: usize,
    change: usize,
}

impl Columns {
    pub(super) fn of(clusters: &[&ClusterPlan], style: &TextStyle) -> Self {
        let width = |text: &str| style.clean(text).chars().count();
        let changes = || clusters.iter().flat_map(|c| &c.changes);
        let widest = |items: &mut dyn Iterator<Item = String>, most: usize| {
            items.map(|t| width(&t)).filter(|w| *w <= most).max()
        };
        Self {
            id: widest(&mut clusters.iter().map(|c| c.id.to_string()), WIDEST_ID).unwrap_or(0),
            headline: widest(
                &mut clusters.iter().map(|c| words::headline(c)),
                WIDEST_MOVE,
            )
            .unwrap_or(0),
            path: widest(&mut changes().map(|c| c.path.clone()), WIDEST_PATH).unwrap_or(0),
            change: widest(&mut changes().map(movement), WIDEST_MOVE).unwrap_or(0),
        }
    }
}

pub(super) fn block(
    sheet: &mut Sheet,
    cluster: &ClusterPlan,
    columns: &Columns,
    style: &TextStyle,
) {
    let (glyph, paint) = glyph(cluster);
    let headline = words::headline(cluster);
    let headline = match cluster.verdict {
        Verdict::Unreadable => "unreadable".to_owned(),
        _ => headline,
    };
    sheet.row(
        1,
        &[
            (paint, glyph, 1),
            (Paint::Strong, &cluster.id.to_string(), columns.id),
            (Paint::Plain, &headline, columns.headline),
            (paint, &verdict(cluster), 0),
        ],
    );
    for change in &cluster.changes {
        field(sheet, change, columns);
    }
    if style.verbose {
        for (at, planned) in cluster.intents.iter().enumerate() {
            step(sheet, at + 1, planned);
        }
    } else {
        for (from, group) in groups(&cluster.intents) {
            chain(sheet, from, group);
        }
    }
    notes(sheet, cluster);
}

/// `M` moves members, `~` mends objects only.
fn glyph(cluster: &ClusterPlan) -> (&'static str, Paint) {
    let moves = |p: &PlannedIntent| matches!(p.intent.key.subject, Subject::Member(_));
    match cluster.verdict {
        Verdict::InSync => ("=", Paint::Good),
        Verdict::Deferred => ("-", Paint::Dim),
        Verdict::Blocked => ("!", Paint::Bad),
        Verdict::Unreadable => ("?", Paint::Bad),
        Verdict::Changes if cluster.intents.iter().any(moves) => ("M", Paint::Warn),
        Verdict::Changes => ("~", Paint::Warn),
    }
}

fn verdict(cluster: &ClusterPlan) -> String {
    let codes = |notes: &mut dyn Iterator<Item = &Note>| {
        let codes: BTreeSet<&str> = notes.map(|n| n.facts.code).collect();
        codes.into_iter().collect::<Vec<_>>().join(", ")
    };
    match cluster.verdict {
        Verdict::InSync => "in sync".into(),
        Verdict::Deferred => format!("deferred  {}", codes(&mut cluster.deferred())),
        Verdict::Unreadable => "UNREADABLE".into(),
        Verdict::Blocked => {
            let why = codes(&mut cluster.refused());
            let why = if why.is_empty() { "no-end" } else { &why };
            let steps = match cluster.intents.len() {
                0 => String::new(),
                n => format!(" (after {})", words::counted(n, "step")),
            };
            format!("BLOCKED  {why}{steps}")
        }
        Verdict::Changes => {
            let restarts = match cluster.restarts() {
                0 => "no restart".to_owned(),
                n => words::counted(n as usize, "restart"),
            };
            let destructive = if cluster.is_destructive() {
                ", destructive"
            } else {
                ""
            };
            format!(
                "{}, ~{}, {restarts}{destructive}",
                words::counted(cluster.intents.len(), "step"),
                words::duration(cluster.estimate()),
            )
        }
    }
}

fn field(sheet: &mut Sheet, change: &FieldChange, columns: &Columns) {
    let paint = match change.class {
        Class::Drift => Paint::Warn,
        Class::Pending | Class::InFlight => Paint::Plain,
    };
    sheet.row(
        BODY,
        &[
            (Paint::Plain, &change.path, columns.path),
            (Paint::Plain, &movement(change), columns.change),
            (paint, change.class.as_str(), "in-flight".len()),
            (Paint::Hint, &origin(change), 0),
        ],
    );
    if let Some((before, after)) = texts(change) {
        changed_lines(sheet, before, after);
    }
}

/// Live → desired.
fn movement(change: &FieldChange) -> String {
    if texts(change).is_some() {
        return "(text, see below)".into();
    }
    let side = |v: Option<&Value>| words::value(v);
    format!(
        "{} → {}",
        side(change.before.as_ref()),
        side(change.after.as_ref())
    )
}

/// Both sides, where one of them has lines.
fn texts(change: &FieldChange) -> Option<(&str, &str)> {
    let before = change.before.as_ref().map_or(Some(""), Value::as_str)?;
    let after = change.after.as_ref().map_or(Some(""), Value::as_str)?;
    (before.contains('\n') || after.contains('\n')).then_some((before, after))
}

fn changed_lines(sheet: &mut Sheet, before: &str, after: &str) {
    let diff = TextDiff::from_lines(before, after);
    let changes: Vec<_> = diff
        .iter_all_changes()
        .filter(|c| c.tag() != ChangeTag::Equal)
        .collect();
    for change in changes.iter().take(LINES_SHOWN) {
        let (sign, paint) = match change.tag() {
            ChangeTag::Delete => ("-", Paint::Bad),
            ChangeTag::Insert | ChangeTag::Equal => ("+", Paint::Good),
        };
        let line = change.value().trim_end_matches('\n');
        sheet.row(BODY + 2, &[(paint, &format!("{sign} {line}"), 0)]);
    }
    if changes.len() > LINES_SHOWN {
        let rest = words::counted(changes.len() - LINES_SHOWN, "more line");
        sheet.row(BODY + 2, &[(Paint::Dim, &format!("… {rest}"), 0)]);
    }
}

fn origin(change: &FieldChange) -> String {
    if let Some(manager) = &change.manager {
        let time = manager.time.map_or(String::new(), |t| format!(", {t}"));
        return format!("set by {}{time}", manager.name);
    }
    change
        .origin
        .as_ref()
        .map_or(String::new(), |o| format!("{}:{}", o.file, o.line))
}

/// Runs of steps on the same member, or of the same verb on objects, with the number of their first.
fn groups(intents: &[PlannedIntent]) -> Vec<(usize, &[PlannedIntent])> {
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
    intents
        .chunk_by(alike)
        .map(|group| {
            let first = from;
            from += group.len();
            (first, group)
        })
        .collect()
}

/// `1–6   member 3: add as learner → … → promote`, and below it what that does to the voters.
fn chain(sheet: &mut Sheet, from: usize, group: &[PlannedIntent]) {
    let Some(first) = group.first() else {
        return;
    };
    let text = match &first.intent.key.subject {
        Subject::Object(_) => {
            let objects = group.iter().filter_map(|p| match &p.intent.key.subject {
                Subject::Object(kind) => Some(words::object(*kind)),
                Subject::Member(_) => None,
            });
            let waits: Vec<&str> = first.awaits.iter().map(|c| words::wait(*c)).collect();
            let lead = if waits.is_empty() {
                String::new()
            } else {
                format!("{} → ", waits.join(" → "))
            };
            format!(
                "{lead}{} {}",
                first.intent.key.verb,
                objects.collect::<Vec<_>>().join(", ")
            )
        }
        Subject::Member(_) => member_chain(group),
    };
    let numbers = match group.len() {
        1 => from.to_string(),
        n => format!("{from}–{}", from + n - 1),
    };
    sheet.prose(BODY, &format!("{numbers:<7}"), Paint::Plain, &text);
    let effects: Vec<Effect> = group.iter().map(|p| p.intent.effect).collect();
    let mut facts = vec![words::effect(&effects)];
    facts.retain(|f| !f.is_empty());
    let estimate = group.iter().map(|p| p.intent.estimate).sum();
    facts.push(format!("~{}", words::duration(estimate)));
    if group.iter().any(|p| p.intent.destructive) {
        facts.push("destructive".into());
    }
    let mut rows: Vec<&str> = group.iter().map(|p| p.intent.row.procedure).collect();
    rows.dedup();
    facts.push(
        rows.into_iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect::<Vec<_>>()
            .join(", "),
    );
    sheet.prose(BODY + 7, "", Paint::Dim, &facts.join(" · "));
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
fn step(sheet: &mut Sheet, number: usize, planned: &PlannedIntent) {
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
    if !intent.guards.is_empty() {
        sheet.prose(inner, "guards: ", Paint::Plain, &intent.guards.join(", "));
    }
    sheet.prose(inner, "undo: ", Paint::Plain, intent.undo);
}

fn notes(sheet: &mut Sheet, cluster: &ClusterPlan) {
    for note in &cluster.notes {
        let subject = note.subject.as_ref().map(|s| format!("{s}: "));
        let text = format!("{}{}", subject.unwrap_or_default(), note.facts.found);
        let label = format!("{}  ", note.facts.code);
        sheet.prose(BODY, &label, Paint::Plain, &text);
        sheet.prose(BODY, "unblock: ", Paint::Hint, &note.facts.unblock);
    }
    if let Some(stall) = &cluster.stall {
        let text = format!(
            "waits for {} ({}), and nothing seen brings it about",
            stall.condition, stall.row
        );
        sheet.prose(BODY, "no-end  ", Paint::Plain, &text);
        sheet.prose(
            BODY,
            "unblock: ",
            Paint::Hint,
            "look at what keeps it from coming about, then plan again",
        );
    }
}
