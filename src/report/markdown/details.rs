//! What stands folded below the table: fields, steps, and what is refused with the way out.

use std::fmt::Write as _;

use super::super::text::chains;
use super::super::words::{self, counted};
use super::escape::{code, fence, html, text};
use super::rows::{Item, Kind, Row};
use super::tree;
use crate::plan::{ClusterPlan, Orphan, Stall};

/// One row's section; the steps only where there is room for them.
pub(super) fn section(row: &Row, steps: bool) -> String {
    let (summary, body) = match row.item {
        Item::Cluster(cluster) => (summary(row.kind, cluster), of_cluster(cluster, steps)),
        Item::Orphan(orphan) => ("not in Git".to_owned(), of_orphan(orphan)),
    };
    let title = html(&format!("{} — {summary}", row.id));
    format!("<details><summary>{title}</summary>\n\n{body}</details>\n")
}

fn summary(kind: Kind, cluster: &ClusterPlan) -> String {
    let mut parts = Vec::new();
    if !cluster.changes.is_empty() {
        parts.push(counted(cluster.changes.len(), "field"));
    }
    if !cluster.intents.is_empty() {
        parts.push(counted(cluster.intents.len(), "step"));
    }
    match kind {
        Kind::Blocked => parts.push(format!("blocked: {}", words::blockers(cluster))),
        _ if parts.is_empty() => parts.push(kind.words().to_owned()),
        _ => {}
    }
    parts.join(", ")
}

fn of_cluster(cluster: &ClusterPlan, steps: bool) -> String {
    let mut body = String::new();
    if !cluster.changes.is_empty() {
        body += &fence("diff", &tree::diff(&cluster.changes));
        body.push('\n');
    }
    for remark in &cluster.remarks {
        fact(
            &mut body,
            remark.code,
            &remark.found,
            "",
            "Instead",
            &remark.unblock,
        );
    }
    if steps {
        list(&mut body, cluster);
    }
    notes(&mut body, cluster);
    body
}

fn list(body: &mut String, cluster: &ClusterPlan) {
    let chains = chains(&cluster.intents);
    for chain in &chains {
        let (numbers, told, facts) = (&chain.numbers, text(&chain.text), text(&chain.facts));
        let _ = writeln!(body, "- **{numbers}** {told} · {facts}");
    }
    if cluster.stall.is_none() {
        for condition in &cluster.awaits {
            let _ = writeln!(body, "- then wait for {}", text(&condition.to_string()));
        }
    }
    if body.ends_with('\n') && !body.ends_with("\n\n") {
        body.push('\n');
    }
}

fn notes(body: &mut String, cluster: &ClusterPlan) {
    for (note, about) in words::told(&cluster.notes) {
        let facts = &note.facts;
        fact(
            body,
            facts.code,
            &facts.found,
            &about,
            "Unblock",
            &facts.unblock,
        );
    }
    if let Some(stall) = &cluster.stall {
        let row = format!(" ({})", stall.row);
        fact(
            body,
            Stall::CODE,
            &stall.found(),
            &row,
            "Unblock",
            Stall::UNBLOCK,
        );
    }
}

fn of_orphan(orphan: &Orphan) -> String {
    let mut body = String::new();
    fact(
        &mut body,
        Orphan::CODE,
        &orphan.found(),
        "",
        "Unblock",
        Orphan::UNBLOCK,
    );
    body
}

/// What was found, the way out, and where all of it is told.
fn fact(body: &mut String, name: &str, found: &str, about: &str, way: &str, out: &str) {
    let (found, out) = (text(&format!("{found}{about}")), text(out));
    let more = code(&format!("reconcile explain {name}"));
    let name = text(name);
    let _ = writeln!(
        body,
        "**{name}**: {found}  \n{way}: {out}  \nMore: {more}\n"
    );
}
