//! Files → fleet: parse, check shapes, layer, check values, build.

use std::collections::BTreeMap;

use super::build::build;
use super::checks::CHECKS;
use super::draft::Draft;
use super::nearest::nearest;
use super::shared::FleetParts;
use super::tree::{Node, Place};
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
    let mut clusters = Vec::new();
    let mut seen = Vec::new();
    for document in documents.clusters {
        let mut draft = fleet.draft(document, files);
        for check in CHECKS {
            check(&mut draft);
        }
        found.append(&mut draft.found);
        seen.push(Seen::of(&draft));
        clusters.extend(build(draft, &fleet.name, fleet.suspend));
    }
    duplicates(&seen, files, &mut found);
    fleet.check_canaries(&seen, files, &mut found);
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

struct Documents {
    fleet: Option<Node>,
    clusters: Vec<Node>,
}

/// Parses all files and finds out which document is what; shapes are checked on the way.
fn sort_out(files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Documents {
    let mut fleet: Option<Node> = None;
    let mut clusters = Vec::new();
    let mut unread = false;
    for index in 0..files.len() {
        let nodes = parse::parse(files, index).unwrap_or_else(|diagnostic| {
            unread |= is_fleet_file(&files[index].name);
            found.push(diagnostic);
            Vec::new()
        });
        for mut node in nodes {
            let Some(kind) = kind_of(&node, files, found) else {
                unread |= is_fleet_file(&files[index].name);
                continue;
            };
            shape::check(kind, &mut node, files, found);
            misplaced(kind, &node, files, found);
            match (kind, &fleet) {
                (DocumentKind::EtcdCluster, _) => clusters.push(node),
                (DocumentKind::Fleet, None) => fleet = Some(node),
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
    if fleet.is_none() && !unread {
        let message = "there is no `kind: Fleet` document";
        let help = "give the directory a `fleet.yaml`; `reconcile schema fleet` shows its fields";
        found.push(Diagnostic::new(Code::NoFleet, message).help(help));
    }
    Documents { fleet, clusters }
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
