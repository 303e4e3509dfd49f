//! The fleet's contexts: one client each, opened when first needed, with a reason when that fails.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::client::AuthError;
use kube::config::{KubeConfigOptions, Kubeconfig, KubeconfigError};
use tokio::runtime::Handle;
use tokio::sync::{OnceCell, oneshot};
use tokio::time::Instant;

use super::api::{self, Api, ReadError};
use super::cause::{chain, find};
use super::names::text;
use super::resource::Resource;
use crate::fleet::{Context, ContextSource, Fleet};

/// Why a context cannot be used. Each text begins with the fault's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    #[error(
        "context-not-in-fleet: found no context {0:?} in fleet.yaml, expected every cluster's; add it to `contexts`"
    )]
    NotInFleet(String),
    #[error(
        "context-unknown: found no context {wanted:?} in {kubeconfig}, expected one of: {}; add it there or mend `contexts` in fleet.yaml",
        .existing.join(", ")
    )]
    Unknown {
        wanted: String,
        kubeconfig: String,
        existing: Vec<String>,
    },
    #[error(
        "kubeconfig-missing: found no file {kubeconfig}, expected a kubeconfig; write one, or mend KUBECONFIG or `contexts` in fleet.yaml"
    )]
    Missing { kubeconfig: String },
    #[error(
        "kubeconfig-broken: found that {kubeconfig} cannot be used ({message}), expected a kubeconfig; `kubectl --kubeconfig {kubeconfig} config view` shows what is there"
    )]
    Kubeconfig { kubeconfig: String, message: String },
    #[error(
        "not-in-cluster: found no service account here ({0}), expected to run in a pod that has one, as `contexts` in fleet.yaml says; run it there, or name a kubeconfig"
    )]
    NotInCluster(String),
    #[error(
        "exec-plugin-failed: found no credentials for context {context:?}: {message}, expected an ExecCredential; run the plugin by hand as the kubeconfig has it"
    )]
    ExecPlugin { context: String, message: String },
    #[error(
        "credentials-failed: found no credentials for context {context:?} ({message}), expected its user to yield some; mend the user in the kubeconfig"
    )]
    Credentials { context: String, message: String },
    #[error(
        "wrong-kubernetes-cluster: found the Kubernetes cluster {found}, expected {expected} (`contexts.{context}.clusterUID`); the kubeconfig points at another cluster: mend the one that is wrong"
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
    opened: OnceCell<Opened>,
    cluster_uid: OnceCell<String>,
}

