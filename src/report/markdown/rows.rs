//! The table of a comment: one row for every cluster that is not simply in sync.

use super::super::headline::{headline, restarts};
use super::super::words::{self, counted, cut};
use super::escape;
use crate::decide::Subject;
use crate::plan::{ClusterPlan, Orphan, Plan, PlannedIntent, Verdict};

pub(super) const TABLE_HEAD: &str =
    "| | cluster | change | disruption | when |\n|---|---|---|---|---|\n";
/// Characters of a cell; what is longer is told in full below the table.
const WIDEST_CELL: usize = 120;

/// What a row is about.
pub(super) enum Item<'p> {
    Cluster(&'p ClusterPlan),
    Orphan(&'p Orphan),
}

/// Why a row is there, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Blocked,
    Unreadable,
    Destructive,
    Members,
    Objects,
    Deferred,
    Settling,
}

impl Kind {
    pub(super) const ALL: [Self; 7] = [
        Self::Blocked,
        Self::Unreadable,
        Self::Destructive,
        Self::Members,
        Self::Objects,
        Self::Deferred,
        Self::Settling,
    ];

    pub(super) const fn glyph(self) -> &'static str {
        match self {
            Self::Blocked => "⛔",
            Self::Unreadable => "❓",
            Self::Destructive => "⚠️",
            Self::Members => "🔁",
            Self::Objects => "✏️",
            Self::Deferred => "⏸️",
            Self::Settling => "⏳",
        }
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Unreadable => "unreadable",
            Self::Destructive => "to change, destructive",
            Self::Members => "to change, member by member",
            Self::Objects => "to change, objects only",
            Self::Deferred => "deferred",
            Self::Settling => "in sync, once that has come about",
        }
    }

    /// What a reader must see before anything else may be seen.
    pub(super) const fn is_guarded(self) -> bool {
        matches!(self, Self::Blocked | Self::Unreadable | Self::Destructive)
    }

    fn of(cluster: &ClusterPlan) -> Self {
        let moves = |p: &PlannedIntent| matches!(p.intent.key.subject, Subject::Member(_));
        match cluster.verdict {
            Verdict::Blocked => Self::Blocked,
            Verdict::Unreadable => Self::Unreadable,
            Verdict::Deferred => Self::Deferred,
            Verdict::InSync => Self::Settling,
            Verdict::Changes if cluster.is_destructive() => Self::Destructive,
            Verdict::Changes if cluster.intents.iter().any(moves) => Self::Members,
            Verdict::Changes => Self::Objects,
        }
    }
}

pub(super) struct Row<'p> {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) item: Item<'p>,
}

/// Worst first, then by id.
pub(super) fn rows(plan: &Plan) -> Vec<Row<'_>> {
    let shown = |c: &&ClusterPlan| c.verdict != Verdict::InSync || !c.awaits.is_empty();
    let clusters = plan.clusters.iter().filter(shown).map(|cluster| Row {
        kind: Kind::of(cluster),
        id: cluster.id.to_string(),
        item: Item::Cluster(cluster),
    });
    let orphans = plan.orphans.found.iter().map(|orphan| Row {
        kind: Kind::Blocked,
        id: orphan.id.clone(),
        item: Item::Orphan(orphan),
    });
    let mut rows: Vec<Row> = clusters.chain(orphans).collect();
    rows.sort_by(|a, b| (a.kind, &a.id).cmp(&(b.kind, &b.id)));
    rows
}

impl Row<'_> {
    /// `| ⛔ | eu-1/sessions | shrink 5 → 3 | blocked: member-down | — |`
    pub(super) fn line(&self) -> String {
        let cell = |text: &str| escape::text(&cut(text, WIDEST_CELL));
        let (change, disruption, when) = match self.item {
            Item::Cluster(cluster) => (change(cluster), disruption(cluster), when(cluster)),
            Item::Orphan(_) => (
                "not in Git".to_owned(),
                format!("blocked: {}", Orphan::CODE),
                "—".to_owned(),
            ),
        };
        let mark = if self.is_destructive() {
            ", **destructive**"
        } else {
            ""
        };
        format!(
            "| {} | {} | {} | {}{mark} | {} |\n",
            self.kind.glyph(),
            cell(&self.id),
            cell(&change),
            cell(&disruption),
            cell(&when)
        )
    }

    fn is_destructive(&self) -> bool {
        matches!(self.item, Item::Cluster(cluster) if cluster.is_destructive())
    }
}

fn change(cluster: &ClusterPlan) -> String {
    let changed = headline(cluster);
    if changed.is_empty() {
        "—".into()
    } else {
        changed
    }
}

fn disruption(cluster: &ClusterPlan) -> String {
    match cluster.verdict {
        Verdict::InSync | Verdict::Deferred => "none now".into(),
        Verdict::Unreadable => {
            let why = cluster.unreadable().next();
            let why = why.map_or("no reason is known", |note| &note.facts.found);
            format!("unreadable: {why}")
        }
        Verdict::Blocked => {
            let steps = match cluster.intents.len() {
                0 => String::new(),
                n => format!(" (after {})", counted(n, "step")),
            };
            format!("blocked: {}{steps}", words::blockers(cluster))
        }
        Verdict::Changes => {
            let lowest = cluster.tolerance_now.and(cluster.lowest_tolerance());
            let lowest = lowest.map(|least| format!(" · tolerates ≥ {least}"));
            restarts(cluster) + &lowest.unwrap_or_default()
        }
    }
}

fn when(cluster: &ClusterPlan) -> String {
    match cluster.verdict {
        Verdict::Changes => format!("any time, ~{}", words::duration(cluster.estimate())),
        Verdict::Deferred => format!("deferred: {}", words::codes(cluster.deferred())),
        Verdict::InSync => "by itself".into(),
        Verdict::Blocked | Verdict::Unreadable => "—".into(),
    }
}
