//! Files → fleet: parse, check shapes, layer, check values, build.

use std::collections::HashMap;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};

use super::build::build;
use super::checks::CHECKS;
use super::draft::Draft;
use super::limits::{Ahead, MAX_DOCUMENT_VALUES, MAX_FINDINGS, MAX_FINDINGS_LOOKED_AT};
use super::nearest::nearest;
use super::shared::FleetParts;
use super::tree::{Node, Place, Size};
use super::{ClusterId, ClusterSpec, DocumentKind, Fleet, parse, shape};
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
    read(files, true)
}

/// A part of a fleet: its own document and some clusters'. A canary that is not among them is no finding.
pub fn load_part(files: &[SourceFile]) -> Loaded {
    read(files, false)
}

fn read(files: &[SourceFile], all: bool) -> Loaded {
    let mut found = Vec::new();
    let documents = sort_out(files, &mut found);
    let fleet = FleetParts::new(documents.fleet.as_ref(), files, &mut found);
    let ahead = Ahead::default();
    let drafted = documents.clusters.into_par_iter().map(|document| {
        if ahead.is_enough() {
            return Err(document);
        }
        let drafted = Drafted::new(&fleet, document, files);
        ahead.add(drafted.size, drafted.found.len());
        Ok(drafted)
    });
    let drafted: Vec<Result<Drafted, Node>> = drafted.collect();
    let (mut clusters, mut seen) = (Vec::new(), Vec::new());
    let (mut size, mut gathered) = (Size::default(), Gathered::default());
    let mut whole = documents.whole && all;
    for drafted in drafted {
        let drafted = drafted.unwrap_or_else(|document| Drafted::new(&fleet, document, files));
        size += drafted.size;
        let given_up = size.beyond().or_else(|| gathered.add(drafted.found));
        if let Some(message) = given_up {
            found.push(given_up_at(&drafted.seen.place, message, files));
            whole = false;
            break;
        }
        seen.push(drafted.seen);
        clusters.extend(drafted.cluster);
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

/// What comes of one cluster's document.
struct Drafted {
    size: Size,
    found: Vec<Diagnostic>,
    seen: Seen,
    /// By its place: it is more than a kilobyte, and sorted and handed on.
    cluster: Option<Box<ClusterSpec>>,
}

impl Drafted {
    fn new(fleet: &FleetParts, document: Node, files: &[SourceFile]) -> Self {
        let mut draft = fleet.draft(document, files);
        for check in CHECKS {
            check(&mut draft);
        }
        Self {
            size: draft.tree.size(),
            found: std::mem::take(&mut draft.found),
            seen: Seen::of(&draft),
            cluster: build(draft, fleet).map(Box::new),
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

/// What one file holds.
struct Read {
    documents: Vec<(DocumentKind, Node)>,
    found: Vec<Diagnostic>,
    unread: bool,
    whole: bool,
    size: Size,
}

impl Read {
    /// Parses a file and finds out which document is what; shapes are checked on the way.
    fn new(files: &[SourceFile], index: usize) -> Self {
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

/// All files, each on its own.
fn sort_out(files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Documents {
    let mut documents = Documents {
        fleet: None,
        clusters: Vec::new(),
        unread: false,
        whole: true,
        size: Size::default(),
    };
    let ahead = Ahead::default();
    let early = (0..files.len()).into_par_iter().map(|index| {
        let read = (!ahead.is_enough()).then(|| Read::new(files, index))?;
        ahead.add(read.size, read.found.len());
        Some(read)
    });
    let early: Vec<Option<Read>> = early.collect();
    for (index, read) in early.into_iter().enumerate() {
        let read = read.unwrap_or_else(|| Read::new(files, index));
        documents.add(read, files, found);
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
    fn add(&mut self, mut read: Read, files: &[SourceFile], found: &mut Vec<Diagnostic>) {
        found.append(&mut read.found);
        self.size += read.size;
        self.unread |= read.unread;
        self.whole &= read.whole;
        for (kind, node) in read.documents {
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
}

fn is_fleet_file(name: &str) -> bool {
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
            place: draft.place("/metadata/name"),
        }
    }
}

fn duplicates(seen: &[Seen], files: &[SourceFile], found: &mut Vec<Diagnostic>) {
    let mut ids: HashMap<&ClusterId, &Seen> = HashMap::with_capacity(seen.len());
    let mut objects = HashMap::with_capacity(seen.len());
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
