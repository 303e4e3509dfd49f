//! Files → fleet: parse, check shapes, layer, check values, build. A file goes through all of it at once, so that its tree
//! is gone before the next one is made, and takes no memory of its own.

use std::collections::HashMap;
use std::hash::Hash;

use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelIterator as _, IntoParallelRefIterator as _,
    ParallelIterator as _,
};

use super::build::build;
use super::checks::CHECKS;
use super::draft::Draft;
use super::file::{Read, is_fleet_file, value_place};
use super::limits::{Ahead, MAX_FINDINGS, MAX_FINDINGS_LOOKED_AT};
use super::shared::{Clusters, FleetParts};
use super::tree::{Node, Place, Size};
use super::{ClusterId, ClusterSpec, DocumentKind, Fleet};
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
    let early = early(files);
    let document = early.iter().flatten().find_map(Read::fleet);
    let mut found = Vec::new();
    let fleet = FleetParts::new(document, files, &mut found);
    let mut documents = Documents::new(&fleet, files);
    documents.read(early);
    let (clusters, mut more) = documents.finish(all);
    found.append(&mut more);
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

/// The files that the fleet's own document is in, since no other can be drafted without it: by their names, or else all.
fn early(files: &[SourceFile]) -> Vec<Option<Read>> {
    let read = |wanted: fn(&str) -> bool| -> Vec<Option<Read>> {
        let ahead = Ahead::default();
        let read = files.par_iter().enumerate().map(|(index, file)| {
            let wanted = wanted(&file.name) && !ahead.is_enough();
            let read = wanted.then(|| Read::new(files, index))?;
            ahead.add(read.size, read.found.len());
            Some(read)
        });
        let read = read.collect();
        // Which of too many come first would depend on the cores: each waits for its turn.
        if ahead.is_enough() {
            return files.iter().map(|_| None).collect();
        }
        read
    };
    let named = read(is_fleet_file);
    if named.iter().flatten().any(|read| read.fleet().is_some()) {
        return named;
    }
    read(|_| true)
}

/// What comes of one cluster's document.
struct Drafted {
    size: Size,
    found: Vec<Diagnostic>,
    seen: Seen,
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

/// What comes of one file.
struct Drafts {
    /// Without its documents.
    read: Read,
    /// Where one says that it is the fleet's own.
    fleets: Vec<Place>,
    /// Clusters', or the documents of those that are left to their turn.
    clusters: Vec<Result<Drafted, Node>>,
}

impl Drafts {
    fn new(mut read: Read, fleet: &FleetParts, files: &[SourceFile], ahead: &Ahead) -> Self {
        let (mut fleets, mut clusters) = (Vec::new(), Vec::new());
        for (kind, document) in std::mem::take(&mut read.documents) {
            match kind {
                DocumentKind::Fleet => fleets.push(value_place(&document, "/kind")),
                DocumentKind::EtcdCluster if ahead.is_enough() => clusters.push(Err(document)),
                DocumentKind::EtcdCluster => {
                    let drafted = Drafted::new(fleet, document, files);
                    ahead.add(drafted.size, drafted.found.len());
                    clusters.push(Ok(drafted));
                }
            }
        }
        Self {
            read,
            fleets,
            clusters,
        }
    }
}

/// All files, in their order.
struct Documents<'f> {
    fleet: &'f FleetParts,
    files: &'f [SourceFile],
    found: Vec<Diagnostic>,
    size: Size,
    /// Where the fleet's own document says that it is that.
    own: Option<Place>,
    /// The fleet's own document may be in what could not be read.
    unread: bool,
    /// Nothing was left out for its size.
    whole: bool,
    drafted: DraftedClusters,
}

/// Those of all files.
#[derive(Default)]
struct DraftedClusters {
    size: Size,
    gathered: Gathered,
    seen: Vec<Seen>,
    clusters: Clusters,
    /// It is too much: no more are looked at.
    given_up: bool,
}

impl<'f> Documents<'f> {
    fn new(fleet: &'f FleetParts, files: &'f [SourceFile]) -> Self {
        Self {
            fleet,
            files,
            found: Vec::new(),
            size: Size::default(),
            own: None,
            unread: false,
            whole: true,
            drafted: DraftedClusters::default(),
        }
    }

