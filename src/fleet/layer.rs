//! Layers: cluster over profile over defaults, field by field, every field keeping the place where it was said.

use std::collections::BTreeMap;

use super::Origin;
use super::tree::{Kind, Node, pointer_part};
use crate::diag::SourceFile;

/// `over` laid on `base`: mappings key by key, everything else as a whole.
pub(super) fn merge(base: &Node, mut over: Node) -> Node {
    if let (Kind::Map(below), Kind::Map(above)) = (&base.kind, &mut over.kind) {
        for low in below {
            match above.iter_mut().find(|high| high.key == low.key) {
                Some(high) => {
                    high.value = merge(&low.value, high.value.take());
                }
                None => above.push(low.clone()),
            }
        }
    }
    over
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
            commit: None,
        };
        collect(&entry.value, &pointer, files, into);
        into.insert(pointer, origin);
    }
}
