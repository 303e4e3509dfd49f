//! Which line of a YAML text each of its fields is on.

use std::collections::BTreeMap;

use super::parse::parse;
use super::pointer::escaped;
use super::tree::{Kind, Node};
use crate::diag::SourceFile;

/// JSON pointer → line from 1, of every field and list element of the first document; nothing of what is no YAML.
pub fn field_lines(text: &str) -> BTreeMap<String, usize> {
    let file = SourceFile {
        name: String::new(),
        text: text.to_owned(),
    };
    let mut lines = BTreeMap::new();
    if let Some(document) = parse(&[file], 0).ok().as_ref().and_then(|all| all.first()) {
        collect(document, "", &mut lines);
    }
    lines
}

fn collect(node: &Node, at: &str, lines: &mut BTreeMap<String, usize>) {
    match &node.kind {
        Kind::Map(entries) => {
            for entry in entries {
                let pointer = format!("{at}/{}", escaped(&entry.key));
                collect(&entry.value, &pointer, lines);
                lines.insert(pointer, entry.key_place.line());
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let pointer = format!("{at}/{index}");
                collect(item, &pointer, lines);
                lines.insert(pointer, item.place.line());
            }
        }
        Kind::Leaf(_) | Kind::Reported => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_its_line() {
        let lines = field_lines("a:\n  b/c: |\n    x\n    y\n  d:\n  - e: 1\n    f: 2\n  - g\n");
        for (pointer, line) in [
            ("/a", 1),
            ("/a/b~1c", 2),
            ("/a/d/0/e", 6),
            ("/a/d/0/f", 7),
            ("/a/d/1", 8),
        ] {
            assert_eq!(lines.get(pointer), Some(&line), "{pointer}");
        }
        assert!(field_lines("a: [").is_empty());
    }
}