    /// All files, each on its own.
    fn read(&mut self, early: Vec<Option<Read>>) {
        let (fleet, files) = (self.fleet, self.files);
        let (read_ahead, drafted_ahead) = (Ahead::default(), Ahead::default());
        let drafts = |read| Drafts::new(read, fleet, files, &drafted_ahead);
        let ahead = early.into_par_iter().enumerate().map(|(index, early)| {
            let read = || (!read_ahead.is_enough()).then(|| Read::new(files, index));
            let read = early.or_else(read)?;
            read_ahead.add(read.size, read.found.len());
            Some(drafts(read))
        });
        let ahead: Vec<Option<Drafts>> = ahead.collect();
        for (index, ahead) in ahead.into_iter().enumerate() {
            self.add(ahead.unwrap_or_else(|| drafts(Read::new(files, index))));
            let given_up = self.size.beyond().or_else(|| too_many(self.found.len()));
            if let Some(message) = given_up {
                let found = given_up_at(&Place::start(index), message, files);
                self.found.push(found);
                (self.unread, self.whole) = (true, false);
                break;
            }
        }
        if self.own.is_none() && !self.unread {
            let message = "there is no `kind: Fleet` document";
            let help =
                "give the directory a `fleet.yaml`; `reconcile schema fleet` shows its fields";
            let found = Diagnostic::new(Code::NoFleet, message).help(help);
            self.found.push(found);
        }
    }

    fn add(&mut self, mut drafts: Drafts) {
        self.found.append(&mut drafts.read.found);
        self.size += drafts.read.size;
        self.unread |= drafts.read.unread;
        self.whole &= drafts.read.whole;
        for place in drafts.fleets {
            let Some(first) = self.own else {
                self.own = Some(place);
                continue;
            };
            let message = "the fleet has two `kind: Fleet` documents";
            let found = Diagnostic::new(Code::SecondFleet, message)
                .label(place.label(self.files, "the second"))
                .label(first.label(self.files, "the first"));
            self.found.push(found);
        }
        for drafted in drafts.clusters {
            if self.drafted.given_up {
                break;
            }
            let new = |document| Drafted::new(self.fleet, document, self.files);
            let drafted = drafted.unwrap_or_else(new);
            let place = drafted.seen.place;
            if let Some(message) = self.drafted.add(drafted) {
                let found = given_up_at(&place, message, self.files);
                self.found.push(found);
                self.whole = false;
            }
        }
    }

    /// The clusters, sorted, and all that was found; what takes all of them is looked at now.
    fn finish(self, all: bool) -> (Clusters, Vec<Diagnostic>) {
        let DraftedClusters {
            gathered,
            seen,
            mut clusters,
            ..
        } = self.drafted;
        let mut found = self.found;
        found.extend(gathered.findings);
        let look_at_all = || {
            duplicates(&seen, self.files, &mut found);
            if self.whole && all {
                self.fleet.check_canaries(&seen, self.files, &mut found);
            }
        };
        rayon::join(look_at_all, || clusters.sort_by(|a, b| a.id.cmp(&b.id)));
        (clusters, found)
    }
}

impl DraftedClusters {
    /// Why no more of them are looked at.
    fn add(&mut self, drafted: Drafted) -> Option<String> {
        self.size += drafted.size;
        let given_up = self.size.beyond();
        let given_up = given_up.or_else(|| self.gathered.add(drafted.found));
        self.given_up = given_up.is_some();
        if !self.given_up {
            self.seen.push(drafted.seen);
            self.clusters.extend(drafted.cluster);
        }
        given_up
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

/// For each of them the last one before it that has the same.
fn earlier<'s, K: Eq + Hash>(
    seen: &'s [Seen],
    has: impl Fn(&'s Seen) -> Option<K>,
) -> Vec<Option<&'s Seen>> {
    let mut last = HashMap::with_capacity(seen.len());
    let earlier = seen.iter().map(|this| last.insert(has(this)?, this));
    earlier.collect()
}

fn duplicates(seen: &[Seen], files: &[SourceFile], found: &mut Vec<Diagnostic>) {
    let (ids, objects) = rayon::join(
        || earlier(seen, |this| this.id.as_ref()),
        || earlier(seen, |this| this.objects.as_ref()),
    );
    for ((this, same_id), same_objects) in seen.iter().zip(ids).zip(objects) {
        let same_id = same_id.zip(this.id.as_ref());
        let (message, first) = match (same_id, same_objects.zip(this.objects.as_ref())) {
            (Some((first, id)), _) => (format!("the cluster `{id}` is described twice"), first),
            (None, Some((first, (context, namespace, name)))) => (
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
