//! Documents that are run: each command of their `console` blocks word for word, and what it prints held against what the
//! document shows.
//!
//! ```text
//! $ COMMAND           run by one bash, in the order of the document
//! > MORE OF IT        the lines of a here-document, say
//! WHAT IT PRINTS      of both streams; a line `...` stands for whatever is not shown
//! exit 2 (pending)    where the program says so it has to be true; any other command ends with 0
//! ```
//!
//! Times, ages, sizes, hashes and IDs are compared as such and not digit by digit, and lines may be wrapped elsewhere.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};

/// What the document leaves out.
const LEFT_OUT: &str = "...";
/// Stands before the exit code of a command, between the outputs of two.
const MARK: &str = "@@ends-with@@ ";

/// A fenced block of a document.
pub(crate) struct Block {
    pub(crate) language: String,
    /// Of its first line, from 0.
    pub(crate) line: usize,
    pub(crate) text: String,
}

pub(crate) fn blocks(document: &str) -> Vec<Block> {
    let mut found: Vec<Block> = Vec::new();
    let mut open = false;
    for (event, range) in Parser::new(document).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                open = true;
                found.push(Block {
                    language: language.into_string(),
                    line: document[..range.start].matches('\n').count() + 1,
                    text: String::new(),
                });
            }
            Event::Text(text) if open => {
                let block = found.last_mut().expect("a block is open");
                block.text.push_str(&text);
            }
            Event::End(TagEnd::CodeBlock) => open = false,
            _ => {}
        }
    }
    found
}

/// A command, and what the document shows of its output.
pub(crate) struct Entry {
    pub(crate) command: String,
    pub(crate) shown: Vec<String>,
    /// The line after the command, from 0: where what is shown begins.
    line: usize,
}

pub(crate) fn entries(document: &str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    let consoles = blocks(document).into_iter();
    for block in consoles.filter(|block| block.language == "console") {
        let mut fresh = true;
        for (at, line) in block.text.lines().enumerate() {
            if let Some(command) = line.strip_prefix("$ ") {
                fresh = false;
                entries.push(Entry {
                    command: command.to_owned(),
                    shown: Vec::new(),
                    line: block.line + at + 1,
                });
                continue;
            }
            assert!(!fresh, "a console block begins with `$ `: {line:?}");
            let entry = entries.last_mut().expect("a command is above");
            match line.strip_prefix("> ") {
                Some(more) if entry.shown.is_empty() => {
                    let _ = write!(entry.command, "\n{more}");
                    entry.line += 1;
                }
                _ => entry.shown.push(line.to_owned()),
            }
        }
    }
    entries
}

/// All commands for one bash, so that what one sets the next one has.
pub(crate) fn script(entries: &[Entry]) -> String {
    let mut script = String::from("set -u\n");
    for entry in entries {
        let command = &entry.command;
        let _ = write!(
            script,
            "{{ {command}\n}} 2>&1 </dev/null\nprintf '\\n{MARK}%d\\n' \"$?\"\n"
        );
    }
    script
}

/// What came of a command.
pub(crate) struct Told<'e> {
    entry: &'e Entry,
    lines: Vec<String>,
    /// `None`: the shell ended before.
    exit: Option<i32>,
}

/// Takes what the script printed apart. `alike` names what the document calls by another word.
pub(crate) fn told<'e>(
    entries: &'e [Entry],
    printed: &str,
    alike: &[(String, String)],
) -> Vec<Told<'e>> {
    let printed = renamed(printed, alike);
    let mut lines = printed.lines();
    let of_entry = |entry| {
        let mut own: Vec<String> = Vec::new();
        let mut exit = None;
        for line in lines.by_ref() {
            exit = line.strip_prefix(MARK).and_then(|code| code.parse().ok());
            if exit.is_some() {
                break;
            }
            own.push(line.trim_end().to_owned());
        }
        while own.last().is_some_and(String::is_empty) {
            own.pop();
        }
        Told {
            entry,
            lines: own,
            exit,
        }
    };
    entries.iter().map(of_entry).collect()
}

