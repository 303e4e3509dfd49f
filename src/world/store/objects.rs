//! Objects in a cloud's store, through `object_store`: uploads in parts, which nobody sees before the last one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{
    BackoffConfig, ClientOptions, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig,
    WriteMultipart,
};

use super::{Entry, Keys, StoreError};
use crate::fleet::SnapshotStore;

/// Ten thousand parts of it, the most that S3 takes, are 80 GiB: ten times what etcd is tested for.
const PART: usize = 8 << 20;
/// Parts on their way at once, beside the one that is being filled: memory stays at 24 MiB.
const PARTS_AT_ONCE: usize = 2;

#[derive(Debug)]
pub(super) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// `<prefix>/<context>/<name>`.
    folder: Path,
    /// For messages.
    place: String,
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

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(5),
            base: 2.,
        },
        max_retries: 4,
        retry_timeout: Duration::from_secs(60),
    }
}

fn options() -> ClientOptions {
    ClientOptions::new()
        .with_connect_timeout(Duration::from_secs(5))
        // Of one request: a part, or the first byte of an answer.
        .with_timeout_disabled()
        .with_read_timeout(Duration::from_secs(60))
}

/// What an identity consists of; where to go is said in the documents alone.
const IDENTITY: [AmazonS3ConfigKey; 12] = [
    AmazonS3ConfigKey::AccessKeyId,
    AmazonS3ConfigKey::SecretAccessKey,
    AmazonS3ConfigKey::Token,
    AmazonS3ConfigKey::WebIdentityTokenFile,
    AmazonS3ConfigKey::RoleArn,
    AmazonS3ConfigKey::RoleSessionName,
    AmazonS3ConfigKey::StsEndpoint,
    AmazonS3ConfigKey::ContainerCredentialsRelativeUri,
    AmazonS3ConfigKey::ContainerCredentialsFullUri,
    AmazonS3ConfigKey::ContainerAuthorizationTokenFile,
    AmazonS3ConfigKey::MetadataEndpoint,
    AmazonS3ConfigKey::ImdsV1Fallback,
];

fn s3(store: &SnapshotStore, keys: Option<&Keys>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let SnapshotStore::S3 {
        bucket,
        region,
        endpoint,
        ..
    } = store
    else {
        return Err(StoreError::failed(store.to_string(), "it is not S3"));
    };
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_retry(retry())
        .with_client_options(options());
    if let Some(endpoint) = endpoint {
        builder = builder
            .with_endpoint(endpoint)
            .with_allow_http(endpoint.starts_with("http://"));
    }
    builder = match keys {
        None => IDENTITY.into_iter().fold(builder, |builder, key| {
            match std::env::var(key.as_ref().to_uppercase()) {
                Ok(value) => builder.with_config(key, value),
                Err(_) => builder,
            }
        }),
        Some(keys) => {
            let builder = builder
                .with_access_key_id(wanted(keys, "accessKeyID")?)
                .with_secret_access_key(wanted(keys, "secretAccessKey")?);
            match text(keys, "sessionToken")? {
                Some(token) => builder.with_token(token),
                None => builder,
            }
        }
    };
    built(store, builder.build())
}

fn gcs(store: &SnapshotStore, keys: Option<&Keys>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let SnapshotStore::Gcs { bucket, .. } = store else {
        return Err(StoreError::failed(store.to_string(), "it is not GCS"));
    };
    let builder = match keys {
        None => GoogleCloudStorageBuilder::from_env(),
        Some(keys) => GoogleCloudStorageBuilder::new()
            .with_service_account_key(wanted(keys, "serviceaccount.json")?),
    };
    let builder = builder
        .with_bucket_name(bucket)
        .with_retry(retry())
        .with_client_options(options());
    built(store, builder.build())
}

fn azure(store: &SnapshotStore, keys: Option<&Keys>) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let SnapshotStore::Azure {
        container, account, ..
    } = store
    else {
        return Err(StoreError::failed(store.to_string(), "it is not Azure"));
    };
    let builder = match keys {
        None => MicrosoftAzureBuilder::from_env(),
        Some(keys) => MicrosoftAzureBuilder::new().with_access_key(wanted(keys, "storageKey")?),
    };
    let builder = builder
        .with_account(account)
        .with_container_name(container)
        .with_retry(retry())
        .with_client_options(options());
    built(store, builder.build())
}

fn built<T: ObjectStore>(
    store: &SnapshotStore,
    built: object_store::Result<T>,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    match built {
        Ok(client) => Ok(Arc::new(client)),
        Err(error) => Err(said(&store.to_string(), &error)),
    }
}

fn wanted(keys: &Keys, name: &str) -> Result<String, StoreError> {
    text(keys, name)?.ok_or_else(|| {
        let there: Vec<&str> = keys.keys().map(String::as_str).collect();
        StoreError::Credentials {
            what: format!("its keys are {}", there.join(", ")),
            expected: format!("`{name}` among them"),
        }
    })
}

fn text(keys: &Keys, name: &str) -> Result<Option<String>, StoreError> {
    let Some(value) = keys.get(name) else {
        return Ok(None);
    };
    match String::from_utf8(value.expose().clone()) {
        Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
        Err(_) => Err(StoreError::Credentials {
            what: format!("its key `{name}` is not UTF-8"),
            expected: "text".to_owned(),
        }),
    }
}

/// Texts by which stores say that they are full; a status of 507 is one, too.
const FULL: [&str; 6] = [
    "507 ",
    "StorageFull",
    "QuotaExceeded",
    "InsufficientStorage",
    "No space left",
    "InsufficientCapacity",
];

/// Longer ones are pages of XML.
const LONGEST: usize = 400;

fn said(place: &str, error: &object_store::Error) -> StoreError {
    use object_store::client::{HttpError, HttpErrorKind};
    let place = place.to_owned();
    let mut said: String = crate::world::live::chain(error)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let full = FULL.iter().any(|text| said.contains(text));
    if let Some((at, _)) = said.char_indices().nth(LONGEST) {
        said.truncate(at);
        said.push('…');
    }
    if full {
        return StoreError::Full { place, said };
    }
    match error {
        object_store::Error::PermissionDenied { .. }
        | object_store::Error::Unauthenticated { .. } => StoreError::Denied { place, said },
        object_store::Error::NotFound { .. } => StoreError::Absent { place, said },
        _ => match crate::world::live::find::<HttpError>(error).map(HttpError::kind) {
            Some(HttpErrorKind::Connect | HttpErrorKind::Timeout | HttpErrorKind::Request) => {
                StoreError::Unreachable { place, said }
            }
            _ => StoreError::Failed { place, said },
        },
    }
}
