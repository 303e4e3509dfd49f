//! Changed fields as a diff of the tree they are in.

use std::fmt::Write as _;

use serde_json::Value;

use super::super::lines::{Line, changed};
use super::super::style::defuse;
use super::super::text::texts;
use super::super::words;
use crate::fleet::pointer::unescaped;
use crate::plan::FieldChange;

/// What GitHub and GitLab colour as a diff: the keys on the way once, then each field before and after.
pub(super) fn diff(changes: &[FieldChange]) -> String {
    let mut out = String::new();
    let mut open: Vec<String> = Vec::new();
    for change in changes {
        let mut keys = keys(&change.path);
        let leaf = keys.pop().unwrap_or_default();
        let shared = keys.iter().zip(&open).take_while(|(a, b)| a == b).count();
        for (depth, key) in keys.iter().enumerate().skip(shared) {
            line(&mut out, ' ', depth, &format!("{key}:"));
        }
        field(&mut out, change, keys.len(), &leaf);
        open = keys;
    }
    out
}

/// `Service/orders-client/spec/type` is a field of one object, `storage.className` one of the document.
fn keys(path: &str) -> Vec<String> {
    if !path.contains('/') {
        return path.split('.').map(str::to_owned).collect();
    }
    let mut parts: Vec<String> = path
        .split('/')
        .map(|part| unescaped(part).into_owned())
        .collect();
    let is_object = parts.len() > 2 && parts[0].starts_with(|c: char| c.is_ascii_uppercase());
    if is_object {
        let name = parts.remove(1);
        parts[0] = format!("{}/{name}", parts[0]);
    }
    parts
}

fn field(out: &mut String, change: &FieldChange, depth: usize, leaf: &str) {
    let origin = words::origin(change);
    let origin = if origin.is_empty() {
        origin
    } else {
        format!(", {origin}")
    };
    let why = format!("  # {}{origin}", change.class.as_str());
    if let Some((before, after)) = texts(change) {
        line(out, ' ', depth, &format!("{leaf}: |{why}"));
        return lines(out, before, after, depth + 1);
    }
    let value = |side: &Option<Value>| side.as_ref().map(|value| words::value(Some(value)));
    let (before, after) = (value(&change.before), value(&change.after));
    if let Some(before) = &before {
        let why = if after.is_none() { &why } else { "" };
        line(out, '-', depth, &format!("{leaf}: {before}{why}"));
    }
    if let Some(after) = &after {
        line(out, '+', depth, &format!("{leaf}: {after}{why}"));
    }
}

fn lines(out: &mut String, before: &str, after: &str, depth: usize) {
    for changed in changed(before, after) {
        let (sign, text) = match changed {
            Line::Gone(text) => ('-', text),
            Line::New(text) => ('+', text),
        };
        line(out, sign, depth, text);
    }
}

fn line(out: &mut String, sign: char, depth: usize, text: &str) {
    let indent = depth * 2;
    let _ = writeln!(out, "{sign} {:indent$}{}", "", defuse(text));
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fleet::Origin;
    use crate::plan::Class;

    fn change(path: &str, before: Option<Value>, after: Option<Value>) -> FieldChange {
        FieldChange {
            path: path.into(),
            before,
            after,
            class: Class::Pending,
            origin: None,
            manager: None,
        }
    }

    #[test]
    fn fields_stand_in_the_tree_they_are_in() {
        let mut class = change("storage.className", Some(json!("gp2")), Some(json!("gp3")));
        class.origin = Some(Origin {
            file: "fleet.yaml".into(),
            line: 14,
            commit: Some("a1b2c3d4e5".into()),
        });
        let changes = [
            change("members", None, Some(json!(3))),
            class,
            change("storage.size", Some(json!("8Gi")), None),
            change(
                "Service/a/metadata/annotations/x~1y",
                None,
                Some(json!("z")),
            ),
            change(
                "Service/a/metadata/annotations/z",
                None,
                Some(json!("\u{1b}")),
            ),
        ];
        let expected = [
            "+ members: 3  # pending",
            "  storage:",
            "-   className: gp2",
            "+   className: gp3  # pending, fleet.yaml:14 (a1b2c3d)",
            "-   size: 8Gi  # pending",
            "  Service/a:",
            "    metadata:",
            "      annotations:",
            "+       x/y: z  # pending",
            "+       z: \\u{1b}  # pending",
            "",
        ];
        assert_eq!(diff(&changes), expected.join("\n"));
    }

    #[test]
    fn of_a_text_the_changed_lines_are_shown() {
        let path = "ConfigMap/a/data/a-0.yaml";
        let (before, after) = (json!("a\nb\nc\n"), json!("a\nB\nc\n"));
        let expected = [
            "  ConfigMap/a:",
            "    data:",
            "      a-0.yaml: |  # pending",
            "-       b",
            "+       B",
            "",
        ];
        let changed = diff(&[change(path, Some(before), Some(after))]);
        assert_eq!(changed, expected.join("\n"));
    }
}
