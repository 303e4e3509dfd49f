//! Clients of the clouds' stores: where to is said in the documents, who we are by a Secret or by the machine.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use super::answer::said;
use super::{Keys, StoreError};
use crate::fleet::SnapshotStore;

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

pub(super) fn s3(
    store: &SnapshotStore,
    keys: Option<&Keys>,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
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

pub(super) fn gcs(
    store: &SnapshotStore,
    keys: Option<&Keys>,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
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

pub(super) fn azure(
    store: &SnapshotStore,
    keys: Option<&Keys>,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::live::Secret;

    fn keys(name: &str, value: &str) -> Keys {
        [(name.to_owned(), Secret::new(value.as_bytes().to_vec()))].into()
    }

    #[test]
    fn keys_of_azure_and_google_are_read_and_never_shown() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let container = SnapshotStore::Azure {
            container: "etcd-backups".into(),
            prefix: None,
            account: "backups".into(),
            secret_name: Some("azure".into()),
        };
        // "planted-storage-key" in base64, with the line's end that an editor leaves.
        let good = keys("storageKey", "cGxhbnRlZC1zdG9yYWdlLWtleQ==\n");
        assert!(azure(&container, Some(&good)).is_ok());
        let bucket = SnapshotStore::Gcs {
            bucket: "etcd-backups".into(),
            prefix: None,
            secret_name: Some("gcs".into()),
        };
        let no_json = keys(
            "serviceaccount.json",
            "{\"private_key\": planted-private-key}",
        );
        for (opened, code) in [
            (
                azure(&container, Some(&keys("key", "x"))),
                "store-credentials",
            ),
            (
                azure(&container, Some(&keys("storageKey", "%planted%"))),
                "store-",
            ),
            (gcs(&bucket, Some(&keys("key", "x"))), "store-credentials"),
            (gcs(&bucket, Some(&no_json)), "store-"),
        ] {
            let error = opened
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(error.starts_with(code), "{error}");
            assert!(!error.contains("planted"), "{error}");
        }
    }
}
