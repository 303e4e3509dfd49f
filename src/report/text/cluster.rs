//! One cluster's block of a plan: what changes, the steps, what is refused and why.

use std::collections::BTreeSet;

use super::super::style::{Paint, Sheet, TextStyle};
use super::super::words;
use super::fields::{fields, movement, path};
use super::steps::{chain, groups, step};
use crate::decide::{Note, Subject};
use crate::plan::{ClusterPlan, PlannedIntent, Verdict};

pub(super) const BODY: usize = 6;
pub(super) const WIDEST_VALUE: usize = 48;
const WIDEST_ID: usize = 32;
const WIDEST_PATH: usize = 48;
const WIDEST_MOVE: usize = 32;

/// Widths shared by all blocks of a page.
pub(super) struct Columns {
    pub(super) id: usize,
    pub(super) headline: usize,
    pub(super) path: usize,
    pub(super) change: usize,
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
            path: widest(&mut changes().map(path), WIDEST_PATH).unwrap_or(0),
            change: widest(
                &mut changes().map(|c| movement(c, WIDEST_VALUE)),
                WIDEST_MOVE,
            )
            .unwrap_or(0),
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
    fields(sheet, cluster, columns, style);
    for remark in &cluster.remarks {
        let code = format!("{}: ", remark.code);
        sheet.prose(BODY, &code, Paint::Warn, &remark.found);
        sheet.prose(BODY, "instead: ", Paint::Hint, &remark.unblock);
        explained(sheet, remark.code);
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
    trailing_waits(sheet, cluster);
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
        Verdict::InSync => "in sync, once that has come about".into(),
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

/// Refused, deferred and unreadable: never dropped, the same facts about several subjects said once.
fn notes(sheet: &mut Sheet, cluster: &ClusterPlan) {
    let mut told: Vec<(&Note, Vec<String>)> = Vec::new();
    for note in &cluster.notes {
        let subject = note.subject.as_ref().map(words::subject);
        match told.iter_mut().find(|(n, _)| n.facts == note.facts) {
            Some((_, subjects)) => subjects.extend(subject),
            None => told.push((note, subject.into_iter().collect())),
        }
    }
    let codes: Vec<&str> = told.iter().map(|(note, _)| note.facts.code).collect();
    for (at, (note, subjects)) in told.into_iter().enumerate() {
        let about = if subjects.is_empty() {
            String::new()
        } else {
            format!(" ({})", subjects.join(", "))
        };
        let text = format!("{}{about}", note.facts.found);
        sheet.prose(BODY, &format!("{}: ", note.facts.code), Paint::Plain, &text);
        sheet.prose(BODY, "unblock: ", Paint::Hint, &note.facts.unblock);
        // Several refusals under one code are explained by one page.
        if codes.get(at + 1) != Some(&note.facts.code) {
            explained(sheet, note.facts.code);
        }
    }
    if let Some(stall) = &cluster.stall {
        let text = format!("{} ({})", stall.found(), stall.row);
        sheet.prose(BODY, "no-end: ", Paint::Plain, &text);
        let unblock = "look at what keeps it from coming about, then plan again";
        sheet.prose(BODY, "unblock: ", Paint::Hint, unblock);
        explained(sheet, "no-end");
    }
}

/// Where all of it is told.
pub(super) fn explained(sheet: &mut Sheet, code: &str) {
    let command = format!("`reconcile explain {code}`");
    sheet.prose(BODY, "more: ", Paint::Dim, &command);
}

/// What comes about by itself after the last step.
fn trailing_waits(sheet: &mut Sheet, cluster: &ClusterPlan) {
    if cluster.stall.is_some() {
        return;
    }
    for condition in &cluster.awaits {
        sheet.prose(BODY, "then wait for ", Paint::Dim, &condition.to_string());
    }
}
