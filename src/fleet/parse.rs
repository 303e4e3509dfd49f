//! Text → trees, within bounds, with our own words for what is wrong.

use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{Error, Location};

use super::limits::{MAX_ALIASES, MAX_DEPTH, MAX_FILE_BYTES, MAX_FILE_DOCUMENTS, MAX_FILE_VALUES};
use super::tree::{Kind, Node, Parsed, Place};
use crate::diag::{Code, Diagnostic, SourceFile};

/// The documents of one file, those without content left out.
pub(super) fn parse(files: &[SourceFile], index: usize) -> Result<Vec<Node>, Diagnostic> {
    let file = &files[index];
    let start = || Place::start(index);
    if file.text.len() > MAX_FILE_BYTES {
        let mib = file.text.len() >> 20;
        let message = format!("the file has {mib} MiB, at most 4 MiB are read");
        return Err(Diagnostic::new(Code::TooLarge, message).label(start().label(files, "")));
    }
    let parsed = serde_saphyr::from_multiple_with_options(&file.text, options());
    let parsed: Vec<serde_saphyr::Spanned<Parsed>> =
        parsed.map_err(|error| explain(&error, index, files))?;
    let nodes = parsed.into_iter().map(|document| {
        let mut node = Parsed::into_node(document);
        node.set_file(index);
        node
    });
    let nodes: Vec<Node> = nodes
        .filter(|node| node.kind != Kind::Leaf(serde_json::Value::Null))
        .collect();
    if nodes.is_empty() {
        let empty = Diagnostic::new(Code::EmptyFile, "the file holds no document");
        return Err(empty.label(start().label(files, "")));
    }
    Ok(nodes)
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        merge_keys: MergeKeyPolicy::Error,
        with_snippet: false,
        emit_comments: false,
        reject_unsupported_tags: true,
        budget: serde_saphyr::budget! {
            max_nodes: MAX_FILE_VALUES,
            max_documents: MAX_FILE_DOCUMENTS,
            max_aliases: MAX_ALIASES,
            max_anchors: MAX_FILE_VALUES,
            // What is kept for aliases to come.
            max_recorded_anchor_events: MAX_FILE_VALUES,
            max_recorded_anchor_bytes: MAX_FILE_BYTES,
            // Twice, for what an alias stands for counts each time.
            max_total_scalar_bytes: 2 * MAX_FILE_BYTES,
            max_depth: MAX_DEPTH,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_FILE_VALUES,
            max_replay_stack_depth: MAX_DEPTH,
        },
    }
}

fn explain(error: &Error, file: usize, files: &[SourceFile]) -> Diagnostic {
    let error = error.without_snippet();
    let place = error.location().map_or_else(
        || Place::start(file),
        |location| whereabouts(location, file, &files[file].text),
    );
    let (code, message, remark) = match cause(error) {
        Error::DuplicateMappingKey { key, .. } => {
            let key = key.as_deref().unwrap_or("?");
            let message = format!("the key `{key}` is written twice in this mapping");
            (Code::DuplicateKey, message, "second time")
        }
        Error::MergeKeyNotAllowed { .. } => (
            Code::MergeKey,
            "merge keys are not taken".to_owned(),
            "merges values from elsewhere",
        ),
        other => match too_much(other) {
            Some(message) => (Code::TooLarge, message, "given up here"),
            None => (Code::YamlSyntax, plain(other), "here"),
        },
    };
    let diagnostic = Diagnostic::new(code, message).label(place.label(files, remark));
    match code {
        Code::DuplicateKey => diagnostic.help("keep one of them"),
        Code::MergeKey => diagnostic
            .help("put shared values into `spec.defaults` or `spec.profiles` of fleet.yaml"),
        _ => diagnostic,
    }
}

/// The scanner knows characters, not bytes.
fn whereabouts(location: Location, file: usize, text: &str) -> Place {
    let place = Place::of(location, file);
    if location.span().byte_offset().is_some() {
        return place;
    }
    let characters = usize::try_from(location.span().offset()).unwrap_or(usize::MAX);
    let mut rest = text.char_indices().skip(characters);
    let start = rest.next().map_or(text.len(), |(at, _)| at);
    let end = rest.next().map_or(text.len(), |(at, _)| at);
    place.with_span(&(start..end))
}

/// What is wrong with what an alias stands for is wrong with the alias.
fn cause(error: &Error) -> &Error {
    match error {
        Error::AliasError { error, .. } => cause(error),
        other => other,
    }
}

