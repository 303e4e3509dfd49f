//! `docs/refusals.md`: the same pages to read in one go.

use std::fmt::Write as _;

use super::page::{Kind, Page, Part};
use super::{LEGEND, explanations};

const HEAD: &str = "\
# Refusals, guards, waits and endings

Generated from `src/report/explain/`; `SNAPSHOTS=overwrite cargo test --test explain` writes it again. `reconcile explain
NAME` prints one page of it, and those of rows and procedures, whose tables are in [procedures.md](procedures.md).

A plan refuses a step when a guard or a row says no: it names a code, what was found, and the way out. Nothing is broken by
a refusal, and what can be done besides is done.
";

/// Kinds with a heading of their own; rows and procedures are in the other document.
const SHOWN: [Kind; 6] = [
    Kind::Refusal,
    Kind::Guard,
    Kind::Wait,
    Kind::Ending,
    Kind::Finding,
    Kind::Exit,
];

/// The whole document.
pub fn refusals_markdown() -> String {
    let mut text = HEAD.to_owned();
    text.push_str("\nIn commands:\n\n");
    for (word, meaning) in LEGEND {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "- `{word}`: {meaning}");
    }
    let pages = explanations();
    for kind in SHOWN {
        let _ = writeln!(text, "\n## {}", kind.title());
        for page in pages.iter().filter(|page| page.kind == kind) {
            write(&mut text, page);
        }
    }
    text
}

fn write(text: &mut String, page: &Page) {
    let names: Vec<String> = page.names.iter().map(|n| format!("`{n}`")).collect();
    let _ = writeln!(text, "\n### {}\n\n*{}*", names.join(", "), page.title);
    for part in &page.parts {
        match part {
            Part::Says(label, says) => {
                let _ = writeln!(text, "\n**{label}.** {says}");
            }
            Part::Steps(steps) => {
                text.push('\n');
                for (at, step) in steps.iter().enumerate() {
                    let _ = writeln!(text, "{}. {step}", at + 1);
                }
            }
            Part::Commands(lines) => {
                let _ = writeln!(text, "\n**Look.**\n\n```sh\n{}\n```", lines.join("\n"));
            }
            Part::Table(label, rows) => {
                let _ = writeln!(text, "\n**{label}.**\n");
                for (name, meaning) in rows {
                    let _ = writeln!(text, "- `{name}`: {meaning}");
                }
            }
        }
    }
}
