//! The pages that the data tells by itself: rows, procedures, findings, exit codes; and what it adds to guards' pages.

use super::super::exit::exit_meanings;
use super::page::{Kind, Page, Part};
use crate::decide::{ORDER, Procedure, Row, guard};
use crate::diag::{Code, Severity};

pub(super) fn pages() -> Vec<Page> {
    let procedures = ORDER.iter().enumerate();
    let rows = ORDER.iter().flat_map(|p| {
        p.rows
            .iter()
            .enumerate()
            .map(move |(at, row)| (*p, at, row))
    });
    procedures
        .map(|(at, p)| of_procedure(at + 1, p))
        .chain(rows.map(|(procedure, at, row)| of_row(procedure, at, row)))
        .chain(Code::ALL.iter().map(|code| of_finding(*code)))
        .chain([of_exits()])
        .collect()
}

/// A row's own page ends with the written one of its name, if there is one.
pub(super) fn refer(pages: &mut [Page]) {
    let written = |page: &&Page| [Kind::Refusal, Kind::Guard].contains(&page.kind);
    let names: Vec<String> = pages
        .iter()
        .filter(written)
        .flat_map(|page| page.names.clone())
        .collect();
    for page in pages.iter_mut().filter(|page| page.kind == Kind::Row) {
        let own = page.names[0].rsplit('/').next().unwrap_or_default();
        if names.iter().any(|name| name == own) {
            let more = format!("`reconcile explain {own}`");
            page.parts.push(Part::Says("More", more));
        }
    }
}

/// What a guard says of itself, and which rows ask it, on the page written for it.
pub(super) fn complete(pages: &mut [Page]) {
    for page in pages.iter_mut().filter(|page| page.kind == Kind::Guard) {
        let Some(guard) = guard::ALL.iter().find(|g| page.is_called(g.id)) else {
            continue;
        };
        let holds = format!("{} ({})", guard.title, guard.source);
        page.parts
            .insert(0, Part::Says("Holds", format!("when {holds}")));
        let asking = ORDER.iter().flat_map(|procedure| {
            let rows = procedure.rows.iter();
            let rows = rows.filter(|row| row.guards.iter().any(|g| g.id == guard.id));
            rows.map(|row| format!("{}/{}", procedure.name, row.name))
        });
        let asking: Vec<String> = asking.collect();
        if !asking.is_empty() {
            page.parts.push(Part::Says("Asked by", asking.join(", ")));
        }
    }
}

fn of_procedure(number: usize, procedure: &Procedure) -> Page {
    let rows = procedure.rows.iter().map(|row| {
        let step = format!("{} → {}", row.observed, step(row));
        (row.name.to_owned(), step)
    });
    let says = |label, text: String| Part::Says(label, text);
    Page {
        kind: Kind::Procedure,
        names: vec![procedure.name.into()],
        title: procedure.title.into(),
        parts: vec![
            says(
                "Order",
                format!("asked as number {number} of {}", ORDER.len()),
            ),
            says("Source", procedure.source.into()),
            Part::Table("The first row whose observation holds", rows.collect()),
            says(
                "More",
                format!(
                    "`reconcile explain {}/ROW` for one row; docs/procedures.md has all tables",
                    procedure.name
                ),
            ),
        ],
    }
}

fn of_row(procedure: &Procedure, at: usize, row: &Row) -> Page {
    let mut parts = vec![
        Part::Says("Observed", row.observed.into()),
        Part::Says("Step", step(row)),
        Part::Says("Why", row.why.into()),
    ];
    let above: Vec<&str> = procedure.rows[..at].iter().map(|row| row.name).collect();
    if !above.is_empty() {
        let text = format!("none of these held: {}", above.join(", "));
        parts.push(Part::Says("Above", text));
    }
    if !row.undo.is_empty() {
        parts.push(Part::Says("Undo", row.undo.into()));
    }
    if !row.guards.is_empty() {
        let guards = row.guards.iter();
        let guards = guards.map(|g| (g.id.to_owned(), g.title.to_owned()));
        parts.push(Part::Table("Guards asked right before", guards.collect()));
    }
    Page {
        kind: Kind::Row,
        names: vec![format!("{}/{}", procedure.name, row.name)],
        title: format!("In procedure {}: {}", procedure.name, procedure.title),
        parts,
    }
}

fn step(row: &Row) -> String {
    if row.hides && !row.step.contains("hide") {
        return format!("{}; the rows below are not asked", row.step);
    }
    row.step.to_owned()
}

fn of_finding(code: Code) -> Page {
    Page {
        kind: Kind::Finding,
        names: vec![code.id().into(), code.slug().into()],
        title: weight(code).into(),
        parts: vec![
            Part::Says("Means", code.explain().into()),
            Part::Says("Look", look(code).into()),
        ],
    }
}

/// What is wrong when a code is told.
enum About {
    Fleet,
    PlanFile,
    Import,
}

const fn about(code: Code) -> About {
    match code {
        Code::PlanUnreadable
        | Code::PlanSyntax
        | Code::PlanKind
        | Code::PlanVersion
        | Code::PlanShape
        | Code::PlanEdited => About::PlanFile,
        Code::ImportAbsent
        | Code::ImportContainer
        | Code::ImportVersion
        | Code::ImportClaim
        | Code::ImportActed
        | Code::ImportByHand
        | Code::ImportOtherName
        | Code::ImportHeld => About::Import,
        _ => About::Fleet,
    }
}

/// What comes of it. A plan file is made already: what it is for does not happen.
const fn weight(code: Code) -> &'static str {
    match (about(code), code) {
        (About::PlanFile, Code::PlanEdited) => "An error: such a plan is shown, and never applied",
        (About::PlanFile, _) => "An error: such a plan is neither shown nor applied",
        (About::Import, _) => "An error: no document is written, and nothing is taken over",
        (About::Fleet, _) => match code.severity() {
            Severity::Error => "An error: nothing is planned while it is left",
            Severity::Warning => "A warning: it works, but someone will regret it",
        },
    }
}

const fn look(code: Code) -> &'static str {
    match about(code) {
        About::PlanFile => "`reconcile show FILE` shows a plan file without any cluster",
        About::Import => "docs/import.md says what can be imported and taken over",
        About::Fleet => "`reconcile validate` shows file, line and column of every finding",
    }
}

fn of_exits() -> Page {
    let (rows, order) = exit_meanings();
    Page {
        kind: Kind::Exit,
        names: vec!["exit-codes".into()],
        title: "What the program ends with".into(),
        parts: vec![Part::Table("Codes", rows), Part::Says("Several", order)],
    }
}
