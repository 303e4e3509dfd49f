//! A plan as text (plan-apply-tools.md 2.1 a, b).

use std::collections::BTreeSet;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::super::exit::{self, FailOn};
use super::super::style::{Paint, Sheet, TextStyle};
use super::super::words::{counted, short_commit, short_hash};
use super::cluster::{BODY, Columns, Heading, block, explained};
use crate::plan::{Class, FieldChange, Orphan, Plan, Verdict};

/// Header, one block per cluster that is not in sync, and a closing line that is there unless quiet is asked for.
pub fn plan_text(plan: &Plan, style: &TextStyle) -> String {
    let mut sheet = Sheet::new(style);
    sheet.prose(0, "", Paint::Plain, &header(plan));
    let shown: Vec<_> = plan
        .clusters
        .iter()
        .filter(|c| c.verdict != Verdict::InSync || !c.awaits.is_empty())
        .collect();
    let columns = Columns::of(&shown, style);
    let blocks = shown.par_iter().map(|cluster| {
        let mut sheet = Sheet::new(style);
        sheet.blank();
        block(&mut sheet, cluster, &columns, style);
        sheet
    });
    sheet.extend(blocks.collect::<Vec<_>>());
    let told = orphans(&mut sheet, plan, &columns, style);
    if style.quiet {
        return sheet.finish();
    }
    if !shown.is_empty() || told {
        sheet.blank();
    }
    let counts = plan.counts();
    let stray = plan.orphans.found.len();
    let all_quiet = counts.changes + counts.blocked + counts.unreadable + stray == 0;
    let (paint, closing) = if all_quiet {
        (Paint::Good, quiet(plan))
    } else {
        (Paint::Strong, summary(plan))
    };
    sheet.prose(0, "", paint, &closing);
    sheet.finish()
}

/// What runs and is in no file, each a row of its own; and where that is not known.
fn orphans(sheet: &mut Sheet, plan: &Plan, columns: &Columns, style: &TextStyle) -> bool {
    for orphan in &plan.orphans.found {
        sheet.blank();
        let heading = Heading {
            glyph: "!",
            paint: Paint::Bad,
            id: &orphan.id,
            headline: "not in Git",
            verdict: &format!("BLOCKED  {}", Orphan::CODE),
        };
        heading.write(sheet, columns, style);
        let code = format!("{}: ", Orphan::CODE);
        sheet.prose(BODY, &code, Paint::Plain, &orphan.found());
        sheet.prose(BODY, "unblock: ", Paint::Hint, Orphan::UNBLOCK);
        explained(sheet, Orphan::CODE);
    }
    // Where a cluster is unreadable its own row says why.
    let said = |context: &str| {
        let mut here = plan.clusters.iter().filter(|c| c.id.context == context);
        here.any(|c| c.verdict == Verdict::Unreadable)
    };
    let unknown = plan.orphans.unknown.iter();
    let unknown: Vec<_> = unknown.filter(|(context, _)| !said(context)).collect();
    for (context, why) in &unknown {
        sheet.blank();
        let text = format!("what else of this fleet runs in {context}: {why}");
        sheet.prose(1, "not known: ", Paint::Warn, &text);
    }
    !plan.orphans.found.is_empty() || !unknown.is_empty()
}

fn header(plan: &Plan) -> String {
    let source = match &plan.source.commit {
        Some(commit) => {
            let short = short_commit(commit);
            let dirty = if plan.source.dirty { "+dirty" } else { "" };
            format!("{} @ {short}{dirty}", plan.fleet)
        }
        None => format!("{} (not in Git)", plan.fleet),
    };
    let contexts: BTreeSet<&str> = plan
        .clusters
        .iter()
        .map(|c| c.id.context.as_str())
        .collect();
    let mut parts = vec![
        source,
        format!(
            "{}, {}",
            counted(plan.clusters.len(), "cluster"),
            counted(contexts.len(), "context")
        ),
        format!("as of {}", plan.now),
    ];
    if !plan.source.filters.is_empty() {
        parts.push(format!("only {}", plan.source.filters.join(", ")));
    }
    if plan.clusters.iter().any(|c| !c.intents.is_empty()) {
        parts.push(format!("plan {}", short_hash(&plan.intent_hash)));
    }
    parts.join(" · ")
}

fn quiet(plan: &Plan) -> String {
    let drifted = class_count(plan, Class::Drift);
    let deferred: Vec<String> = plan
        .clusters
        .iter()
        .filter(|c| c.deferred().next().is_some())
        .map(|c| c.id.to_string())
        .collect();
    let tail = if deferred.is_empty() {
        String::new()
    } else {
        format!(" {} deferred ({}).", deferred.len(), deferred.join(", "))
    };
    format!("In sync: 0 pending, {drifted} drifted, 0 blocked, 0 unreadable.{tail}")
}

fn summary(plan: &Plan) -> String {
    let counts = plan.counts();
    let kinds = [
        (counts.blocked, "blocked"),
        (counts.changes, "to change"),
        (counts.unreadable, "unreadable"),
        (counts.deferred, "deferred"),
    ];
    let stray = plan.orphans.found.len();
    let clusters = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"));
    let touched = counts.clusters - counts.in_sync;
    let mut parts = Vec::new();
    if touched > 0 {
        parts.push(format!(
            "{}: {}",
            counted(touched, "cluster"),
            clusters.collect::<Vec<_>>().join(", ")
        ));
    }
    if stray > 0 {
        parts.push(counted(stray, "orphan"));
    }
    let fields: usize = plan.clusters.iter().map(|c| c.changes.len()).sum();
    if fields > 0 {
        let classes = [Class::Pending, Class::Drift, Class::InFlight];
        let classes = classes
            .iter()
            .map(|class| (class_count(plan, *class), class.as_str()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"));
        parts.push(format!(
            "{}: {}",
            counted(fields, "field"),
            classes.collect::<Vec<_>>().join(", ")
        ));
    }
    parts.push(counted(counts.steps, "step"));
    parts.push(format!("{} in sync", counts.in_sync));
    parts.push(format!("{} unreadable", counts.unreadable));
    format!("Summary: {}", parts.join(" · "))
}

fn class_count(plan: &Plan, class: Class) -> usize {
    let of = |changes: &[FieldChange]| changes.iter().filter(|c| c.class == class).count();
    plan.clusters.iter().map(|c| of(&c.changes)).sum()
}

/// `exit 3 (blocked; also: pending, drift)`: the last line of a check.
pub fn exit_line(plan: &Plan, fail_on: &FailOn, warnings: usize) -> String {
    let code = exit::of(&fail_on.codes(plan, warnings));
    let failures = fail_on.failures(plan, warnings);
    let (first, others): (Vec<_>, Vec<_>) = failures.iter().partition(|f| f.exit().code() == code);
    let words = |failures: Vec<&exit::Failure>| {
        let words: Vec<&str> = failures.iter().map(|f| f.word()).collect();
        words.join(", ")
    };
    match (first.is_empty(), others.is_empty()) {
        (true, _) => format!("exit {code}\n"),
        (false, true) => format!("exit {code} ({})\n", words(first)),
        (false, false) => format!("exit {code} ({}; also: {})\n", words(first), words(others)),
    }
}
