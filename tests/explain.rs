//! `reconcile explain` has a page for everything that a plan or a run can name, and none for what nothing can.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use reconcile::decide::{ORDER, guard};
use reconcile::diag::Code;
use reconcile::plan::Orphan;
use reconcile::report::{Kind, Page, TextStyle, explain_text, explanations, refusals_markdown};
use reconcile::world::store::{SnapshotError, StoreError};

const PAGE_LINES: usize = 45;

type Names = BTreeSet<String>;

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).expect("a file of the project")
}

fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the project");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let found = paths.flat_map(|path| {
        if path.is_dir() {
            files_below(&path, extension)
        } else {
            vec![path]
        }
    });
    found
        .filter(|path| path.extension().is_some_and(|e| e == extension))
        .collect()
}

/// The code alone, without the tests at the end of a file.
fn source(path: &Path) -> String {
    let text = read(path);
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    text[..end].to_owned()
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|c| c.is_ascii_lowercase() || c == '-' || c.is_ascii_digit())
}

/// What stands in quotes right behind each `marker`.
fn quoted_behind(text: &str, marker: &str) -> Names {
    let behind = text.match_indices(marker).filter_map(|(at, _)| {
        let rest = text[at + marker.len()..].trim_start().strip_prefix('"')?;
        rest.split_once('"').map(|(name, _)| name.to_owned())
    });
    behind.filter(|name| is_name(name)).collect()
}

/// Every code that a row or guard refuses or defers under, and that a plan invents.
fn codes() -> Names {
    let mut found = Names::new();
    for path in files_below(Path::new("src/decide"), "rs") {
        let text = source(&path);
        for marker in ["code:", "refuse(", "Facts::new(", "facts("] {
            found.extend(quoted_behind(&text, marker));
        }
    }
    found.extend(quoted_behind(
        &source(Path::new("src/report/json.rs")),
        "\"code\":",
    ));
    found.insert(Orphan::CODE.to_owned());
    found.extend(owned(StoreError::CODES.iter().copied()));
    found.extend(owned(SnapshotError::CODES.iter().copied()));
    found
}

fn kebab(variant: &str) -> String {
    let mut name = String::new();
    for c in variant.chars() {
        if c.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
    }
    name
}

/// The variants of an enum, off its source.
fn variants(path: &str, head: &str) -> Names {
    let text = source(Path::new(path));
    let (_, body) = text.split_once(head).expect("the enum is there");
    let (body, _) = body.split_once("\n}").expect("it ends");
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    names
        .map(|line| {
            let name: String = line
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            kebab(&name)
        })
        .collect()
}

fn named(kind: Kind) -> Names {
    let pages = explanations().into_iter().filter(|page| page.kind == kind);
    pages.flat_map(|page| page.names).collect()
}

fn owned<'a>(names: impl Iterator<Item = &'a str>) -> Names {
    names.map(str::to_owned).collect()
}

#[test]
fn every_code_has_a_page_and_every_page_a_code() {
    let codes = codes();
    for known in [
        "member-down",
        "quorum-tolerance",
        "suspended",
        "unreadable",
        "no-end",
    ] {
        assert!(codes.contains(known), "{known} is not found in the source");
    }
    let guards = owned(guard::ALL.iter().map(|g| g.id));
    let pages: Names = named(Kind::Refusal)
        .union(&named(Kind::Guard))
        .cloned()
        .collect();
    let needed: Names = codes.union(&guards).cloned().collect();
    let without: Vec<_> = needed.difference(&pages).collect();
    assert!(
        without.is_empty(),
        "without a page in src/report/explain: {without:?}"
    );
    let rows = owned(ORDER.iter().flat_map(|p| p.rows).map(|row| row.name));
    let left: Vec<_> = pages
        .difference(&needed)
        .filter(|name| !rows.contains(*name))
        .collect();
    assert!(
        left.is_empty(),
        "pages that nothing refuses under: {left:?}"
    );
}