fn renamed(text: &str, alike: &[(String, String)]) -> String {
    let one = |text: String, (from, to): &(String, String)| text.replace(from, to);
    alike.iter().fold(text.to_owned(), one)
}

/// Where the document does not say what happened, each with all that was printed.
pub(crate) fn differences(told: &[Told], same: &[&str]) -> Vec<String> {
    told.iter().filter_map(|t| difference(t, same)).collect()
}

/// `same`: words that may stand for each other.
fn difference(told: &Told, same: &[&str]) -> Option<String> {
    let wanted = exit_shown(&told.entry.shown);
    let mut wrong = Vec::new();
    if told.exit != Some(wanted) {
        let found = told.exit.map_or("none".into(), |code| code.to_string());
        wrong.push(format!("exit code {found}, shown {wanted}"));
    }
    if let Err(missed) = matches(&told.entry.shown, &told.lines, same) {
        wrong.push(missed);
    }
    if wrong.is_empty() {
        return None;
    }
    let indented = |lines: &[String]| -> String {
        let lines = lines.iter().map(|line| format!("    {line}\n"));
        lines.collect()
    };
    Some(format!(
        "line {}: $ {}\n  {}\n  it printed:\n{}  the document shows:\n{}",
        told.entry.line,
        told.entry.command,
        wrong.join("; "),
        indented(&told.lines),
        indented(&told.entry.shown)
    ))
}

/// The code that the program itself says it ends with.
fn exit_shown(shown: &[String]) -> i32 {
    let said = shown.iter().rev().find_map(|l| l.strip_prefix("exit "));
    let code = said.and_then(|rest| rest.split(' ').next());
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// Holds words against words; `None` stands for any number of them.
fn matches(shown: &[String], printed: &[String], same: &[&str]) -> Result<(), String> {
    let mut wanted: Vec<Option<String>> = Vec::new();
    for part in shown.split_inclusive(|line| line == LEFT_OUT) {
        let left_out = part.last().is_some_and(|line| line == LEFT_OUT);
        let lines = &part[..part.len() - usize::from(left_out)];
        wanted.extend(words(&lines.join("\n"), same).into_iter().map(Some));
        wanted.extend(left_out.then_some(None));
    }
    let found = words(&printed.join("\n"), same);
    // The usual matching of a pattern with stars: back to the last star where it does not go on.
    let (mut at, mut word, mut star, mut furthest) = (0, 0, None, 0);
    while word < found.len() {
        match wanted.get(at) {
            Some(None) => {
                star = Some((at, word));
                at += 1;
            }
            Some(Some(expected)) if *expected == found[word] => {
                (at, word) = (at + 1, word + 1);
                furthest = furthest.max(at);
            }
            _ => {
                let Some((back, begun)) = star else {
                    return Err(missed(&wanted, furthest, Some(found[word].as_str())));
                };
                star = Some((back, begun + 1));
                (at, word) = (back + 1, begun + 1);
            }
        }
    }
    if wanted[at..].iter().all(Option::is_none) {
        return Ok(());
    }
    Err(missed(&wanted, furthest.max(at), None))
}

fn missed(wanted: &[Option<String>], at: usize, found: Option<&str>) -> String {
    let few = wanted.iter().skip(at).take(6).flatten();
    let few: Vec<&str> = few.map(String::as_str).collect();
    let found = found.map_or(String::new(), |word| format!(", found {word:?}"));
    format!("not found: {:?}{found}", few.join(" "))
}

/// The words of a text, with what differs from run to run as its kind.
fn words(text: &str, same: &[&str]) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut number_before = false;
    for word in text.split_whitespace() {
        let core = word.trim_start_matches(['(', '~', '`']);
        let core = core.trim_end_matches([',', ';', ':', '.', ')', '`']);
        if number_before && UNITS.contains(&core) {
            words.pop();
            if words.last().is_none_or(|last| last != "<amount>") {
                words.push("<amount>".into());
            }
            number_before = false;
            continue;
        }
        number_before = core.parse::<f64>().is_ok();
        words.push(match kind(core) {
            Some(kind) => kind.into(),
            None if same.contains(&core) => same[0].into(),
            None => word.into(),
        });
    }
    words
}

