//! `docs/documents.md`: every field of the documents, to read in one go.

use std::fmt::Write as _;

use super::field;
use crate::fleet::{DocumentKind, Field};

const HEAD: &str = "\
# Documents

Generated from the documents' types, as their schemas are; `make goldens` writes both again. `reconcile explain
FIELD` prints one field of it, `reconcile schema NAME` the JSON Schema that editors use.

A fleet is a directory with `fleet.yaml` (`kind: Fleet`) and a file below `clusters/` for each etcd cluster (`kind:
EtcdCluster`). Unknown keys are errors. What all or several clusters share is said once, in the fleet's `spec.defaults` and
`spec.profiles`, and laid under the cluster's own `spec` field by field: the cluster comes first, then its profile, then the
defaults; lists are taken as a whole.
";

/// The whole document.
pub fn documents_markdown() -> String {
    let mut text = HEAD.to_owned();
    for (kind, title) in [
        (DocumentKind::EtcdCluster, "A cluster: `kind: EtcdCluster`"),
        (DocumentKind::Fleet, "The fleet: `kind: Fleet`"),
    ] {
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(text, "\n## {title}");
        for one in kind.fields() {
            write(&mut text, kind, &one);
        }
    }
    text
}

fn write(text: &mut String, kind: DocumentKind, one: &Field) {
    let _ = writeln!(text, "\n### `{}`\n\n{}\n", one.dotted(), one.description);
    let _ = writeln!(text, "- Takes: {}", field::takes(one));
    for (value, meaning) in one.values.iter().filter(|(_, meaning)| !meaning.is_empty()) {
        let _ = writeln!(text, "  - `{value}`: {meaning}");
    }
    let _ = writeln!(text, "- Default: {}", field::without(one));
    let of_spec = one.path.len() > 1 && one.path[0] == "spec";
    if kind == DocumentKind::EtcdCluster && of_spec && !one.in_layers {
        text.push_str("- Of a cluster alone: neither the defaults nor a profile can have it\n");
    }
}
