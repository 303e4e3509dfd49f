//! The fleet's contexts: one client each, opened when first needed, with a reason when that fails.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use tokio::sync::OnceCell;

use super::api::{Api, ReadError};
use super::etcd::chain;
use super::names::text;
use super::resource::Resource;
use crate::fleet::{Context, ContextSource, Fleet};

/// Why a context cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    #[error("the fleet has no context {0:?}")]
    NotInFleet(String),
    #[error(
        "found no context {wanted:?} in {kubeconfig}, expected one of: {}; add it there or mend `contexts` in fleet.yaml",
        .existing.join(", ")
    )]
    Unknown {
        wanted: String,
        kubeconfig: String,
        existing: Vec<String>,
    },
    #[error("kubeconfig {kubeconfig} cannot be used: {message}")]
    Kubeconfig { kubeconfig: String, message: String },
    #[error("this does not run in a pod with a service account: {0}")]
    NotInCluster(String),
    #[error("no client for context {context:?}: {message}")]
    Client { context: String, message: String },
    #[error(
        "found the Kubernetes cluster {found}, expected {expected} (`contexts.{context}.clusterUID`): the kubeconfig points at another cluster"
    )]
    WrongCluster {
        context: String,
        found: String,
        expected: String,
    },
    #[error("{0}")]
    Unread(String),
}

impl From<ReadError> for ContextError {
    fn from(error: ReadError) -> Self {
        Self::Unread(error.to_string())
    }
}

/// An opened context.
#[derive(Clone)]
pub(super) struct Opened {
    pub(super) client: kube::Client,
    pub(super) in_cluster: bool,
}

struct Slot {
    context: Context,
    opened: OnceCell<Result<Opened, ContextError>>,
    cluster_uid: OnceCell<String>,
}

/// All contexts of a fleet, opened lazily and kept for the run.
pub struct Contexts {
    slots: BTreeMap<String, Slot>,
    /// The fleet's directory.
    root: PathBuf,
}

impl Contexts {
    pub fn new(fleet: &Fleet, root: &Path) -> Self {
        Self {
            slots: fleet
                .contexts
                .iter()
                .map(|(name, context)| (name.clone(), slot(context.clone(), OnceCell::new())))
                .collect(),
            root: root.to_owned(),
        }
    }

    /// Contexts whose clients exist already.
    pub fn with_clients(
        clients: impl IntoIterator<Item = (String, Context, kube::Client)>,
    ) -> Self {
        Self {
            slots: clients
                .into_iter()
                .map(|(name, context, client)| {
                    let opened = Opened {
                        client,
                        in_cluster: context.source == ContextSource::InCluster,
                    };
                    (name, slot(context, OnceCell::new_with(Some(Ok(opened)))))
                })
                .collect(),
            root: PathBuf::new(),
        }
    }

    fn slot(&self, name: &str) -> Result<&Slot, ContextError> {
        self.slots
            .get(name)
            .ok_or_else(|| ContextError::NotInFleet(name.to_owned()))
    }

    pub(super) async fn open(&self, name: &str) -> Result<Opened, ContextError> {
        let slot = self.slot(name)?;
        slot.opened
            .get_or_init(|| open(name, &slot.context, &self.root))
            .await
            .clone()
    }

    /// A client for the Lease of this context's clusters.
    pub async fn client(&self, name: &str) -> Result<kube::Client, ContextError> {
        self.open(name).await.map(|opened| opened.client)
    }

    /// UID of `kube-system`, held against the pin.
    pub(super) async fn cluster_uid(&self, name: &str, api: &Api) -> Result<String, ContextError> {
        let slot = self.slot(name)?;
        let found = slot
            .cluster_uid
            .get_or_try_init(|| async {
                let found = api.get(Resource::Namespace, "", "kube-system").await?;
                let found = found.ok_or_else(|| {
                    ContextError::Unread("found no namespace kube-system".to_owned())
                })?;
                Ok::<_, ContextError>(text(&found, "uid").to_owned())
            })
            .await?;
        match &slot.context.cluster_uid {
            Some(expected) if expected != found => Err(ContextError::WrongCluster {
                context: name.to_owned(),
                found: found.clone(),
                expected: expected.clone(),
            }),
            _ => Ok(found.clone()),
        }
    }
}