/// Which limit the file is beyond, if it is one.
fn too_much(error: &Error) -> Option<String> {
    let values = || format!("the file has more than {MAX_FILE_VALUES} values, aliases written out");
    let text = plain(error);
    // A breach that is found while an alias is replayed arrives as a text.
    let breach = text.strip_prefix("budget breached: ");
    let breach = breach.map(|text| text.split([' ', '{']).next().unwrap_or_default());
    // The scanner, which looks ahead, comes to a limit of its own first.
    if breach == Some("Depth") || text == "recursion limit exceeded" {
        return Some(format!("the file nests deeper than {MAX_DEPTH}"));
    }
    let replayed = matches!(
        error,
        Error::AliasReplayCounterOverflow { .. }
            | Error::AliasReplayLimitExceeded { .. }
            | Error::AliasReplayStackDepthExceeded { .. }
            | Error::AliasExpansionLimitExceeded { .. }
    );
    let mib = (2 * MAX_FILE_BYTES) >> 20;
    match breach {
        Some("Aliases") => Some(format!("the file has more than {MAX_ALIASES} aliases")),
        Some("Documents") => Some(format!(
            "the file has more than {MAX_FILE_DOCUMENTS} documents"
        )),
        Some("ScalarBytes" | "RecordedAnchorBytes") => Some(format!(
            "the file has more than {mib} MiB of text, aliases written out"
        )),
        Some(_) => Some(values()),
        None => replayed.then(values),
    }
}

/// The parser's message without the position it repeats, since ours stands beside it.
fn plain(error: &Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let cut = line.find(" at line ").unwrap_or(line.len());
    let cut = line[..cut].trim_end_matches([',', ':', ' ']);
    cut.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile {
            name: "x.yaml".to_owned(),
            text: text.to_owned(),
        }
    }

    fn slice<'a>(text: &'a str, pointer: &str) -> &'a str {
        let nodes = parse(&[file(text)], 0).expect("parses");
        let place = nodes[nodes.len() - 1].find(pointer).expect(pointer).place();
        &text[place.span()]
    }

    #[test]
    fn spans_are_bytes_of_the_file() {
        assert_eq!(slice("a: {b: [1, köln]}", "/a/b/1"), "köln");
        assert_eq!(slice("# ö\na: ü\nb:\n  c: x\n", "/b/c"), "x");
        assert_eq!(slice("b:\n  c: x\n", "/b"), "b", "block maps: the key");
        assert_eq!(
            slice("x: 1\n---\na: ü\nb: yes\n", "/b"),
            "yes",
            "later documents"
        );
        assert_eq!(slice("\u{feff}a: b\r\nc: d\r\n", "/c"), "d", "BOM and CRLF");
        assert_eq!(slice("a: &x ü\nb: *x\n", "/b"), "*x", "aliases: where used");
        assert_eq!(slice("a: \"q\"\n", "/a"), "\"q\"");
    }

    #[test]
    fn syntax_errors_have_their_place() {
        for text in ["ä: 1\nb: @x\n", "\u{feff}ä: 1\r\nb: @x\r\n"] {
            let found = parse(&[file(text)], 0).expect_err("not YAML");
            let label = &found.labels[0];
            assert_eq!((label.line, label.column), (2, 4));
            assert_eq!(&text[label.span.clone()], "@", "{text:?}");
        }
    }

    #[test]
    fn hostile_texts_are_refused_in_time() {
        let deep = "[".repeat(5000);
        let steps: String = (0..5000).map(|n| " ".repeat(n) + "a:\n").collect();
        let mut laughs = "a0: &a0 [1,1,1,1,1]\n".to_owned();
        for level in 1..9 {
            let before = format!("*a{}", level - 1);
            let six = [before.as_str(); 6].join(",");
            laughs = format!("{laughs}a{level}: &a{level} [{six}]\n");
        }
        for (text, code) in [
            (deep.as_str(), Code::TooLarge),
            (steps.as_str(), Code::TooLarge),
            (laughs.as_str(), Code::TooLarge),
            ("a: 1\na: 2\n", Code::DuplicateKey),
            ("x: {a: 1}\ny:\n  <<: {a: 1}\n", Code::MergeKey),
            ("a: \u{0}\n", Code::YamlSyntax),
            ("a: [\n", Code::YamlSyntax),
            ("# nothing\n", Code::EmptyFile),
            ("", Code::EmptyFile),
        ] {
            let found = parse(&[file(text)], 0).map(|nodes| nodes.len());
            let found = found.expect_err("refused");
            assert_eq!(found.code, code, "{found:?}");
        }
    }
}
