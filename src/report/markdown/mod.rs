//! A plan as the comment of a pull request (plan-apply-tools.md 2.3 d), never larger than its host takes.
//!
//! Where the whole is too large, whole parts of it go: the steps, then the fields, then the rows of clusters that are
//! neither blocked nor destructive nor unreadable. What went is said in the header. Sizes are bytes: there are never
//! fewer of them than characters, so a limit holds for every host.

mod details;
mod escape;
mod rows;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::exit::Exit;
use super::style::defuse;
use super::words::{counted, short_commit, short_hash};
use crate::plan::{Plan, Verdict};
use escape::{code, fence, text};
use rows::{Kind, Row, TABLE_HEAD};

/// How much is shown, from everything down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rung {
    Full,
    Fields,
    Lines,
    Counts,
    Heading,
}

const LADDER: [Rung; 5] = [
    Rung::Full,
    Rung::Fields,
    Rung::Lines,
    Rung::Counts,
    Rung::Heading,
];

/// The comment, in at most so many bytes. Its first line tells which fleet's comment it is, and for which plan.
pub fn plan_markdown(plan: &Plan, max_bytes: usize) -> String {
    let rows = rows::rows(plan);
    let page = Page {
        plan,
        rows: &rows,
        max_bytes,
    };
    let mut texts = LADDER.iter().map(|rung| page.text(*rung));
    let fits = texts.find(|text| text.len() <= max_bytes);
    fits.unwrap_or_else(|| first_line(&plan.fleet, &plan.intent_hash, max_bytes))
}

/// Why there is no plan, as a comment of at most so many bytes. Which fleet it would have been of is not known.
pub fn failure_markdown(code: u8, why: &str, max_bytes: usize) -> String {
    const UNKNOWN: (&str, &str) = ("?", "none");
    let exit = match Exit::from_code(code) {
        Some(exit) => format!("exit {code} ({})", exit.word()),
        None => format!("exit {code}"),
    };
    let head = format!(
        "{}### reconcile · no plan ⛔\n\n{}\n",
        marker(UNKNOWN.0, UNKNOWN.1),
        exit
    );
    let lines: Vec<String> = why.lines().map(|line| defuse(line) + "\n").collect();
    // From the top as many lines as fit, and at least the head.
    let frame = fence("text", "").len() + 2 * escape::longest_run(why);
    let more = |left: usize| match left {
        0 => String::new(),
        left => format!("\n… {}\n", counted(left, "more line")),
    };
    let rest = head.len() + 1 + frame + more(lines.len()).len();
    let mut used = rest;
    let fitting = lines.iter().take_while(|line| {
        used += line.len();
        used <= max_bytes
    });
    let count = fitting.count();
    if rest <= max_bytes {
        let shown = fence("text", &lines[..count].concat());
        return format!("{head}\n{shown}{}", more(lines.len() - count));
    }
    if head.len() <= max_bytes {
        return head;
    }
    first_line(UNKNOWN.0, UNKNOWN.1, max_bytes)
}

/// Found again by whoever keeps one comment up to date, and binds an approval to the plan.
fn marker(fleet: &str, intent: &str) -> String {
    let safe = |text: &str| -> String {
        let legal = |c: char| c.is_ascii_alphanumeric() || ".:?_-".contains(c);
        text.chars()
            .map(|c| if legal(c) { c } else { '_' })
            .collect()
    };
    format!(
        "<!-- reconcile:{}:intent={} -->\n",
        safe(fleet),
        safe(intent)
    )
}

/// The least there can be.
fn first_line(fleet: &str, intent: &str, max_bytes: usize) -> String {
    let line = marker(fleet, intent);
    if line.len() <= max_bytes {
        line
    } else {
        String::new()
    }
}

struct Page<'p> {
    plan: &'p Plan,
    rows: &'p [Row<'p>],
    max_bytes: usize,
}

