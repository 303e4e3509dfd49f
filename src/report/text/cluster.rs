//! One cluster's block of a plan: what changes, the steps, what is refused and why.

use super::super::headline::{headline, restarts};
use super::super::style::{Paint, Sheet, TextStyle};
use super::super::words;
use super::fields::{fields, movement, path};
use super::steps::{chain, chains, step};
use crate::decide::Subject;
use crate::plan::{ClusterPlan, PlannedIntent, Stall, Verdict};

pub(super) const BODY: usize = 6;
pub(super) const WIDEST_VALUE: usize = 48;
const WIDEST_ID: usize = 32;
const WIDEST_PATH: usize = 48;
const WIDEST_MOVE: usize = 32;
pub(super) const WIDEST_CLASS: usize = "in-flight".len();

/// Widths shared by all blocks of a page.
pub(super) struct Columns {
    pub(super) id: usize,
    pub(super) headline: usize,
    pub(super) path: usize,
    pub(super) change: usize,
}

impl Columns {
    pub(super) fn of(clusters: &[&ClusterPlan], style: &TextStyle) -> Self {
        let changes = || clusters.iter().flat_map(|c| &c.changes);
        let widest = |items: &mut dyn Iterator<Item = String>, most: usize| {
            let widths = items.map(|text| style.columns(&text));
            widths.filter(|width| *width <= most).max().unwrap_or(0)
        };
        let change = widest(
            &mut changes().map(|c| movement(c, side(style))),
            WIDEST_MOVE,
        );
        let origin = widest(&mut changes().map(words::origin), usize::MAX);
        // What is left beside values and origin; a path that needs more stands on a line of its own.
        let beside = BODY + 2 + change + 2 + WIDEST_CLASS + 2 + origin;
        let room = style.width.saturating_sub(beside).min(WIDEST_PATH);
        Self {
            id: widest(&mut clusters.iter().map(|c| c.id.to_string()), WIDEST_ID),
            headline: widest(&mut clusters.iter().map(|c| headline(c)), WIDEST_MOVE),
            path: widest(&mut changes().map(path), room),
            change,
        }
    }
}

/// Columns that one side of a change may take before it is cut.
pub(super) fn side(style: &TextStyle) -> usize {
    let room = style.width.saturating_sub(BODY + 2 + 3) / 2;
    WIDEST_VALUE.min(room).max(8)
}

/// The first line of a block.
pub(super) struct Heading<'t> {
    pub(super) glyph: &'t str,
    pub(super) paint: Paint,
    pub(super) id: &'t str,
    pub(super) headline: &'t str,
    pub(super) verdict: &'t str,
}

impl Heading<'_> {
    /// On as many lines as the width asks for.
    pub(super) fn write(&self, sheet: &mut Sheet, columns: &Columns, style: &TextStyle) {
        let glyph = (self.paint, self.glyph, 1);
        let id = (Paint::Strong, self.id, columns.id);
        let headline = (Paint::Plain, self.headline, columns.headline);
        let verdict = (self.paint, self.verdict, 0);
        let whole = style.row_width(1, &[glyph, id, headline, verdict]);
        if whole <= style.width {
            return sheet.row(1, &[glyph, id, headline, verdict]);
        }
        if style.row_width(1, &[glyph, id, headline]) <= style.width {
            sheet.row(1, &[glyph, id, headline]);
        } else {
            sheet.row(1, &[glyph, id]);
            sheet.prose(BODY, "", Paint::Plain, self.headline);
        }
        sheet.prose(BODY, "", self.paint, self.verdict);
    }
}

pub(super) fn block(
    sheet: &mut Sheet,
    cluster: &ClusterPlan,
    columns: &Columns,
    style: &TextStyle,
) {
    let (glyph, paint) = glyph(cluster);
    let changed = match cluster.verdict {
        Verdict::Unreadable => "unreadable".to_owned(),
        _ => headline(cluster),
    };
    let heading = Heading {
        glyph,
        paint,
        id: &cluster.id.to_string(),
        headline: &changed,
        verdict: &verdict(cluster),
    };
    heading.write(sheet, columns, style);
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
        for told in chains(&cluster.intents) {
            chain(sheet, &told);
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
    match cluster.verdict {
        Verdict::InSync => "in sync, once that has come about".into(),
        Verdict::Deferred => format!("deferred  {}", words::codes(cluster.deferred())),
        Verdict::Unreadable => "UNREADABLE".into(),
        Verdict::Blocked => {
            let steps = match cluster.intents.len() {
                0 => String::new(),
                n => format!(" (after {})", words::counted(n, "step")),
            };
            format!("BLOCKED  {}{steps}", words::blockers(cluster))
        }
        Verdict::Changes => {
            let destructive = if cluster.is_destructive() {
                ", destructive"
            } else {
                ""
            };
            format!(
                "{}, ~{}, {}{destructive}",
                words::counted(cluster.intents.len(), "step"),
                words::duration(cluster.estimate()),
                restarts(cluster),
            )
        }
    }
}

/// Refused, deferred and unreadable: never dropped.
fn notes(sheet: &mut Sheet, cluster: &ClusterPlan) {
    let told = words::told(&cluster.notes);
    let codes: Vec<&str> = told.iter().map(|(note, _)| note.facts.code).collect();
    for (at, (note, about)) in told.into_iter().enumerate() {
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
        sheet.prose(BODY, "unblock: ", Paint::Hint, Stall::UNBLOCK);
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
