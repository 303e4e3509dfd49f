//! What is in a Markdown document: links, headings, code, tables, command lines.

use std::collections::BTreeMap;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

fn events(document: &str) -> impl Iterator<Item = Event<'_>> {
    Parser::new_ext(document, Options::ENABLE_TABLES)
}

pub(crate) struct Link {
    pub(crate) target: String,
    /// What is shown of it; a picture's is its description.
    pub(crate) text: String,
}

pub(crate) fn links(document: &str) -> Vec<Link> {
    let mut found = Vec::new();
    let mut open: Vec<Link> = Vec::new();
    for event in events(document) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                open.push(Link {
                    target: dest_url.into_string(),
                    text: String::new(),
                });
            }
            Event::Text(text) | Event::Code(text) => {
                for link in &mut open {
                    link.text.push_str(&text);
                }
            }
            Event::End(TagEnd::Link | TagEnd::Image) => found.extend(open.pop()),
            _ => {}
        }
    }
    found
}

/// Headings by the anchors that GitHub gives them, as they are written.
pub(crate) fn anchors(document: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut heading: Option<(String, String)> = None;
    for event in events(document) {
        match event {
            Event::Start(Tag::Heading { .. }) => heading = Some(Default::default()),
            Event::Text(text) => {
                if let Some((plain, written)) = &mut heading {
                    plain.push_str(&text);
                    written.push_str(&text);
                }
            }
            Event::Code(text) => {
                if let Some((plain, written)) = &mut heading {
                    plain.push_str(&text);
                    written.extend(["`", &*text, "`"]);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let (plain, written) = heading.take().unwrap_or_default();
                let anchor = slug(&plain);
                let mut unique = anchor.clone();
                let mut more = 0;
                while found.contains_key(&unique) {
                    more += 1;
                    unique = format!("{anchor}-{more}");
                }
                found.insert(unique, written);
            }
            _ => {}
        }
    }
    found
}

/// Lower case, spaces as hyphens, punctuation left out.
fn slug(heading: &str) -> String {
    let lower = heading.to_lowercase();
    let kept = lower.chars().filter_map(|c| match c {
        ' ' => Some('-'),
        c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
        _ => None,
    });
    kept.collect()
}

pub(crate) fn inline_codes(document: &str) -> Vec<String> {
    let codes = events(document).filter_map(|event| match event {
        Event::Code(code) => Some(code.into_string()),
        _ => None,
    });
    codes.collect()
}

/// Rows of the tables whose first column is called so.
pub(crate) fn tables(document: &str, first: &str) -> Vec<Vec<Vec<String>>> {
    let mut found: Vec<Vec<Vec<String>>> = Vec::new();
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut cell = String::new();
    for event in events(document) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => cell.clear(),
            Event::Text(text) | Event::Code(text) => cell.push_str(&text),
            Event::End(TagEnd::TableCell) => {
                let row = rows.last_mut().expect("a cell is in a row");
                row.push(std::mem::take(&mut cell));
            }
            Event::End(TagEnd::Table) => {
                let mut table = std::mem::take(&mut rows);
                if table[0][0] == first {
                    found.push(table.split_off(1));
                }
            }
            _ => {}
        }
    }
    found
}

/// Blocks below a line `<!-- from: PATH -->`, with that path.
pub(crate) fn quotations(document: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        let path = line.strip_prefix("<!-- from: ");
        let Some(path) = path.and_then(|rest| rest.strip_suffix(" -->")) else {
            continue;
        };
        let fence = lines.next().unwrap_or_default();
        assert!(fence.starts_with("```"), "a block is below {line:?}");
        let block = lines.by_ref().take_while(|line| *line != "```");
        let block: String = block.flat_map(|line| [line, "\n"]).collect();
        found.push((path.to_owned(), block));
    }
    found
}

/// The lines of a script that call our program, without what the shell does with them.
pub(crate) fn own_commands(script: &str) -> Vec<String> {
    let joined = script.replace("\\\n", " ");
    let mut found = Vec::new();
    for line in joined.lines() {
        let line = line.trim_start_matches(['$', '>', '(', ' ']);
        for command in simple_commands(line) {
            if command == "reconcile" || command.starts_with("reconcile ") {
                found.push(command);
            }
        }
    }
    found
}

/// Splits where one command ends: at pipes, lists, redirections, comments and substitutions.
fn simple_commands(line: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    let mut quote = None;
    let mut before = ' ';
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            (None, '#') if before == ' ' => break,
            (None, '|' | ';' | '&' | '>' | '<' | '(' | ')') => {
                // `2>file`: the number is the redirection's.
                let last = found.last_mut().expect("there is one");
                if c == '>' && last.ends_with(" 2") {
                    last.truncate(last.len() - 2);
                }
                found.push(String::new());
                before = c;
                continue;
            }
            _ => {}
        }
        found.last_mut().expect("there is one").push(c);
        before = c;
    }
    let bare = found.iter().map(|command| without_prefix(command.trim()));
    let bare = bare.filter(|command| !command.is_empty());
    bare.map(str::to_owned).collect()
}

/// Without words that run the command after them.
fn without_prefix(command: &str) -> &str {
    let first = command.split(' ').next().unwrap_or_default();
    let runs_another = ["if", "!", "exec", "timeout"].contains(&first);
    if (runs_another || first.contains('='))
        && let Some(at) = command.find("reconcile ")
    {
        return &command[at..];
    }
    command
}

/// Words as a shell takes them apart; variables stay as they are written.
pub(crate) fn shell_words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    let mut begun = false;
    for c in line.chars() {
        match (quote, c) {
            (None, '\'' | '"') => (quote, begun) = (Some(c), true),
            (Some(open), c) if open == c => quote = None,
            (None, ' ') => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => {
                begun = true;
                word.push(c);
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// Whether the text has this word, and not only as a part of another.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + word.len()..].chars().next();
        !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_headings_are_found() {
        let text = "# `a`, b & C\n\n[`x`](y.md#z) ![p](q.svg)\n\n## A\n## A\n";
        let found = links(text);
        assert_eq!((&*found[0].target, &*found[0].text), ("y.md#z", "x"));
        assert_eq!((&*found[1].target, &*found[1].text), ("q.svg", "p"));
        let anchors: Vec<String> = anchors(text).into_keys().collect();
        assert_eq!(anchors, ["a", "a-1", "a-b--c"]);
    }

    #[test]
    fn our_commands_are_taken_out_of_a_script() {
        let script = "$ reconcile --check a 2>log | tee b # why\nhash=$(reconcile plan -o json | sed x)\necho reconcile\nif ! reconcile status; then x; fi\ntimeout 9 reconcile plan || x\nA=b reconcile\nA=b reconcile -q\nreconcile apply \\\n  --yes > out 2>&1 &\n";
        let expected = [
            "reconcile --check a",
            "reconcile plan -o json",
            "reconcile status",
            "reconcile plan",
            "reconcile -q",
            "reconcile apply    --yes",
        ];
        assert_eq!(own_commands(script), expected);
        assert_eq!(shell_words("a  'b c' \"\" d"), ["a", "b c", "", "d"]);
    }

    #[test]
    fn quotations_know_their_file() {
        let text = "<!-- from: a/b.rs -->\n```rust\nx\n```\n";
        let expected = [("a/b.rs".to_owned(), "x\n".to_owned())];
        assert_eq!(quotations(text), expected);
    }
}
