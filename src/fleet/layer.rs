//! Layers: cluster over profile over defaults, field by field, every field keeping the place where it was said.

use std::collections::BTreeMap;

use super::Origin;
use super::tree::{Entry, Kind, Node, pointer_part};
use crate::diag::SourceFile;

/// `over` laid on `base`: mappings key by key, everything else as a whole.
pub(super) fn merge(base: &Node, over: &Node) -> Node {
    let (Kind::Map(below), Kind::Map(above)) = (&base.kind, &over.kind) else {
        return over.clone();
    };
    let mut entries: Vec<Entry> = above
        .iter()
        .map(|entry| match base.get(&entry.key) {
            Some(base) => Entry {
                value: merge(base, &entry.value),
                ..entry.clone()
            },
            None => entry.clone(),
        })
        .collect();
    let inherited = below.iter().filter(|entry| over.get(&entry.key).is_none());
    entries.extend(inherited.cloned());
    Node {
        place: over.place.clone(),
        kind: Kind::Map(entries),
    }
}

/// Where each field of an effective document was said, by JSON pointer; lists as a whole.
pub(super) fn origins(document: &Node, files: &[SourceFile]) -> BTreeMap<String, Origin> {
    let mut origins = BTreeMap::new();
    collect(document, "", files, &mut origins);
    origins
}

fn collect(node: &Node, at: &str, files: &[SourceFile], into: &mut BTreeMap<String, Origin>) {
    for entry in node.entries() {
        let pointer = format!("{at}/{}", pointer_part(&entry.key));
        let origin = Origin {
            file: files[entry.key_place.file].name.clone(),
            line: entry.key_place.line,
        };
        collect(&entry.value, &pointer, files, into);
        into.insert(pointer, origin);
    }
}
