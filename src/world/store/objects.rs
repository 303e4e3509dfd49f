//! Objects in a cloud's store, through `object_store`: uploads in parts, which nobody sees before the last one.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload, WriteMultipart};

use super::answer::said;
use super::cloud::{azure, gcs, s3};
use super::{Entry, Keys, StoreError};
use crate::fleet::SnapshotStore;

/// Ten thousand parts of it, the most that S3 takes, are 80 GiB: ten times what etcd is tested for.
const PART: usize = 8 << 20;
/// Parts on their way at once, beside the one that is being filled: memory stays at 24 MiB.
const PARTS_AT_ONCE: usize = 2;

pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// `<prefix>/<context>/<name>`.
    folder: Path,
    /// For messages.
    place: String,
}

/// The clients' own shows the credentials.
impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Objects({}, {})", self.place, self.folder)
    }
}

impl Objects {
    pub(super) fn open(
        store: &SnapshotStore,
        folder: &str,
        keys: Option<&Keys>,
    ) -> Result<Self, StoreError> {
        // The client takes the process's provider, and panics where none was installed; a second time is harmless.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let place = store.to_string();
        let (client, prefix) = match store {
            SnapshotStore::Path(path) => {
                return Err(StoreError::failed(path, "it is a directory"));
            }
            SnapshotStore::S3 { prefix, .. } => (s3(store, keys), prefix),
            SnapshotStore::Gcs { prefix, .. } => (gcs(store, keys), prefix),
            SnapshotStore::Azure { prefix, .. } => (azure(store, keys), prefix),
        };
        let whole = match prefix {
            Some(prefix) => format!("{prefix}/{folder}"),
            None => folder.to_owned(),
        };
        Ok(Self {
            store: client?,
            folder: Path::from(whole),
            place,
        })
    }

    pub(super) async fn list(&self) -> Result<Vec<Entry>, StoreError> {
        let found = self.store.list_with_delimiter(Some(&self.folder)).await;
        let found = found.map_err(|error| self.error(&error))?;
        let entries = found.objects.into_iter().filter_map(|object| {
            Some(Entry {
                name: object.location.filename()?.to_owned(),
                size: object.size,
            })
        });
        Ok(entries.collect())
    }

    pub(super) async fn read(
        &self,
        name: &str,
    ) -> Result<BoxStream<'static, Result<Bytes, StoreError>>, StoreError> {
        let got = self.store.get(&self.path(name)).await;
        let got = got.map_err(|error| self.error(&error))?;
        let place = self.place.clone();
        let pieces = got.into_stream();
        Ok(pieces
            .map(move |piece| piece.map_err(|error| said(&place, &error)))
            .boxed())
    }

    pub(super) async fn write(&self, name: &str) -> Result<ObjectWriting, StoreError> {
        let path = self.path(name);
        let upload = self.store.put_multipart(&path).await;
        let upload = upload.map_err(|error| self.error(&error))?;
        Ok(ObjectWriting {
            upload: WriteMultipart::new_with_chunk_size(upload, PART),
            store: Arc::clone(&self.store),
            path,
            place: self.place.clone(),
            size: 0,
        })
    }

    pub(super) async fn put(&self, name: &str, content: Vec<u8>) -> Result<(), StoreError> {
        let put = self
            .store
            .put(&self.path(name), PutPayload::from(content))
            .await;
        put.map(drop).map_err(|error| self.error(&error))
    }

    fn path(&self, name: &str) -> Path {
        self.folder.clone().join(name)
    }

    fn error(&self, error: &object_store::Error) -> StoreError {
        said(&self.place, error)
    }
}

pub(super) struct ObjectWriting {
    upload: WriteMultipart,
    store: Arc<dyn ObjectStore>,
    path: Path,
    place: String,
    size: u64,
}

impl ObjectWriting {
    pub(super) async fn push(&mut self, piece: Bytes) -> Result<(), StoreError> {
        let ready = self.upload.wait_for_capacity(PARTS_AT_ONCE).await;
        ready.map_err(|error| said(&self.place, &error))?;
        self.size += piece.len() as u64;
        self.upload.put(piece);
        Ok(())
    }

    pub(super) async fn commit(self) -> Result<(), StoreError> {
        let done = self.upload.finish().await;
        done.map_err(|error| said(&self.place, &error))?;
        let head = self.store.head(&self.path).await;
        let head = head.map_err(|error| said(&self.place, &error))?;
        if head.size == self.size {
            return Ok(());
        }
        let why = format!("{} bytes were sent, {} are there", self.size, head.size);
        Err(StoreError::failed(&self.place, why))
    }

    pub(super) async fn abandon(self) {
        if let Err(error) = self.upload.abort().await {
            tracing::warn!(%error, "parts of a snapshot stay until the store drops them");
        }
    }
}
