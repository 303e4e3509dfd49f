//! A document as the text of JSON or YAML.

use std::fmt::Write as _;

use serde::ser::{Serialize, Serializer};
use serde_json::Value;
use serde_saphyr::DoubleQuoted;

use crate::diag::is_unsafe;

/// One line of JSON. Characters that could drive a terminal are escapes, which every reader takes for the same.
pub fn json_text(document: &Value) -> String {
    escaped(&document.to_string())
}

/// The same, a line for each value.
pub fn json_lines(document: &Value) -> String {
    escaped(&format!("{document:#}"))
}

/// The text of a JSON document, whoever wrote it, in the same way.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        // Outside of strings JSON has none of them but ends of lines, and inside it has no such end.
        if is_unsafe(c) && c != '\n' {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(c);
        }
    }
    safe.push('\n');
    safe
}

/// The same document as YAML, in the order of JSON's keys; texts of several lines as blocks.
pub fn yaml_text(document: &Value) -> String {
    let options = serde_saphyr::ser_options! {
        folded_wrap_chars: usize::MAX,
    };
    let text = serde_saphyr::to_string_with_options(&Quoted(document), options)
        .expect("JSON values have a YAML form");
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_left_as_it_is(c) {
            // Every string that has one stands in double quotes, where this is an escape.
            let _ = match u32::from(c) {
                code @ 0..=0xffff => write!(safe, "\\u{code:04X}"),
                code => write!(safe, "\\U{code:08X}"),
            };
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Characters that can deceive a reader and that the YAML writer does not escape.
fn is_left_as_it_is(c: char) -> bool {
    is_unsafe(c) && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// A value whose strings stand in double quotes where their characters ask for it.
struct Quoted<'v>(&'v Value);

impl Serialize for Quoted<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::String(text) if text.contains(is_left_as_it_is) => {
                DoubleQuoted(text).serialize(serializer)
            }
            Value::Array(items) => serializer.collect_seq(items.iter().map(Quoted)),
            Value::Object(fields) => {
                // Keys are ours, or names that Kubernetes takes: ASCII.
                serializer.collect_map(fields.iter().map(|(key, value)| (key, Quoted(value))))
            }
            plain => plain.serialize(serializer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_read_back_and_neither_drives_a_terminal() {
        let document = json!({
            "esc": "a\u{1b}[2J",
            "c1": "\u{9b}31m",
            "bidi": "\u{202e}x\u{feff}\u{61c}",
            "tags": "\u{e0041}",
            "lines": "one\n\u{1b}two\n\u{9b}",
            "plain": "3 → 5",
            "del": "\u{7f}",
            "tab": "a\tb",
            "bell\u{7}": "no",
            "list": ["\\\u{202e}", "' \" \u{200b}\n", {"a": []}],
        });
        let (json, yaml) = (json_text(&document), yaml_text(&document));
        let lines = json_lines(&document);
        for json in [&json, &lines] {
            let back: Value = serde_json::from_str(json).expect("our own JSON");
            assert_eq!(back, document);
        }
        let back: Value = serde_saphyr::from_str(&yaml).expect("our own YAML");
        assert_eq!(back, document, "{yaml}");
        let drives = |c: char| is_unsafe(c) && !matches!(c, '\n' | '\t');
        for text in [json, lines, yaml] {
            assert!(!text.contains(drives), "{text:?}");
        }
    }
}
