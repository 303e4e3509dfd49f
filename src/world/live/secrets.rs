//! Referenced Secrets: their keys go into the observation, their values only to the wire.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret as KubeSecret;

use super::api::{Api, ReadError};
use super::etcd::{Access, Credentials, Tls};
use super::pods::parse;
use super::resource::Resource;
use super::secret::{Scrubber, Secret};
use crate::fleet::ClusterSpec;
use crate::world::store::Keys;

const AT_ONCE: usize = 16;

/// A Secret as it is in one namespace.
pub(super) struct SecretData {
    values: Keys,
    /// Changes whenever the Secret does.
    version: String,
}

impl SecretData {
    /// A value that is public by nature.
    pub(super) fn public(&self, key: &'static str) -> Option<&[u8]> {
        let value = self.values.get(key).filter(|_| PUBLIC.contains(&key))?;
        Some(value.expose())
    }
}

/// Secrets of one namespace by name; `None`: it does not exist.
pub(super) type Secrets = BTreeMap<String, Result<Option<SecretData>, ReadError>>;

/// Keys whose values are public by nature.
const PUBLIC: &[&str] = &["ca.crt", "tls.crt", "username"];

/// Values of the one with the credentials of its store; `None`: the ambient identity is used. It is not asked of
/// Kubernetes' reading that it be there: what cannot be opened without it is the store.
pub(super) fn store_keys<'s>(
    spec: &ClusterSpec,
    secrets: &'s Secrets,
) -> Result<Option<&'s Keys>, String> {
    let Some(name) = spec.store_secret() else {
        return Ok(None);
    };
    match secrets.get(name) {
        Some(Ok(Some(secret))) => Ok(Some(&secret.values)),
        Some(Ok(None)) | None => Err(format!("Secret {name} does not exist")),
        Some(Err(error)) => Err(error.to_string()),
    }
}

/// Changes whenever the values do.
pub(super) fn store_version<'s>(spec: &ClusterSpec, secrets: &'s Secrets) -> &'s str {
    let secret = spec.store_secret().and_then(|name| secrets.get(name));
    match secret {
        Some(Ok(Some(secret))) => &secret.version,
        _ => "",
    }
}

pub(super) async fn read(api: &Api, namespace: &str, names: BTreeSet<String>) -> Secrets {
    let reads = names.into_iter().map(|name| async move {
        let secret = match api.get(Resource::Secret, namespace, &name).await {
            Ok(Some(object)) => parse::<KubeSecret>("secret", &object).map(|s| Some(data(s))),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        (name, secret)
    });
    futures::stream::iter(reads)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

fn data(secret: KubeSecret) -> SecretData {
    let metadata = secret.metadata;
    SecretData {
        version: format!(
            "{}@{}",
            metadata.uid.unwrap_or_default(),
            metadata.resource_version.unwrap_or_default()
        ),
        values: secret
            .data
            .into_iter()
            .flatten()
            .map(|(key, value)| (key, Secret::new(value.0)))
            .collect(),
    }
}

/// Name → keys, for the observation.
pub(super) fn keys(
    spec: &ClusterSpec,
    secrets: &Secrets,
) -> Result<BTreeMap<String, Option<BTreeSet<String>>>, ReadError> {
    spec.access_secrets()
        .into_iter()
        .map(|name| {
            let keys = match secrets.get(&name) {
                Some(Ok(Some(secret))) => Some(secret.values.keys().cloned().collect()),
                Some(Ok(None)) | None => None,
                Some(Err(error)) => return Err(error.clone()),
            };
            Ok((name, keys))
        })
        .collect()
}

/// Knows every value of this cluster's Secrets that must not be seen.
pub(super) fn scrubber(spec: &ClusterSpec, secrets: &Secrets) -> Scrubber {
    let mut scrubber = Scrubber::default();
    for name in spec
        .access_secrets()
        .iter()
        .map(String::as_str)
        .chain(spec.store_secret())
    {
        if let Some(Ok(Some(secret))) = secrets.get(name) {
            for (key, value) in &secret.values {
                if !PUBLIC.contains(&key.as_str()) {
                    scrubber.learn(value.expose());
                }
            }
        }
    }
    scrubber
}

/// What it takes to be let in by this cluster's members, and a mark that changes when any of it does.
pub(super) fn access(spec: &ClusterSpec, secrets: &Secrets) -> Result<(Access, u64), String> {
    let mut mark = DefaultHasher::new();
    for name in spec.access_secrets() {
        if let Some(Ok(Some(secret))) = secrets.get(&name) {
            (name, &secret.version).hash(&mut mark);
        }
    }
    let value = |name: &str, key: &str| value(secrets, name, key);
    let tls = match &spec.tls.client {
        None => None,
        Some(client) => Some(Tls {
            ca: value(&client.ca_secret_name, "ca.crt")?.expose().clone(),
            identity: match &spec.access.client_cert_secret_name {
                None => None,
                Some(name) => Some((
                    value(name, "tls.crt")?.expose().clone(),
                    value(name, "tls.key")?.clone(),
                )),
            },
        }),
    };
    let credentials = match &spec.access.credentials_secret_name {
        None => None,
        Some(name) => Some(Credentials::new(
            utf8(name, "username", value(name, "username")?)?,
            utf8(name, "password", value(name, "password")?)?,
        )),
    };
    Ok((Access { tls, credentials }, mark.finish()))
}

fn value<'a>(secrets: &'a Secrets, name: &str, key: &str) -> Result<&'a Secret<Vec<u8>>, String> {
    match secrets.get(name) {
        Some(Ok(Some(secret))) => secret
            .values
            .get(key)
            .ok_or_else(|| format!("Secret {name} has no key `{key}`")),
        Some(Ok(None)) | None => Err(format!("Secret {name} does not exist")),
        Some(Err(error)) => Err(error.to_string()),
    }
}

fn utf8(name: &str, key: &str, value: &Secret<Vec<u8>>) -> Result<String, String> {
    String::from_utf8(value.expose().clone())
        .map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        .map_err(|_| format!("key `{key}` of Secret {name} is not UTF-8 text"))
}
