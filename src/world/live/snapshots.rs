//! A cluster's snapshots: its store with the Secret's credentials, what is in it, and one more.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::api::Api;
use super::etcd::{Seats, open_snapshot};
use super::secrets::{self, Secrets};
use super::{Live, now};
use crate::fleet::ClusterSpec;
use crate::state::{Backup, Reading, SnapshotFacts};
use crate::world::store::{Progress, SnapshotError, Store, StoreError, Taking};

/// How long a stream or a store may do nothing at all.
const PATIENCE: Duration = Duration::from_secs(60);
/// A wait looks at the cluster several times a second; what is in the store moves by our own hand or once in hours.
const FRESH: Duration = Duration::from_secs(10);

/// The last list of a cluster's store.
pub(super) struct Listed {
    /// Of what it was made: another store or Secret is another list.
    mark: String,
    at: Instant,
    store: Arc<Store>,
    backup: Backup,
}

impl Live {
    /// Where the snapshots of clusters without a store are; nowhere unless this was said.
    #[must_use]
    pub fn with_state_home(mut self, home: Option<PathBuf>) -> Self {
        self.state_home = home;
        self
    }

    /// Opens a cluster's store, which reads its Secret and asks the store nothing.
    pub async fn store(&self, spec: &ClusterSpec) -> Result<Store, StoreError> {
        let Some(name) = spec.backup.store.as_ref().and_then(|s| s.secret_name()) else {
            return Store::open(spec, None, self.state_home.as_deref());
        };
        let deadline = Instant::now() + self.options.read_timeout;
        let opened = self.contexts.open(&spec.id.context, deadline).await;
        let client = opened
            .map_err(|error| no_credentials(error.to_string()))?
            .client;
        let api = Api { client, deadline };
        let secrets = secrets::read(&api, &spec.namespace, [name.to_owned()].into()).await;
        self.open_store(spec, &secrets)
    }

    fn open_store(&self, spec: &ClusterSpec, secrets: &Secrets) -> Result<Store, StoreError> {
        let keys = secrets::store_keys(spec, secrets).map_err(no_credentials)?;
        Store::open(spec, keys, self.state_home.as_deref())
    }

    /// Takes one from a follower, checked and stored when this returns.
    pub async fn take_snapshot(
        &self,
        spec: &ClusterSpec,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<SnapshotFacts, SnapshotError> {
        let store = self.store(spec).await?;
        let seats = self.members(spec).await?;
        let source = Box::pin(open_snapshot(&seats, self.options.etcd_timeout)).await?;
        let taking = Taking {
            now: now(),
            patience: PATIENCE,
            progress,
        };
        let taken = store.take(source, taking).await;
        self.channels.listed.lock().await.remove(&spec.id);
        taken
    }

    async fn members(&self, spec: &ClusterSpec) -> Result<Arc<Seats>, SnapshotError> {
        if let Some(seats) = self.last_seats(spec).await {
            return Ok(seats);
        }
        let observed = self.observe_each(&[spec]).await;
        let why = observed.first().and_then(|one| one.kube.why_unknown());
        let why = why.unwrap_or("its pods are not known").to_owned();
        let seats = self.last_seats(spec).await;
        seats.ok_or(SnapshotError::NoMember(why))
    }

    /// What an observation holds of them; `None`: no store is declared, and there is no directory of an
    /// earlier snapshot.
    pub(super) async fn backup(&self, spec: &ClusterSpec, secrets: &Secrets) -> Option<Backup> {
        let declared = spec.backup.store.as_ref();
        let mark = format!("{declared:?} {}", secrets::store_version(spec, secrets));
        if let Some(listed) = self.channels.listed.lock().await.get(&spec.id)
            && listed.mark == mark
            && listed.at.elapsed() < FRESH
        {
            return Some(listed.backup.clone());
        }
        let store = match self.reopened(spec, secrets, &mark).await {
            Ok(store) if declared.is_some() || store.may_hold() => store,
            Ok(_) => return None,
            Err(error) => {
                // Without a store there is nothing to read, and so nothing that is not known.
                return declared.map(|_| Backup {
                    store: spec.snapshots_place(),
                    snapshots: Reading::Unknown(error.to_string()),
                });
            }
        };
        let listed = tokio::time::timeout(self.options.read_timeout, store.snapshots()).await;
        let backup = Backup {
            store: store.place().to_owned(),
            snapshots: match listed {
                Ok(Ok(snapshots)) => Reading::Known(snapshots),
                Ok(Err(error)) => Reading::Unknown(error.to_string()),
                Err(_) => Reading::Unknown(silent(&store, self.options.read_timeout).to_string()),
            },
        };
        let listed = Listed {
            mark,
            at: Instant::now(),
            store,
            backup: backup.clone(),
        };
        let mut lists = self.channels.listed.lock().await;
        lists.insert(spec.id.clone(), listed);
        Some(backup)
    }

    /// With the connections of the last look, where it is the same store.
    async fn reopened(
        &self,
        spec: &ClusterSpec,
        secrets: &Secrets,
        mark: &str,
    ) -> Result<Arc<Store>, StoreError> {
        if let Some(listed) = self.channels.listed.lock().await.get(&spec.id)
            && listed.mark == mark
        {
            return Ok(Arc::clone(&listed.store));
        }
        self.open_store(spec, secrets).map(Arc::new)
    }
}

fn silent(store: &Store, after: Duration) -> StoreError {
    StoreError::Unreachable {
        place: store.place().to_owned(),
        said: format!("no list within {} s", after.as_secs()),
    }
}

fn no_credentials(what: String) -> StoreError {
    StoreError::Credentials {
        what,
        expected: "the Secret that backup.store names".to_owned(),
    }
}