fn slot(context: Context, opened: OnceCell<Result<Opened, ContextError>>) -> Slot {
    Slot {
        context,
        opened,
        cluster_uid: OnceCell::new(),
    }
}

async fn open(name: &str, context: &Context, root: &Path) -> Result<Opened, ContextError> {
    let in_cluster = context.source == ContextSource::InCluster;
    let mut config = match &context.source {
        ContextSource::InCluster => {
            kube::Config::incluster().map_err(|error| ContextError::NotInCluster(chain(&error)))?
        }
        ContextSource::KubeContext(wanted) => {
            let place = std::env::var("KUBECONFIG").unwrap_or_else(|_| "~/.kube/config".into());
            let read = Kubeconfig::read().map_err(|error| unusable(&place, &error))?;
            config(&place, read, Some(wanted)).await?
        }
        ContextSource::Kubeconfig { path, context } => {
            let path = root.join(path);
            let place = path.display().to_string();
            let read = Kubeconfig::read_from(&path).map_err(|error| unusable(&place, &error))?;
            config(&place, read, context.as_deref()).await?
        }
    };
    // Reads are retried here under our own deadline; a mutation never is.
    config.default_retry = false;
    let client = kube::Client::try_from(config).map_err(|error| ContextError::Client {
        context: name.to_owned(),
        message: chain(&error),
    })?;
    Ok(Opened { client, in_cluster })
}

async fn config(
    place: &str,
    kubeconfig: Kubeconfig,
    wanted: Option<&str>,
) -> Result<kube::Config, ContextError> {
    if let Some(wanted) = wanted {
        let existing: Vec<String> = kubeconfig
            .contexts
            .iter()
            .map(|context| context.name.clone())
            .collect();
        if !existing.iter().any(|name| name == wanted) {
            return Err(ContextError::Unknown {
                wanted: wanted.to_owned(),
                kubeconfig: place.to_owned(),
                existing,
            });
        }
    }
    let options = KubeConfigOptions {
        context: wanted.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    kube::Config::from_custom_kubeconfig(kubeconfig, &options)
        .await
        .map_err(|error| unusable(place, &error))
}

fn unusable(place: &str, error: &dyn std::error::Error) -> ContextError {
    ContextError::Kubeconfig {
        kubeconfig: place.to_owned(),
        message: chain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {server: 'http://127.0.0.1:1'}\ncontexts:\n- name: eu\n  context: {cluster: c, user: u}\nusers:\n- name: u\n  user: {}\n";

    fn contexts(root: &Path, path: &str, context: Option<&str>) -> Contexts {
        let source = ContextSource::Kubeconfig {
            path: path.into(),
            context: context.map(str::to_owned),
        };
        let context = Context {
            source,
            cluster_uid: None,
        };
        Contexts {
            slots: [("eu-1".to_owned(), slot(context, OnceCell::new()))].into(),
            root: root.to_owned(),
        }
    }

    #[tokio::test]
    async fn an_unknown_context_names_those_that_exist() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kc"), KUBECONFIG).unwrap();
        let error = contexts(dir.path(), "kc", Some("us"))
            .open("eu-1")
            .await
            .err()
            .unwrap();
        let said = error.to_string();
        assert!(said.contains(r#"found no context "us""#), "{said}");
        assert!(said.contains("expected one of: eu;"), "{said}");
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = contexts(dir.path(), "nowhere", None)
            .open("eu-1")
            .await
            .err()
            .unwrap();
        assert!(error.to_string().contains("nowhere"), "{error}");
    }

    #[tokio::test]
    async fn a_relative_path_is_against_the_fleet() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("kc"), KUBECONFIG).unwrap();
        let contexts = contexts(dir.path(), "kc", Some("eu"));
        assert!(contexts.open("eu-1").await.is_ok());
        assert_eq!(
            contexts.open("eu-9").await.err(),
            Some(ContextError::NotInFleet("eu-9".into()))
        );
    }
}
