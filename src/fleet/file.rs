//! One file: parsed, its documents told apart, their shapes checked.

use super::limits::MAX_DOCUMENT_VALUES;
use super::nearest::nearest;
use super::tree::{Node, Place, Size};
use super::{DocumentKind, parse, shape};
use crate::diag::{Code, Diagnostic, SourceFile};

/// What one file holds.
pub(super) struct Read {
    pub(super) documents: Vec<(DocumentKind, Node)>,
    pub(super) found: Vec<Diagnostic>,
    /// The fleet's own document may be in what could not be read.
    pub(super) unread: bool,
    /// Nothing was left out for its size.
    pub(super) whole: bool,
    pub(super) size: Size,
}

impl Read {
    /// Parses a file and finds out which document is what; shapes are checked on the way.
    pub(super) fn new(files: &[SourceFile], index: usize) -> Self {
        let mut read = Self {
            documents: Vec::new(),
            found: Vec::new(),
            unread: false,
            whole: true,
            size: Size::default(),
        };
        let nodes = parse::parse(files, index).unwrap_or_else(|diagnostic| {
            read.unread = is_fleet_file(&files[index].name);
            read.found.push(diagnostic);
            Vec::new()
        });
        for node in nodes {
            read.add(node, files);
        }
        read
    }

    pub(super) fn fleet(&self) -> Option<&Node> {
        let mut documents = self.documents.iter();
        documents.find_map(|(kind, node)| (*kind == DocumentKind::Fleet).then_some(node))
    }

    fn add(&mut self, mut node: Node, files: &[SourceFile]) {
        let Some(kind) = kind_of(&node, files, &mut self.found) else {
            self.unread |= is_fleet_file(&files[node.place.file()].name);
            return;
        };
        let size = node.size();
        self.size += size;
        let whole = if size.values > MAX_DOCUMENT_VALUES {
            let message = format!("the document has more than {MAX_DOCUMENT_VALUES} values");
            let label = value_place(&node, "/kind").label(files, "in this document");
            self.found
                .push(Diagnostic::new(Code::TooLarge, message).label(label));
            false
        } else {
            shape::check(kind, &mut node, files, &mut self.found)
        };
        if !whole {
            self.unread |= kind == DocumentKind::Fleet;
            self.whole = false;
            return;
        }
        misplaced(kind, &node, files, &mut self.found);
        self.documents.push((kind, node));
    }
}

pub(super) fn is_fleet_file(name: &str) -> bool {
    matches!(name.rsplit('/').next(), Some("fleet.yaml" | "fleet.yml"))
}

pub(super) fn value_place(node: &Node, pointer: &str) -> Place {
    node.find(pointer).map_or(node.place, |found| found.place())
}

/// `apiVersion` and `kind`, which say by which schema the rest is read.
fn kind_of(node: &Node, files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Option<DocumentKind> {
    let version = node.get("apiVersion").and_then(Node::text);
    if version != Some("reconcile/v1alpha1") {
        let remark = version.map_or("missing".to_owned(), |found| format!("found {found:?}"));
        let label = value_place(node, "/apiVersion").label(files, remark);
        let message = "`apiVersion` must be `reconcile/v1alpha1`";
        found.push(Diagnostic::new(Code::ApiVersion, message).label(label));
    }
    let kind = node.get("kind").and_then(Node::text);
    let known = DocumentKind::ALL
        .iter()
        .find(|known| Some(known.as_str()) == kind);
    if known.is_none() {
        let remark = kind.map_or("missing".to_owned(), |found| format!("found {found:?}"));
        let label = value_place(node, "/kind").label(files, remark);
        let message = "`kind` must be `Fleet` or `EtcdCluster`";
        let mut diagnostic = Diagnostic::new(Code::Kind, message).label(label);
        let names = DocumentKind::ALL.iter().map(|known| known.as_str());
        if let Some(near) = kind.and_then(|kind| nearest(kind, names)) {
            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
        }
        found.push(diagnostic);
    }
    known
        .filter(|_| version == Some("reconcile/v1alpha1"))
        .copied()
}

fn misplaced(kind: DocumentKind, node: &Node, files: &[SourceFile], found: &mut Vec<Diagnostic>) {
    let name = &files[node.place.file()].name;
    let message = match (kind, is_fleet_file(name)) {
        (DocumentKind::Fleet, false) => "`kind: Fleet` belongs into `fleet.yaml`",
        // A cluster may well be called "fleet".
        (DocumentKind::EtcdCluster, true) if !name.contains("clusters/") => {
            "`kind: EtcdCluster` belongs into a file under `clusters/`"
        }
        _ => return,
    };
    let label = value_place(node, "/kind").label(files, "in this file");
    found.push(Diagnostic::new(Code::Misplaced, message).label(label));
}