impl Page<'_> {
    fn text(&self, rung: Rung) -> String {
        let mut page = self.head(rung);
        if rung == Rung::Heading {
            return page;
        }
        if self.rows.is_empty() {
            page += "\nIn sync: 0 pending, 0 drifted, 0 blocked, 0 unreadable.\n";
            return page + &self.foot();
        }
        let foot = self.foot();
        page.push('\n');
        match rung {
            Rung::Full | Rung::Fields => {
                page += &table(self.rows.iter());
                page.push('\n');
                for row in self.rows {
                    page += &details::section(row, rung == Rung::Full);
                }
            }
            Rung::Lines => page += &table(self.rows.iter()),
            Rung::Counts | Rung::Heading => {
                page += &self.counts();
                let used = page.len() + foot.len();
                page += &self.guarded(self.max_bytes.saturating_sub(used));
            }
        }
        page + &foot
    }

    fn head(&self, rung: Rung) -> String {
        let plan = self.plan;
        let mut head = marker(&plan.fleet, &plan.intent_hash);
        let _ = writeln!(
            head,
            "### reconcile · {} · {}",
            text(&plan.fleet),
            self.verdict()
        );
        let _ = writeln!(head, "{}", self.facts());
        let all = code("reconcile plan");
        let cut = match rung {
            Rung::Full => return head,
            _ if self.rows.is_empty() => return head,
            Rung::Fields => "the steps are",
            Rung::Lines => "fields, steps and reasons are",
            Rung::Counts => "all but counts, and what is blocked, unreadable or destructive, is",
            Rung::Heading => "everything is",
        };
        let limit = self.max_bytes;
        let _ = writeln!(
            head,
            "\n> Cut to {limit} bytes: {cut} left out. {all} shows all of it."
        );
        head
    }

    /// `3 clusters change, **1 blocked** ⛔`
    fn verdict(&self) -> String {
        let of = |kind: Kind| self.rows.iter().filter(|row| row.kind == kind).count();
        let changing = [Kind::Destructive, Kind::Members, Kind::Objects];
        let changing: usize = changing.into_iter().map(of).sum();
        let (blocked, unreadable) = (of(Kind::Blocked), of(Kind::Unreadable));
        let mut parts = Vec::new();
        match changing {
            0 => {}
            1 => parts.push("1 cluster changes".to_owned()),
            n => parts.push(format!("{n} clusters change")),
        }
        if blocked > 0 {
            parts.push(format!("**{blocked} blocked** {}", Kind::Blocked.glyph()));
        }
        if unreadable > 0 {
            let glyph = Kind::Unreadable.glyph();
            parts.push(format!("**{unreadable} unreadable** {glyph}"));
        }
        let deferred = of(Kind::Deferred);
        if deferred > 0 {
            parts.push(format!("{deferred} deferred"));
        }
        if parts.is_empty() {
            return "in sync ✅".to_owned();
        }
        parts.join(", ")
    }

    /// Which commit, which plan, how much of the fleet is left alone.
    fn facts(&self) -> String {
        let plan = self.plan;
        let source = match &plan.source.commit {
            Some(commit) if plan.source.dirty => code(&short_commit(commit)) + " and uncommitted",
            Some(commit) => code(&short_commit(commit)),
            None => "not in Git".into(),
        };
        let contexts: BTreeSet<&str> = plan
            .clusters
            .iter()
            .map(|c| c.id.context.as_str())
            .collect();
        let in_sync = |c: &&crate::plan::ClusterPlan| c.verdict == Verdict::InSync;
        let untouched = plan.clusters.iter().filter(in_sync).count();
        let mut parts = vec![source];
        if plan.clusters.iter().any(|c| !c.intents.is_empty()) {
            parts.push(format!("plan {}", code(&short_hash(&plan.intent_hash))));
        }
        parts.push(format!(
            "{}, {}",
            counted(plan.clusters.len(), "cluster"),
            counted(contexts.len(), "context")
        ));
        parts.push(format!("{untouched} untouched"));
        parts.push(format!("as of {}", plan.now));
        if !plan.source.filters.is_empty() {
            parts.push(format!("only {}", text(&plan.source.filters.join(", "))));
        }
        parts.join(" · ")
    }

    /// Clusters by why they are there.
    fn counts(&self) -> String {
        let mut out = String::from("| | clusters | |\n|---|---|---|\n");
        for kind in Kind::ALL {
            let count = self.rows.iter().filter(|row| row.kind == kind).count();
            if count > 0 {
                let _ = writeln!(out, "| {} | {count} | {} |", kind.glyph(), kind.words());
            }
        }
        out
    }

    /// The rows that are never dropped while there is room for one; how many there was none for.
    fn guarded(&self, room: usize) -> String {
        let rows = self.rows.iter().filter(|row| row.kind.is_guarded());
        let lines: Vec<String> = rows.map(Row::line).collect();
        let more = |left: usize| match left {
            0 => String::new(),
            n => format!("\nand {n} more, blocked, unreadable or destructive\n"),
        };
        let size = |shown: usize| {
            let rows: usize = lines[..shown].iter().map(String::len).sum();
            let head = if shown > 0 { TABLE_HEAD.len() + 1 } else { 0 };
            head + rows + more(lines.len() - shown).len()
        };
        let shown = (0..=lines.len()).rev().find(|shown| size(*shown) <= room);
        match shown.unwrap_or(0) {
            0 => more(lines.len()),
            shown => {
                let rows = lines[..shown].concat();
                format!("\n{TABLE_HEAD}{rows}{}", more(lines.len() - shown))
            }
        }
    }

    /// What is not known, and what an approval is of.
    fn foot(&self) -> String {
        let mut foot = String::new();
        let plan = self.plan;
        // Where a cluster is unreadable its own row says why.
        let said = |context: &str| {
            let mut here = plan.clusters.iter().filter(|c| c.id.context == context);
            here.any(|c| c.verdict == Verdict::Unreadable)
        };
        for (context, why) in plan.orphans.unknown.iter().filter(|(c, _)| !said(c)) {
            let (context, why) = (text(context), text(why));
            let _ = writeln!(
                foot,
                "\nNot known: what else of this fleet runs in {context}: {why}"
            );
        }
        if plan.clusters.iter().any(|c| !c.intents.is_empty()) {
            let short = code(&short_hash(&plan.intent_hash));
            let expect = code(&format!(
                "reconcile apply --expect-hash {}",
                plan.intent_hash
            ));
            let _ = writeln!(
                foot,
                "\nApproving this approves plan {short}; a different plan will not apply ({expect})."
            );
        }
        foot
    }
}

fn table<'r>(rows: impl Iterator<Item = &'r Row<'r>>) -> String {
    let lines: String = rows.map(Row::line).collect();
    format!("{TABLE_HEAD}{lines}")
}
