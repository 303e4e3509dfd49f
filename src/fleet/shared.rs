//! The fleet's own document: contexts, layers for its clusters, rollout.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::checks::is_value;
use super::documents::{ContextEntry, RolloutSpec};
use super::draft::{Draft, typed};
use super::file::value_place;
use super::layer::merge;
use super::load::Seen;
use super::nearest::nearest;
use super::tree::{Entry, Kind, Node, Place};
use super::{ClusterId, ClusterSpec, Context, ContextSource, Fleet, Rollout};
use crate::diag::{Code, Diagnostic, SourceFile};

/// By their places: each is more than a kilobyte, and they are sorted and handed on.
pub(super) type Clusters = Vec<Box<ClusterSpec>>;

/// What clusters need of the fleet's document, as far as it could be read.
pub(super) struct FleetParts {
    pub(super) name: String,
    /// `None`: could not be read, so that no cluster is blamed for it.
    contexts: Option<BTreeMap<String, Option<Context>>>,
    rollout: Option<RolloutSpec>,
    pub(super) suspend: bool,
    /// The names of all files.
    pub(super) files: Arc<[String]>,
    document: Node,
    /// Each profile laid on the defaults, by name.
    profiles: BTreeMap<String, Node>,
}

impl FleetParts {
    pub(super) fn new(
        document: Option<&Node>,
        files: &[SourceFile],
        found: &mut Vec<Diagnostic>,
    ) -> Self {
        let document = document.cloned().unwrap_or_else(|| Node {
            place: Place::default(),
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
        check_names(&document, files, found);
        let suspend = document
            .find("/spec/suspend")
            .map(|found| found.node.to_json());
        Self {
            name: text("/metadata/name").unwrap_or_default().to_owned(),
            contexts,
            rollout: typed(&document, "/spec/rollout", files, found),
            suspend: suspend == Some(serde_json::Value::Bool(true)),
            files: files.iter().map(|file| file.name.clone()).collect(),
            profiles: profiles(&document),
            document,
        }
    }

    /// The cluster's document laid over its profile and the defaults, as a draft.
    pub(super) fn draft<'a>(&self, document: Node, files: &'a [SourceFile]) -> Draft<'a> {
        let mut found = Vec::new();
        let mut tree = document;
        if let Kind::Map(entries) = &mut tree.kind
            && let Some(spec) = entries.iter_mut().find(|entry| entry.key == "spec")
        {
            let wanted = spec.value.get("profile").cloned();
            if let Some(base) = self.base(wanted.as_ref(), files, &mut found) {
                spec.value = merge(base, spec.value.take());
            }
        }
        let complete = found.is_empty() && self.document.kind != Kind::Reported;
        let mut draft = Draft::new(tree, files, complete);
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
    ) -> Option<&Node> {
        let defaults = self.document.find("/spec/defaults").map(|found| found.node);
        let Some((place, name)) = profile.and_then(|node| Some((&node.place, node.text()?))) else {
            return defaults;
        };
        if let Some(base) = self.profiles.get(name) {
            return Some(base);
        }
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
        defaults
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

    pub(super) fn check_canaries(
        &self,
        seen: &[Seen],
        files: &[SourceFile],
        found: &mut Vec<Diagnostic>,
    ) {
        let canaries = self
            .rollout
            .iter()
            .flat_map(|rollout| rollout.canary.iter().flatten());
        let ids = || seen.iter().filter_map(|seen| seen.id.as_ref());
        // Of a large fleet all of their texts are a good part of what is done by one core alone.
        let known = LazyCell::new(|| ids().collect::<BTreeSet<_>>());
        let texts = LazyCell::new(|| ids().map(ToString::to_string).collect::<Vec<_>>());
        for (index, canary) in canaries.enumerate() {
            let id = ClusterId::try_from(canary.0.clone());
            if id.is_ok_and(|id| known.contains(&id)) {
                continue;
            }
            let place = value_place(&self.document, &format!("/spec/rollout/canary/{index}"));
            let message = format!("unknown canary `{}`", canary.0);
            let label = place.label(files, "no such cluster in the fleet");
            let diagnostic = Diagnostic::new(Code::UnknownCanary, message).label(label);
            let known = texts.iter().map(String::as_str);
            found.push(suggest(diagnostic, &canary.0, known));
        }
    }

    pub(super) fn finish(self, clusters: Clusters) -> Fleet {
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

/// Once for all clusters that have the same.
fn profiles(document: &Node) -> BTreeMap<String, Node> {
    let at = |pointer| document.find(pointer).map(|found| found.node);
    let defaults = at("/spec/defaults");
    let entries = at("/spec/profiles").map_or(&[][..], Node::entries).iter();
    let laid = entries.map(|Entry { key, value, .. }| {
        let value = value.clone();
        let laid = match defaults {
            Some(defaults) => merge(defaults, value),
            None => value,
        };
        (key.clone(), laid)
    });
    laid.collect()
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

/// The field that neither the defaults nor a profile can have.
pub(super) const IN_NO_LAYER: &str = "profile";

/// Names that become labels, and layers that must not refer to others.
fn check_names(document: &Node, files: &[SourceFile], found: &mut Vec<Diagnostic>) {
    for at in ["/spec/contexts", "/spec/profiles"] {
        let named = document.find(at).map(|found| found.node.entries());
        for entry in named.unwrap_or_default() {
            if entry.key.is_empty() || !is_value(&entry.key) {
                let message = format!("{:?} is not a Kubernetes label value", entry.key);
                let remark = "at most 63 letters, digits, `-`, `_` and `.`";
                let label = entry.key_place.label(files, remark);
                found.push(Diagnostic::new(Code::BadName, message).label(label));
            }
        }
    }
    let profiles = document
        .find("/spec/profiles")
        .map(|found| found.node.entries());
    let profiles = profiles
        .unwrap_or_default()
        .iter()
        .map(|entry| &entry.value);
    let defaults = document.find("/spec/defaults").map(|found| found.node);
    for layer in defaults.into_iter().chain(profiles) {
        if let Some(entry) = layer.entry(IN_NO_LAYER) {
            let message = "only a cluster can have a profile";
            let label = entry.key_place.label(files, "in the defaults or a profile");
            found.push(Diagnostic::new(Code::ProfileInLayer, message).label(label));
        }
    }
}