#[test]
fn every_guard_has_a_page_of_its_own() {
    let guards = owned(guard::ALL.iter().map(|g| g.id));
    let without: Vec<_> = guards.difference(&named(Kind::Guard)).cloned().collect();
    assert!(
        without.is_empty(),
        "without a page in guards.md: {without:?}"
    );
}

#[test]
fn every_code_of_a_golden_plan_has_a_page() {
    let pages: Names = named(Kind::Refusal)
        .union(&named(Kind::Guard))
        .cloned()
        .collect();
    let mut seen = 0;
    for path in files_below(Path::new("tests/golden/plan"), "json") {
        for code in quoted_behind(&read(&path), "\"code\":") {
            assert!(pages.contains(&code), "{}: {code}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 10, "the goldens hold only {seen} codes");
}

#[test]
fn every_wait_has_a_page() {
    let waits = variants("src/decide/procedure.rs", "pub enum Condition {");
    assert_eq!(named(Kind::Wait), waits);
}

#[test]
fn every_ending_has_a_page() {
    let endings = variants("src/apply/event.rs", "pub enum Ending {");
    assert!(endings.contains("older-commit"));
    assert_eq!(named(Kind::Ending), endings);
}

#[test]
fn every_row_procedure_and_finding_has_a_page() {
    let procedures = owned(ORDER.iter().map(|p| p.name));
    assert_eq!(named(Kind::Procedure), procedures);
    let rows = ORDER.iter().flat_map(|p| {
        let rows = p.rows.iter();
        rows.map(|row| format!("{}/{}", p.name, row.name))
    });
    assert_eq!(named(Kind::Row), rows.collect());
    let findings = Code::ALL.iter().flat_map(|code| [code.id(), code.slug()]);
    assert_eq!(named(Kind::Finding), owned(findings));
}

#[test]
fn a_name_has_one_page_of_a_kind() {
    let mut seen = BTreeSet::new();
    for page in explanations() {
        for name in &page.names {
            assert!(seen.insert((page.kind, name.clone())), "{name} twice");
        }
    }
}

/// Every label of a refusal's page, so that nobody has to ask what to do.
fn is_whole(page: &Page) -> bool {
    let labels: &[&str] = match page.kind {
        Kind::Refusal | Kind::Guard => &["Means", "Why", "Do", "Override"],
        Kind::Wait => &["Means", "Why", "Do"],
        _ => &["Means", "Do"],
    };
    let commands = page.kind == Kind::Ending || page.has_commands();
    commands && labels.iter().all(|label| page.says(label).is_some())
}

#[test]
fn written_pages_are_whole_and_short() {
    let style = TextStyle::default();
    let written = [Kind::Refusal, Kind::Guard, Kind::Wait, Kind::Ending];
    for page in explanations().iter().filter(|p| written.contains(&p.kind)) {
        let name = &page.names[0];
        assert!(is_whole(page), "{name} lacks a part");
        assert!(
            !page.title.is_empty() && !page.title.ends_with('.'),
            "{name}: {}",
            page.title
        );
        let text = explain_text(name, &style).expect("it has a page");
        let pages = explanations()
            .iter()
            .filter(|p| p.names.contains(name))
            .count();
        assert!(
            text.lines().count() <= PAGE_LINES * pages,
            "{name} is long:\n{text}"
        );
    }
}

#[test]
fn pages_refer_only_to_pages() {
    for page in explanations() {
        let text = format!("{page:?}");
        for (_, rest) in text
            .match_indices("reconcile explain ")
            .map(|(at, m)| (at, &text[at + m.len()..]))
        {
            let name: String = rest.chars().take_while(|c| !"`. ".contains(*c)).collect();
            let variable = name.chars().any(|c| c.is_ascii_uppercase());
            assert!(
                variable || explain_text(&name, &TextStyle::default()).is_ok(),
                "{}: {name}",
                page.names[0]
            );
        }
    }
}

#[test]
fn the_document_is_what_the_pages_say() {
    let written = snapbox::Data::read_from(Path::new("docs/refusals.md"), None);
    snapbox::assert_data_eq!(refusals_markdown(), written.raw());
}
