//! A cluster on its way to a [`ClusterSpec`](super::ClusterSpec): the effective document, and its texts as values.

use std::str::FromStr;

use serde::de::DeserializeOwned;

use super::documents::SpecLayer;
use super::reading::Reading;
use super::text::{Duration, QuantityText, VersionText};
use super::tree::{Node, Place, dotted};
use super::{ClusterId, EtcdVersion, Quantity};
use crate::diag::{Code, Diagnostic, Label, SourceFile};

/// What etcd takes when `quota` is left out.
pub(super) const DEFAULT_QUOTA: u64 = 2 << 30;

/// An effective cluster document, values parsed as far as they can be.
pub(super) struct Draft<'a> {
    pub(super) files: &'a [SourceFile],
    /// Root mapping with `metadata` of the cluster and the merged `spec`.
    pub(super) tree: Node,
    pub(super) layer: SpecLayer,
    pub(super) name: Option<String>,
    pub(super) version: Option<EtcdVersion>,
    pub(super) size: Option<Quantity>,
    pub(super) quota: Option<Quantity>,
    pub(super) heartbeat_ms: u64,
    pub(super) election_ms: u64,
    pub(super) keep_ms: Option<u64>,
    /// All layers were there; else what is missing may have been said in the one that could not be read.
    pub(super) complete: bool,
    pub(super) found: Vec<Diagnostic>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(tree: Node, files: &'a [SourceFile], complete: bool) -> Self {
        let mut found = Vec::new();
        let layer = typed(&tree, "/spec", files, &mut found).unwrap_or_default();
        let metadata = tree.find("/metadata/name");
        let name = metadata
            .and_then(|name| name.node.text())
            .map(str::to_owned);
        let mut draft = Self {
            files,
            tree,
            layer,
            name,
            version: None,
            size: None,
            quota: None,
            heartbeat_ms: 100,
            election_ms: 1000,
            keep_ms: None,
            complete,
            found,
        };
        draft.parse_values();
        draft
    }

    fn parse_values(&mut self) {
        let version = self
            .layer
            .version
            .as_ref()
            .map(|VersionText(text)| text.clone());
        self.version = self.parsed(Code::BadVersion, "/spec/version", version);
        let text = |quantity: &QuantityText| quantity.0.clone();
        let storage = self.layer.storage.as_ref();
        let size = storage.and_then(|storage| storage.size.as_ref()).map(text);
        self.size = self.parsed(Code::BadQuantity, "/spec/storage/size", size);
        let etcd = self.layer.etcd.as_ref();
        let quota = etcd.and_then(|etcd| etcd.quota.as_ref()).map(text);
        self.quota = self.parsed(Code::BadQuantity, "/spec/etcd/quota", quota);
        let etcd = self.layer.etcd.as_ref();
        let heartbeat = etcd.and_then(|etcd| etcd.heartbeat_interval.clone());
        let election = etcd.and_then(|etcd| etcd.election_timeout.clone());
        if let Some(ms) = self.duration("/spec/etcd/heartbeatInterval", heartbeat.as_ref()) {
            self.heartbeat_ms = ms;
        }
        if let Some(ms) = self.duration("/spec/etcd/electionTimeout", election.as_ref()) {
            self.election_ms = ms;
        }
        let storage = self.layer.storage.as_ref();
        let migration = storage.and_then(|storage| storage.migration.as_ref());
        let keep = migration.and_then(|migration| migration.keep_old_volumes.clone());
        self.keep_ms = self.duration("/spec/storage/migration/keepOldVolumes", keep.as_ref());
    }

    /// The pattern has let it through, so only what is too large for its type fails here.
    fn parsed<T: FromStr>(&mut self, code: Code, at: &str, text: Option<String>) -> Option<T>
    where
        T::Err: std::fmt::Display,
    {
        match text?.parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.report(code, at, format!("`{}`: {error}", dotted(at)), "this");
                None
            }
        }
    }

    fn duration(&mut self, at: &str, text: Option<&Duration>) -> Option<u64> {
        let milliseconds = text?.milliseconds();
        if milliseconds.is_none() {
            self.report(
                Code::BadDuration,
                at,
                format!("`{}` is too long", dotted(at)),
                "this",
            );
        }
        milliseconds
    }

    /// Was written somewhere, right or wrong.
    pub(super) fn has(&self, pointer: &str) -> bool {
        self.tree.was_written(pointer)
    }

    /// Where to point for a field; for one that nobody wrote, its nearest parent.
    pub(super) fn place(&self, pointer: &str) -> Place {
        let mut at = pointer;
        loop {
            match (self.tree.find(at), at.rsplit_once('/')) {
                (Some(found), _) => return found.place(),
                (None, Some((parent, _))) => at = parent,
                (None, None) => return self.tree.place,
            }
        }
    }

    pub(super) fn label(&self, pointer: &str, text: impl Into<String>) -> Label {
        self.place(pointer).label(self.files, text)
    }

    pub(super) fn report(
        &mut self,
        code: Code,
        pointer: &str,
        message: impl Into<String>,
        remark: impl Into<String>,
    ) -> &mut Diagnostic {
        let label = self.label(pointer, remark);
        self.found.push(Diagnostic::new(code, message).label(label));
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// The same, where the key is what is wrong and not its value.
    pub(super) fn report_key(
        &mut self,
        code: Code,
        pointer: &str,
        message: impl Into<String>,
        remark: impl Into<String>,
    ) -> &mut Diagnostic {
        let found = self.tree.find(pointer);
        let place = found.map_or(self.tree.place, |found| found.key_place());
        let label = place.label(self.files, remark);
        let report = self.report(code, pointer, message, "");
        report.labels = vec![label];
        report
    }

    pub(super) fn id(&self) -> Option<ClusterId> {
        let context = self.layer.context.as_ref()?;
        Some(ClusterId::new(context.0.clone(), self.name.clone()?))
    }

    /// Base name of the objects, and the pointer to where it was said.
    pub(super) fn object_name(&self) -> Option<(&str, &'static str)> {
        let given = self.layer.backend.as_ref();
        let given = given.and_then(|b| b.stateful_set.as_ref()?.name.as_ref());
        match given {
            Some(name) => Some((&name.0, "/spec/backend/statefulSet/name")),
            None => Some((self.name.as_deref()?, "/metadata/name")),
        }
    }

    pub(super) fn namespace(&self) -> Option<&str> {
        let backend = self.layer.backend.as_ref()?;
        let namespace = backend.stateful_set.as_ref()?.namespace.as_ref()?;
        Some(&namespace.0)
    }
}

/// A part of a checked tree as its type. The schema has accepted it, so what still fails are numbers that do not fit.
pub(super) fn typed<T: DeserializeOwned>(
    tree: &Node,
    pointer: &str,
    files: &[SourceFile],
    found: &mut Vec<Diagnostic>,
) -> Option<T> {
    let part = tree.find(pointer)?;
    match T::deserialize(Reading(part.node)) {
        Ok(value) => Some(value),
        Err(error) => {
            let message = format!("`{}` could not be read: {error}", dotted(pointer));
            let label = part.place().label(files, "in here");
            found.push(Diagnostic::new(Code::WrongType, message).label(label));
            None
        }
    }
}
