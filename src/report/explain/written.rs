//! The pages that people wrote, read from the Markdown beside this file.

use super::page::{Kind, Page, Part};

const FILES: [(Kind, &str); 5] = [
    (Kind::Refusal, include_str!("refusals.md")),
    (Kind::Refusal, include_str!("snapshots.md")),
    (Kind::Guard, include_str!("guards.md")),
    (Kind::Wait, include_str!("waits.md")),
    (Kind::Ending, include_str!("endings.md")),
];

const LABELS: [&str; 5] = ["Means", "Why", "Look", "Do", "Override"];

pub(super) fn pages() -> Vec<Page> {
    let of_file = |(kind, text): (Kind, &'static str)| {
        let pages = text.split("\n## ").skip(1);
        pages.map(move |page| read(kind, page))
    };
    FILES.into_iter().flat_map(of_file).collect()
}

fn read(kind: Kind, text: &str) -> Page {
    let (head, body) = text.split_once('\n').unwrap_or((text, ""));
    let (names, title) = head.split_once(": ").unwrap_or((head, ""));
    Page {
        kind,
        names: names.split(", ").map(str::to_owned).collect(),
        title: title.to_owned(),
        parts: body.split("\n\n").filter_map(part).collect(),
    }
}

/// A block between blank lines: commands, numbered steps (a line each), or a paragraph with its label. `Look` is only the head of its commands.
fn part(block: &str) -> Option<Part> {
    let block = block.trim();
    if let Some(commands) = block.strip_prefix("```sh\n") {
        let lines = commands.trim_end_matches("```").trim_end().lines();
        return Some(Part::Commands(lines.map(str::to_owned).collect()));
    }
    if block.starts_with("1. ") {
        let steps = block.lines().filter_map(|line| line.split_once(". "));
        return Some(Part::Steps(
            steps.map(|(_, step)| step.to_owned()).collect(),
        ));
    }
    let label = LABELS.into_iter().find(|label| {
        let rest = block.strip_prefix("**");
        rest.is_some_and(|rest| rest.starts_with(&format!("{label}.**")))
    });
    let (label, text) = match label {
        Some(label) => (label, block.split_once(".**").map_or("", |(_, text)| text)),
        None => ("Also", block),
    };
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(Part::Says(label, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_part_by_part() {
        let text = "a-code, b: It is so\n\n**Means.** One\nand two.\n\n**Look.**\n\n```sh\nx\ny\n```\n\n**Do.** It:\n\n1. x\n2. y. z\n";
        let page = read(Kind::Refusal, text);
        assert_eq!(page.names, ["a-code", "b"]);
        assert_eq!(page.title, "It is so");
        let parts = [
            Part::Says("Means", "One and two.".into()),
            Part::Commands(vec!["x".into(), "y".into()]),
            Part::Says("Do", "It:".into()),
            Part::Steps(vec!["x".into(), "y. z".into()]),
        ];
        assert_eq!(page.parts, parts);
    }

    #[test]
    fn every_written_block_has_a_label_that_is_known() {
        for page in pages() {
            let stray = page.says("Also");
            assert_eq!(stray, None, "{}", page.names[0]);
        }
    }
}
