//! Files → fleet: parse, check shapes, layer, check values, build.

use std::collections::BTreeMap;

use super::build::build;
use super::checks::CHECKS;
use super::documents::{ContextEntry, RolloutSpec};
use super::draft::{Draft, typed};
use super::layer::merge;
use super::nearest::nearest;
use super::tree::{Entry, Kind, Node, pointer_part};
use super::{
    ClusterId, ClusterSpec, Context, ContextSource, DocumentKind, Fleet, Rollout, parse, shape,
};
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
    for document in &documents.clusters {
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

fn value_place<'a>(node: &'a Node, pointer: &str) -> &'a super::tree::Place {
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

/// What clusters need of the fleet's document, as far as it could be read.
struct FleetParts {
    name: String,
    /// `None`: could not be read, so that no cluster is blamed for it.
    contexts: Option<BTreeMap<String, Option<Context>>>,
    rollout: Option<RolloutSpec>,
    suspend: bool,
    document: Node,
}

impl FleetParts {
    fn new(document: Option<&Node>, files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Self {
        let document = document.cloned().unwrap_or_else(|| Node {
            place: super::tree::Place::default(),
            kind: Kind::Reported,
        });
        let text = |pointer| document.find(pointer).and_then(|found| found.node.text());
        let contexts = document.find("/spec/contexts");
        let contexts = contexts.filter(|contexts| contexts.node.kind != Kind::Reported);
        let contexts = contexts.map(|contexts| {
            let entries = contexts.node.entries().iter();
            let read = entries.map(|entry| (entry.key.clone(), context(entry, files, found)));
            read.collect()
        });
        let suspend = document
            .find("/spec/suspend")
            .map(|found| found.node.to_json());
        Self {
            name: text("/metadata/name").unwrap_or_default().to_owned(),
            contexts,
            rollout: typed(&document, "/spec/rollout", files, found),
            suspend: suspend == Some(serde_json::Value::Bool(true)),
            document,
        }
    }

    /// The cluster's document laid over its profile and the defaults, as a draft.
    fn draft<'a>(&self, document: &Node, files: &'a [SourceFile]) -> Draft<'a> {
        let mut found = Vec::new();
        let mut tree = document.clone();
        if let Kind::Map(entries) = &mut tree.kind
            && let Some(spec) = entries.iter_mut().find(|entry| entry.key == "spec")
        {
            let wanted = spec.value.get("profile").cloned();
            if let Some(base) = self.base(wanted.as_ref(), files, &mut found) {
                spec.value = merge(&base, &spec.value);
            }
        }
        let mut draft = Draft::new(tree, files);
        draft.found.append(&mut found);
        self.check_context(&mut draft);
        draft
    }

    /// Defaults with the profile on them.
    fn base(
        &self,
        profile: Option<&Node>,
        files: &[SourceFile],
        found: &mut Vec<Diagnostic>,
    ) -> Option<Node> {
        let defaults = self.document.find("/spec/defaults").map(|found| found.node);
        let Some((place, name)) = profile.and_then(|node| Some((&node.place, node.text()?))) else {
            return defaults.cloned();
        };
        let pointer = format!("/spec/profiles/{}", pointer_part(name));
        match (self.document.find(&pointer), defaults) {
            (Some(profile), Some(defaults)) => Some(merge(defaults, profile.node)),
            (Some(profile), None) => Some(profile.node.clone()),
            (None, defaults) => {
                if self.document.kind != Kind::Reported {
                    let profiles = self.document.find("/spec/profiles");
                    let known = profiles
                        .map(|found| found.node.entries())
                        .unwrap_or_default();
                    let known = known.iter().map(|entry| entry.key.as_str());
                    let label = place.label(files, "no such profile in fleet.yaml");
                    let message = format!("unknown profile `{name}`");
                    let diagnostic = Diagnostic::new(Code::UnknownProfile, message).label(label);
                    found.push(suggest(diagnostic, name, known));
                }
                defaults.cloned()
            }
        }
    }

    fn check_context(&self, draft: &mut Draft<'_>) {
        let (Some(contexts), Some(name)) = (&self.contexts, &draft.layer.context) else {
            return;
        };
        if !contexts.contains_key(&name.0) {
            let message = format!("unknown context `{}`", name.0);
            let label = draft.label("/spec/context", "no such context in fleet.yaml");
            let diagnostic = Diagnostic::new(Code::UnknownContext, message).label(label);
            let known = contexts.keys().map(String::as_str);
            draft.found.push(suggest(diagnostic, &name.0, known));
        }
    }

    fn check_canaries(&self, seen: &[Seen], files: &[SourceFile], found: &mut Vec<Diagnostic>) {
        let canaries = self
            .rollout
            .iter()
            .flat_map(|rollout| rollout.canary.iter().flatten());
        for (index, canary) in canaries.enumerate() {
            let known = || seen.iter().filter_map(|seen| seen.id.as_ref());
            if known().any(|id| id.to_string() == canary.0) {
                continue;
            }
            let place = value_place(&self.document, &format!("/spec/rollout/canary/{index}"));
            let message = format!("unknown canary `{}`", canary.0);
            let label = place.label(files, "no such cluster in the fleet");
            let diagnostic = Diagnostic::new(Code::UnknownCanary, message).label(label);
            let names: Vec<String> = known().map(ToString::to_string).collect();
            found.push(suggest(
                diagnostic,
                &canary.0,
                names.iter().map(String::as_str),
            ));
        }
    }

    fn finish(self, clusters: Vec<ClusterSpec>) -> Fleet {
        let default = Rollout::default();
        let rollout = self
            .rollout
            .map_or_else(Rollout::default, |rollout| Rollout {
                canary: rollout
                    .canary
                    .into_iter()
                    .flatten()
                    .filter_map(|id| id.0.try_into().ok())
                    .collect(),
                max_parallel: rollout.max_parallel.unwrap_or(default.max_parallel),
                stop_after_failures: rollout
                    .stop_after_failures
                    .unwrap_or(default.stop_after_failures),
            });
        let contexts = self.contexts.into_iter().flatten();
        Fleet {
            name: self.name,
            contexts: contexts
                .filter_map(|(name, context)| Some((name, context?)))
                .collect(),
            clusters,
            rollout,
        }
    }
}