const UNITS: [&str; 11] = ["ms", "s", "min", "h", "d", "B", "Ki", "Mi", "Gi", "Ti", "%"];

fn kind(word: &str) -> Option<&'static str> {
    let is_hex = |text: &str| text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'));
    let is_like = |pattern: &str| {
        let fits = |(c, p): (char, char)| if p == '0' { c.is_ascii_digit() } else { c == p };
        word.len() == pattern.len() && word.chars().zip(pattern.chars()).all(fits)
    };
    if is_like("0000-00-00T00:00:00Z") || is_like("00:00:00") {
        return Some("<time>");
    }
    if word.strip_prefix("sha256:").is_some_and(is_hex) {
        return Some("<hash>");
    }
    if let Some((head, tail)) = word.split_once('…') {
        return (head.len() == 6 && is_hex(head) && is_hex(tail)).then_some("<hash>");
    }
    // A commit in short is of seven digits, all of them decimal now and then; an ID of etcd's has up to sixteen.
    let mixed = word.chars().any(|c| c.is_ascii_lowercase());
    if is_hex(word) && (word.len() == 7 || word.len() > 7 && mixed) {
        return Some("<id>");
    }
    let is_age = word.starts_with(|c: char| c.is_ascii_digit())
        && word.ends_with(['s', 'm', 'h', 'd'])
        && word
            .chars()
            .all(|c| c.is_ascii_digit() || "smhd".contains(c));
    is_age.then_some("<age>")
}

/// The document with what was printed in place of what it shows, but where it leaves something out.
pub(crate) fn refreshed(document: &str, told: &[Told]) -> String {
    let mut lines: Vec<String> = document.lines().map(str::to_owned).collect();
    for told in told.iter().rev() {
        let shown = &told.entry.shown;
        if !shown.iter().any(|line| line == LEFT_OUT) {
            let from = told.entry.line;
            lines.splice(from..from + shown.len(), told.lines.iter().cloned());
        }
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "A text.\n\n```console\n$ cat <<END\n> one\n> END\none\n$ reconcile --check\nas of 2026-11-21T10:00:00Z · plan 00a166…07f, ~18 s\n...\nexit 2 (pending)\n```\n";

    fn differ(printed: &str) -> Vec<String> {
        let entries = entries(DOCUMENT);
        differences(&told(&entries, printed, &[]), &[])
    }

    #[test]
    fn a_document_is_taken_apart() {
        let entries = entries(DOCUMENT);
        assert_eq!(entries[0].command, "cat <<END\none\nEND");
        assert_eq!(entries[0].shown, ["one"]);
        assert_eq!((entries[0].line, entries[1].line), (6, 8));
        let made = script(&entries);
        assert!(made.contains("{ cat <<END\none\nEND\n} 2>&1"), "{made}");
    }

    #[test]
    fn what_differs_from_run_to_run_is_compared_by_kind() {
        let same = "one\n\n@@ends-with@@ 0\nas of 2027-01-01T00:00:01Z\n· plan ffa166…abc, ~1 min 2 s\nmore of it\nexit 2 (pending)\n\n@@ends-with@@ 2\n";
        assert_eq!(differ(same), Vec::<String>::new());
        for (from, to) in [
            ("one", "two"),
            ("one\n", ""),
            ("@@ 2", "@@ 3"),
            ("as of", "at"),
            ("plan ffa166…abc", "plan none"),
            ("exit 2", "exit 3"),
            ("\n@@ends-with@@ 2\n", ""),
        ] {
            let other = same.replace(from, to);
            assert_ne!(other, same);
            assert_ne!(differ(&other), Vec::<String>::new(), "{other}");
        }
    }

    #[test]
    fn a_document_is_written_again() {
        let entries = entries(DOCUMENT);
        let printed = "eins\nzwei\n\n@@ends-with@@ 0\nnone\n\n@@ends-with@@ 2\n";
        let fresh = refreshed(DOCUMENT, &told(&entries, printed, &[]));
        assert_eq!(fresh, DOCUMENT.replace("\none\n$", "\neins\nzwei\n$"));
    }
}