/// For an exec plugin that is run outside an observation.
const OPEN: Duration = Duration::from_secs(10);

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
                    (name, slot(context, OnceCell::new_with(Some(opened))))
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

    /// What fails is tried again at the next look: a plugin's server may be back.
    pub(super) async fn open(&self, name: &str, until: Instant) -> Result<Opened, ContextError> {
        let slot = self.slot(name)?;
        slot.opened
            .get_or_try_init(|| open(name, &slot.context, &self.root, until))
            .await
            .cloned()
    }

    /// A client for the Lease of this context's clusters.
    pub async fn client(&self, name: &str) -> Result<kube::Client, ContextError> {
        let opened = self.open(name, Instant::now() + OPEN).await;
        opened.map(|opened| opened.client)
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

fn slot(context: Context, opened: OnceCell<Opened>) -> Slot {
    Slot {
        context,
        opened,
        cluster_uid: OnceCell::new(),
    }
}

async fn open(
    name: &str,
    context: &Context,
    root: &Path,
    until: Instant,
) -> Result<Opened, ContextError> {
    let in_cluster = context.source == ContextSource::InCluster;
    let (place, mut config) = match &context.source {
        ContextSource::InCluster => {
            let config = kube::Config::incluster();
            let config = config.map_err(|error| ContextError::NotInCluster(chain(&error)))?;
            ("the service account".to_owned(), config)
        }
        ContextSource::KubeContext(wanted) => {
            let place = std::env::var("KUBECONFIG").unwrap_or_else(|_| "~/.kube/config".into());
            let read = Kubeconfig::read().map_err(|error| unusable(&place, &error))?;
            let config = config(&place, read, Some(wanted)).await?;
            (place, config)
        }
        ContextSource::Kubeconfig { path, context } => {
            let path = root.join(path);
            let place = path.display().to_string();
            let read = Kubeconfig::read_from(&path).map_err(|error| unusable(&place, &error))?;
            let config = config(&place, read, context.as_deref()).await?;
            (place, config)
        }
    };
    // Reads are retried here under our own deadline; a mutation never is.
    config.default_retry = false;
    let client = client(name, &place, config, until).await?;
    Ok(Opened { client, in_cluster })
}

/// Making a client runs the exec plugin, if there is one, and waits for it: on a thread that nobody waits for, so that
/// one that hangs costs the deadline and the end of the process ends it.
async fn client(
    name: &str,
    place: &str,
    config: kube::Config,
    until: Instant,
) -> Result<kube::Client, ContextError> {
    let (answer, answered) = oneshot::channel();
    let runtime = Handle::current();
    std::thread::spawn(move || {
        let _entered = runtime.enter();
        // Nobody listens any more when the deadline has passed.
        let _ = answer.send(kube::Client::try_from(config));
    });
    let context = name.to_owned();
    let message = match tokio::time::timeout_at(until, answered).await {
        Ok(Ok(Ok(client))) => return Ok(client),
        Ok(Ok(Err(error))) => match find::<AuthError>(&error) {
            Some(auth) if !is_of_plugin(auth) => {
                let message = api::credentials(auth);
                return Err(ContextError::Credentials { context, message });
            }
            Some(auth) => api::credentials(auth),
            None => return Err(unusable(place, &error)),
        },
        Ok(Err(_)) => "its exec plugin broke off".to_owned(),
        Err(_) => "its exec plugin did not end before the deadline".to_owned(),
    };
    Err(ContextError::ExecPlugin { context, message })
}

const fn is_of_plugin(error: &AuthError) -> bool {
    matches!(
        error,
        AuthError::AuthExec(_)
            | AuthError::AuthExecStart(_)
            | AuthError::AuthExecRun { .. }
            | AuthError::AuthExecParse(_)
            | AuthError::ExecPluginFailed
            | AuthError::ExecMissingClusterInfo
            | AuthError::MissingCommand
            | AuthError::MalformedTokenExpirationDate(_)
    )
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

fn unusable(place: &str, error: &(dyn Error + 'static)) -> ContextError {
    let kubeconfig = place.to_owned();
    let message = match find::<KubeconfigError>(error) {
        Some(KubeconfigError::ReadConfig(io, _)) if io.kind() == ErrorKind::NotFound => {
            return ContextError::Missing { kubeconfig };
        }
        // Its own words quote the lines around the place, and one of them may be a token.
        Some(KubeconfigError::Parse(yaml)) => match yaml.location() {
            Some(at) => format!(
                "no kubeconfig at line {}, column {}",
                at.line(),
                at.column()
            ),
            None => "no kubeconfig".to_owned(),
        },
        _ => chain(error),
    };
    ContextError::Kubeconfig {
        kubeconfig,
        message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "apiVersion: v1\nkind: Config\nclusters:\n- name: c\n  cluster: {server: 'http://127.0.0.1:1'}\ncontexts:\n- name: eu\n  context: {cluster: c, user: u}\nusers:\n- name: u\n  user: {}\n";

    fn later() -> Instant {
        Instant::now() + OPEN
    }

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
            .open("eu-1", later())
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
            .open("eu-1", later())
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
        assert!(contexts.open("eu-1", later()).await.is_ok());
        assert_eq!(
            contexts.open("eu-9", later()).await.err(),
            Some(ContextError::NotInFleet("eu-9".into()))
        );
    }
}
