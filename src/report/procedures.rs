//! `docs/procedures.md`: the rows of every procedure as tables that a person can hold against etcd's own rules.

use std::fmt::Write as _;

use crate::decide::{ORDER, Procedure, Row, guard};

const HEAD: &str = "\
# Procedures

Generated from the rows in `src/decide/`; `SNAPSHOTS=overwrite cargo test --test procedures` writes it again.

A run looks at the cluster, walks these tables in this order, and does what the first row says whose observation holds: at
most one act, then it looks again. Nothing is remembered between looks, so a run that is killed at any point is carried on
by the next one. A row that refuses names the facts and the way out; the rows below it are asked all the same, unless it
says that it hides them. A guard is asked right before the act; when one does not hold, the act is refused or waited for.

Sources name sections of etcd's documentation and source, and of the project's own notes on operating etcd.
";

/// The whole document.
pub fn procedures_markdown() -> String {
    let mut text = HEAD.to_owned();
    for (at, procedure) in ORDER.iter().enumerate() {
        table(&mut text, at + 1, procedure);
    }
    guards(&mut text);
    text
}

// Writing to a string cannot fail, here and below.
fn table(text: &mut String, number: usize, procedure: &Procedure) {
    let _ = writeln!(
        text,
        "\n## {number}. {}\n\n{}.\n\nSource: {}.\n",
        procedure.name,
        capital(procedure.title),
        procedure.source
    );
    text.push_str("| row | observed | step | why | guards | undo |\n|---|---|---|---|---|---|\n");
    for row in procedure.rows {
        let _ = writeln!(text, "| {} |", cells(row).join(" | "));
    }
}

fn cells(row: &Row) -> [String; 6] {
    let guards: Vec<String> = row.guards.iter().map(|g| format!("`{}`", g.id)).collect();
    let step = if row.hides && !row.step.contains("hide") {
        format!("{}; hides the rows below", row.step)
    } else {
        row.step.to_owned()
    };
    [
        format!("`{}`", row.name),
        escaped(row.observed),
        escaped(&step),
        escaped(row.why),
        guards.join(", "),
        escaped(row.undo),
    ]
}

fn guards(text: &mut String) {
    text.push_str("\n## Guards\n\n| guard | holds when | source | asked by |\n|---|---|---|---|\n");
    for guard in guard::ALL {
        let rows = ORDER.iter().flat_map(|procedure| {
            let asking = procedure
                .rows
                .iter()
                .filter(|row| row.guards.iter().any(|g| g.id == guard.id));
            asking.map(|row| format!("`{}/{}`", procedure.name, row.name))
        });
        let rows: Vec<String> = rows.collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} |",
            guard.id,
            escaped(guard.title),
            escaped(guard.source),
            rows.join(", ")
        );
    }
}

fn escaped(cell: &str) -> String {
    cell.replace('|', "\\|")
}

fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