fn suggest<'a>(
    diagnostic: Diagnostic,
    word: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Diagnostic {
    if let Some(near) = nearest(word, known.clone()) {
        return diagnostic.help(format!("did you mean `{near}`?"));
    }
    let known: Vec<String> = known.take(12).map(|name| format!("`{name}`")).collect();
    match known.as_slice() {
        [] => diagnostic.help("there are none at all"),
        known => diagnostic.help(format!("known are {}", known.join(", "))),
    }
}

fn context(entry: &Entry, files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Option<Context> {
    if entry.value.kind == Kind::Reported {
        return None;
    }
    let read: ContextEntry = typed(&entry.value, "", files, found)?;
    let incomplete = entry
        .value
        .entries()
        .iter()
        .any(|e| e.value.kind == Kind::Reported);
    let kube_context = read.kube_context.map(ContextSource::KubeContext);
    let kubeconfig = read.kubeconfig.map(|config| ContextSource::Kubeconfig {
        path: config.path,
        context: config.context,
    });
    let in_cluster = read.in_cluster.map(|_| ContextSource::InCluster);
    let mut sources: Vec<ContextSource> = [kube_context, kubeconfig, in_cluster]
        .into_iter()
        .flatten()
        .collect();
    if sources.len() != 1 && !incomplete {
        let ways = if sources.is_empty() {
            "no way"
        } else {
            "more than one way"
        };
        let message = format!("context `{}` has {ways} to be reached", entry.key);
        let diagnostic = Diagnostic::new(Code::ContextSource, message)
            .label(entry.key_place.label(files, "this context"))
            .help("give exactly one of `kubeContext: NAME`, `kubeconfig: {path: FILE}` and `inCluster: {}`");
        found.push(diagnostic);
    }
    sources.pop().map(|source| Context {
        source,
        cluster_uid: read.cluster_uid,
    })
}

/// What must be unique about a cluster.
struct Seen {
    id: Option<ClusterId>,
    /// Context, namespace, base name of the objects.
    objects: Option<(String, String, String)>,
    place: super::tree::Place,
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
