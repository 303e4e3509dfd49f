//! Files → fleet: parse, check shapes, layer, check values, build.

use std::collections::BTreeMap;

use super::build::build;
use super::checks::CHECKS;
use super::draft::Draft;
use super::limits::{
    MAX_DOCUMENT_VALUES, MAX_FINDINGS, MAX_FINDINGS_LOOKED_AT, MAX_FLEET_TEXT, MAX_FLEET_VALUES,
};
use super::nearest::nearest;
use super::shared::FleetParts;
use super::tree::{Node, Place, Size};
use super::{ClusterId, DocumentKind, Fleet, parse, shape};
use crate::diag::{Code, Diagnostic, SourceFile};

/// What came out of the documents.
#[derive(Debug, Default)]
#[must_use = "unread diagnostics are errors that nobody hears of"]
pub struct Loaded {
    /// There is none while an error is among the diagnostics.
    pub fleet: Option<Fleet>,
    /// Errors and warnings in the order of files and lines.
    pub diagnostics: Vec<Diagnostic>,
}

impl Loaded {
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads a fleet from its files: everything that is wrong with it is reported at once.
pub fn load(files: &[SourceFile]) -> Loaded {
    let mut found = Vec::new();
    let documents = sort_out(files, &mut found);
    let fleet = FleetParts::new(documents.fleet.as_ref(), files, &mut found);
    let (mut clusters, mut seen) = (Vec::new(), Vec::new());
    let (mut size, mut gathered) = (Size::default(), Gathered::default());
    let mut whole = documents.whole;
    for document in documents.clusters {
        let mut draft = fleet.draft(document, files);
        size += draft.tree.size();
        let mut given_up = size.beyond();
        if given_up.is_none() {
            for check in CHECKS {
                check(&mut draft);
            }
            given_up = gathered.add(std::mem::take(&mut draft.found));
        }
        if let Some(message) = given_up {
            let place = draft.place("/metadata/name");
            found.push(given_up_at(place, message, files));
            whole = false;
            break;
        }
        seen.push(Seen::of(&draft));
        clusters.extend(build(draft, &fleet.name, fleet.suspend));
    }
    found.append(&mut gathered.findings);
    duplicates(&seen, files, &mut found);
    if whole {
        fleet.check_canaries(&seen, files, &mut found);
    }
    clusters.sort_by(|a, b| a.id.cmp(&b.id));
    Diagnostic::sort(&mut found);
    let sound = !found.iter().any(Diagnostic::is_error);
    Loaded {
        fleet: if sound {
            Some(fleet.finish(clusters))
        } else {
            None
        },
        diagnostics: found,
    }
}

impl Size {
    /// Which limit a fleet of this size is beyond.
    fn beyond(self) -> Option<String> {
        let counted = "what each cluster inherits counted in";
        let mib = MAX_FLEET_TEXT >> 20;
        if self.values > MAX_FLEET_VALUES {
            Some(format!(
                "the fleet has more than {MAX_FLEET_VALUES} values, {counted}"
            ))
        } else if self.text > MAX_FLEET_TEXT {
            Some(format!(
                "the fleet has more than {mib} MiB of text, {counted}"
            ))
        } else {
            None
        }
    }
}

fn too_many(findings: usize) -> Option<String> {
    let message = "too much was found: the rest of the fleet was not looked at";
    (findings > MAX_FINDINGS).then(|| message.to_owned())
}

fn given_up_at(place: &Place, message: String, files: &[SourceFile]) -> Diagnostic {
    let label = place.label(files, "given up here");
    Diagnostic::new(Code::TooLarge, message).label(label)
}

/// The findings of many clusters, of which those in what they inherit are the same.
#[derive(Default)]
struct Gathered {
    findings: Vec<Diagnostic>,
    looked_at: usize,
    /// Looked at when the same ones were last told apart.
    settled: usize,
}

impl Gathered {
    /// Why no more of them are worth to be found.
    fn add(&mut self, mut more: Vec<Diagnostic>) -> Option<String> {
        self.looked_at += more.len();
        self.findings.append(&mut more);
        if self.looked_at > MAX_FINDINGS_LOOKED_AT {
            return too_many(self.looked_at);
        }
        if self.looked_at - self.settled > MAX_FINDINGS {
            Diagnostic::sort(&mut self.findings);
            self.settled = self.looked_at;
            return too_many(self.findings.len());
        }
        None
    }
}

struct Documents {
    fleet: Option<Node>,
    clusters: Vec<Node>,
    /// The fleet's own document may be in what could not be read.
    unread: bool,
    /// Nothing was left out for its size.
    whole: bool,
    size: Size,
}

/// Parses all files and finds out which document is what; shapes are checked on the way.
fn sort_out(files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Documents {
    let mut documents = Documents {
        fleet: None,
        clusters: Vec::new(),
        unread: false,
        whole: true,
        size: Size::default(),
    };
    for index in 0..files.len() {
        let nodes = parse::parse(files, index).unwrap_or_else(|diagnostic| {
            documents.unread |= is_fleet_file(&files[index].name);
            found.push(diagnostic);
            Vec::new()
        });
        for node in nodes {
            documents.add(node, files, found);
        }
        let given_up = documents.size.beyond().or_else(|| too_many(found.len()));
        if let Some(message) = given_up {
            found.push(given_up_at(&Place::start(index), message, files));
            (documents.unread, documents.whole) = (true, false);
            break;
        }
    }
    if documents.fleet.is_none() && !documents.unread {
        let message = "there is no `kind: Fleet` document";
        let help = "give the directory a `fleet.yaml`; `reconcile schema fleet` shows its fields";
        found.push(Diagnostic::new(Code::NoFleet, message).help(help));
    }
    documents
}

impl Documents {
    fn add(&mut self, mut node: Node, files: &[SourceFile], found: &mut Vec<Diagnostic>) {
        let Some(kind) = kind_of(&node, files, found) else {
            self.unread |= is_fleet_file(&files[node.place.file].name);
            return;
        };
        let size = node.size();
        self.size += size;
        let whole = if size.values > MAX_DOCUMENT_VALUES {
            let message = format!("the document has more than {MAX_DOCUMENT_VALUES} values");
            let label = value_place(&node, "/kind").label(files, "in this document");
            found.push(Diagnostic::new(Code::TooLarge, message).label(label));
            false
        } else {
            shape::check(kind, &mut node, files, found)
        };
        if !whole {
            self.unread |= kind == DocumentKind::Fleet;
            self.whole = false;
            return;
        }
        misplaced(kind, &node, files, found);
        match (kind, &self.fleet) {
            (DocumentKind::EtcdCluster, _) => self.clusters.push(node),
            (DocumentKind::Fleet, None) => self.fleet = Some(node),
            (DocumentKind::Fleet, Some(first)) => {
                let message = "the fleet has two `kind: Fleet` documents";
                let diagnostic = Diagnostic::new(Code::SecondFleet, message)
                    .label(value_place(&node, "/kind").label(files, "the second"))
                    .label(value_place(first, "/kind").label(files, "the first"));
                found.push(diagnostic);
            }
        }
    }
}

fn is_fleet_file(name: &str) -> bool {
    matches!(name.rsplit('/').next(), Some("fleet.yaml" | "fleet.yml"))
}

pub(super) fn value_place<'a>(node: &'a Node, pointer: &str) -> &'a Place {
    node.find(pointer)
        .map_or(&node.place, |found| found.place())
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
    let name = &files[node.place.file].name;
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

/// What must be unique about a cluster.
pub(super) struct Seen {
    pub(super) id: Option<ClusterId>,
    /// Context, namespace, base name of the objects.
    objects: Option<(String, String, String)>,
    place: Place,
}

impl Seen {
    fn of(draft: &Draft<'_>) -> Self {
        let id = draft.id();
        let objects = id.as_ref().and_then(|id| {
            let namespace = draft.namespace()?.to_owned();
            Some((
                id.context.clone(),
                namespace,
                draft.object_name()?.0.to_owned(),
            ))
        });
        Self {
            id,
            objects,
            place: draft.place("/metadata/name").clone(),
        }
    }
}

fn duplicates(seen: &[Seen], files: &[SourceFile], found: &mut Vec<Diagnostic>) {
    let mut ids: BTreeMap<&ClusterId, &Seen> = BTreeMap::new();
    let mut objects = BTreeMap::new();
    for this in seen {
        let same_id = this
            .id
            .as_ref()
            .and_then(|id| Some((id, ids.insert(id, this)?)));
        let same_objects = this
            .objects
            .as_ref()
            .and_then(|o| Some((o, objects.insert(o, this)?)));
        let (message, first) = match (same_id, same_objects) {
            (Some((id, first)), _) => (format!("the cluster `{id}` is described twice"), first),
            (None, Some(((context, namespace, name), first))) => (
                format!("two clusters have objects named `{name}` in `{namespace}` of `{context}`"),
                first,
            ),
            (None, None) => continue,
        };
        let diagnostic = Diagnostic::new(Code::DuplicateId, message)
            .label(this.place.label(files, "here"))
            .label(first.place.label(files, "and here"));
        found.push(diagnostic);
    }
}
