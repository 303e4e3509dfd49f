//! Where snapshots are kept: a directory, or objects in a cloud's store. Nothing in here deletes a snapshot.
//!
//! A snapshot is two files, `<stem>.db` and its manifest `<stem>.json`, which is written last: without it there is no
//! snapshot. The stem says when it was taken, at which revision and of which etcd cluster, so that a list needs no
//! download. A third one, `<stem>.broken`, says that a later look found it damaged.

mod answer;
mod cloud;
mod directory;
mod error;
mod manifest;
mod name;
mod objects;
mod restore;
mod take;
mod trailer;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;

use super::live::{Scrubber, Secret};
use crate::fleet::{ClusterSpec, SNAPSHOTS_AT_HOME, SnapshotStore};
use crate::state::{SnapshotFacts, Snapshots};
use directory::{Directory, FileWriting};
use objects::{ObjectWriting, Objects};

pub use error::{SnapshotError, StoreError};
pub use manifest::Manifest;
pub use name::Stem;
pub use restore::{Etcdutl, Restored};
pub use take::{Progress, Source, Taking};
pub use trailer::{Digest, Trailer};
pub use verify::Verified;

/// Values of the Secret that `backup.store` names.
pub type Keys = BTreeMap<String, Secret<Vec<u8>>>;

/// What one cluster keeps its snapshots in.
#[derive(Debug)]
pub struct Store {
    /// `<store>/<context>/<name>`.
    place: String,
    keeper: Keeper,
    scrubber: Scrubber,
}

#[derive(Debug)]
enum Keeper {
    Directory(Directory),
    Objects(Objects),
}

/// A file as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: String,
    size: u64,
}

impl Store {
    /// Reaches nothing yet. `keys` are those of the Secret that the store names; `state_home` is where snapshots go
    /// without a store.
    pub fn open(
        spec: &ClusterSpec,
        keys: Option<&Keys>,
        state_home: Option<&Path>,
    ) -> Result<Self, StoreError> {
        let folder = spec.snapshots_folder();
        let mut scrubber = Scrubber::default();
        for value in keys.into_iter().flatten().map(|(_, value)| value) {
            scrubber.learn(value.expose());
        }
        let directory = |root: &Path| {
            let path = root.join(&folder);
            (
                path.display().to_string(),
                Keeper::Directory(Directory::new(path)),
            )
        };
        let (place, keeper) = match &spec.backup.store {
            None if spec.policy.require_store => return Err(StoreError::Required),
            None => directory(&default_root(spec, state_home)?),
            Some(SnapshotStore::Path(path)) => directory(Path::new(path)),
            Some(store) => {
                let objects = Objects::open(store, &folder, keys)
                    .map_err(|error| error.scrubbed(&scrubber))?;
                (format!("{store}/{folder}"), Keeper::Objects(objects))
            }
        };
        Ok(Self {
            place,
            keeper,
            scrubber,
        })
    }

    /// As a path or URL, free of secrets.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// There may be something to list: a directory that was never made holds nothing.
    pub fn may_hold(&self) -> bool {
        match &self.keeper {
            Keeper::Directory(directory) => directory.exists(),
            Keeper::Objects(_) => true,
        }
    }

    /// All whole snapshots, the newest first. One LIST, nothing downloaded.
    pub async fn list(&self) -> Result<Vec<SnapshotFacts>, StoreError> {
        let entries = match &self.keeper {
            Keeper::Directory(directory) => directory.list().await,
            Keeper::Objects(objects) => objects.list().await,
        };
        Ok(self.facts(&entries.map_err(|error| self.clean(error))?))
    }

    /// The list in short, as an observation has it.
    pub async fn snapshots(&self) -> Result<Snapshots, StoreError> {
        Ok(Snapshots::of(&self.list().await?))
    }

    fn facts(&self, entries: &[Entry]) -> Vec<SnapshotFacts> {
        let has = |name: String| entries.iter().any(|entry| entry.name == name);
        let mut found: Vec<SnapshotFacts> = entries
            .iter()
            .filter_map(|entry| Some((entry, entry.name.strip_suffix(".db")?)))
            .filter(|(_, stem)| has(format!("{stem}.json")))
            .filter_map(|(entry, text)| {
                let stem = Stem::parse(text)?;
                Some(SnapshotFacts {
                    taken: stem.taken,
                    revision: stem.revision,
                    size: entry.size,
                    cluster_id: stem.cluster_id,
                    verified: !has(format!("{text}.broken")),
                    place: format!("{}/{}", self.place, entry.name),
                })
            })
            .collect();
        found.sort_by_key(|facts| std::cmp::Reverse((facts.taken, facts.revision)));
        found
    }

    /// The bytes of a file, in order, bounded pieces.
    async fn read(
        &self,
        name: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        let stream = match &self.keeper {
            Keeper::Directory(directory) => directory.read(name).await,
            Keeper::Objects(objects) => objects.read(name).await,
        };
        let scrubber = self.scrubber.clone();
        let stream = stream.map_err(|error| self.clean(error))?;
        Ok(stream
            .map(move |piece| piece.map_err(|error| error.scrubbed(&scrubber)))
            .boxed())
    }

    async fn write(&self, name: &str) -> Result<Writing, StoreError> {
        let writing = match &self.keeper {
            Keeper::Directory(directory) => directory.write(name).await.map(Writing::File),
            Keeper::Objects(objects) => objects.write(name).await.map(Writing::Object),
        };
        writing.map_err(|error| self.clean(error))
    }

    /// A few bytes, whole or not at all.
    async fn put(&self, name: &str, text: String) -> Result<(), StoreError> {
        let put = match &self.keeper {
            Keeper::Directory(directory) => directory.put(name, text.into_bytes()).await,
            Keeper::Objects(objects) => objects.put(name, text.into_bytes()).await,
        };
        put.map_err(|error| self.clean(error))
    }

    fn clean(&self, error: StoreError) -> StoreError {
        error.scrubbed(&self.scrubber)
    }
}

/// `$XDG_STATE_HOME/reconcile/snapshots/<fleet>`.
fn default_root(
    spec: &ClusterSpec,
    state_home: Option<&Path>,
) -> Result<std::path::PathBuf, StoreError> {
    let home = state_home.ok_or(StoreError::NoHome)?;
    Ok(home.join(SNAPSHOTS_AT_HOME).join(&spec.fleet))
}

/// `XDG_STATE_HOME`, else `~/.local/state`.
pub fn state_home() -> Option<std::path::PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let given = set("XDG_STATE_HOME").map(std::path::PathBuf::from);
    given
        .filter(|path| path.is_absolute())
        .or_else(|| Some(std::path::PathBuf::from(set("HOME")?).join(".local/state")))
}

/// A file that does not exist yet for anybody else.
enum Writing {
    File(FileWriting),
    Object(ObjectWriting),
}

impl Writing {
    async fn push(&mut self, piece: Bytes) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.push(&piece).await,
            Self::Object(object) => object.push(piece).await,
        }
    }

    /// From here on it exists, with all of its bytes.
    async fn commit(self) -> Result<(), StoreError> {
        match self {
            Self::File(file) => file.commit().await,
            Self::Object(object) => object.commit().await,
        }
    }

    /// Nothing of it stays.
    async fn abandon(self) {
        match self {
            Self::File(file) => drop(file),
            Self::Object(object) => object.abandon().await,
        }
    }
}
