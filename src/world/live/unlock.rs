//! Taking a lock from a holder that is gone, at a person's word.
//!
//! What is released is one *tenure*: this Lease, held by this process since that moment. A lock that was taken anew in
//! the meantime is another's, and stays.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use tokio::time::Instant;

use super::api::Api as Reader;
use super::lock::{self, LockError, Why};
use super::{Identity, Live};
use crate::fleet::ClusterSpec;
use crate::state::Lock;

/// Tries to write, of which each is bound to the version just read.
const TRIES: usize = 5;

/// A lock as it was found, to be watched or released.
pub struct Tenure {
    leases: Api<Lease>,
    spec: ClusterSpec,
    lease: Lease,
    lock: Lock,
}

/// What is known of a lock's holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Life {
    /// Its process was of this machine, and is no more.
    Dead,
    /// It did not renew the lock for this long, by our own clock.
    Silent(Duration),
    /// It renewed the lock under our eyes.
    Alive,
    /// It gave the lock back; who holds it now, if anybody does.
    Over(Option<Lock>),
}

/// What came of a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Release {
    Released,
    /// Renewed since it was seen silent: its holder is alive after all.
    Renewed,
    /// This tenure had ended; who holds the lock now, if anybody does.
    Over(Option<Lock>),
}

impl Live {
    /// The cluster's lock; `None` where nobody holds it.
    pub async fn lock_of(&self, spec: &ClusterSpec) -> Result<Option<Tenure>, LockError> {
        let unreachable = |why: String| lock::failed(spec, why);
        let deadline = Instant::now() + self.options.read_timeout;
        let opened = self.contexts.open(&spec.id.context, deadline).await;
        let client = opened
            .map_err(|error| unreachable(error.to_string()))?
            .client;
        let leases = Api::namespaced(client.clone(), &spec.namespace);
        // A wrong kubeconfig has locks too, of somebody else's cluster.
        let reader = Reader { client, deadline };
        let pinned = self.contexts.cluster_uid(&spec.id.context, &reader).await;
        pinned.map_err(|error| unreachable(error.to_string()))?;
        let found = lock::read(&leases, spec).await?;
        Ok(found.and_then(|lease| {
            let lock = lock::of_lease(&lease)?;
            Some(Tenure {
                leases,
                spec: spec.clone(),
                lease,
                lock,
            })
        }))
    }
}

impl Tenure {
    pub const fn lock(&self) -> &Lock {
        &self.lock
    }

    /// For how long its holder is watched at most: it renews several times within.
    pub fn patience(&self) -> Duration {
        lock::lasts(&self.lock)
    }

    /// Is the holder alive? What its clock wrote says nothing, so the lock is watched by ours.
    pub async fn watch(&self, here: &Identity) -> Result<Life, LockError> {
        if Identity::parse(&self.lock.holder).is_some_and(|holder| holder.is_dead(here)) {
            return Ok(Life::Dead);
        }
        let deadline = Instant::now() + self.patience();
        loop {
            let now = Instant::now();
            if now >= deadline {
                return Ok(Life::Silent(self.patience()));
            }
            tokio::time::sleep(lock::RETRY_EVERY.min(deadline - now)).await;
            match lock::read(&self.leases, &self.spec).await? {
                None => return Ok(Life::Over(None)),
                Some(lease) if !self.is_of(&lease) => {
                    return Ok(Life::Over(lock::of_lease(&lease)));
                }
                Some(lease) if self.was_renewed(&lease) => return Ok(Life::Alive),
                Some(_) => {}
            }
        }
    }

    /// Leaves the lock to whoever comes next; the commit in it stays. `from_the_living`: also when it is renewed.
    pub async fn release(&self, from_the_living: bool) -> Result<Release, LockError> {
        for _ in 0..TRIES {
            let Some(mut lease) = lock::read(&self.leases, &self.spec).await? else {
                return Ok(Release::Over(None));
            };
            if !self.is_of(&lease) {
                return Ok(Release::Over(lock::of_lease(&lease)));
            }
            if self.was_renewed(&lease) && !from_the_living {
                return Ok(Release::Renewed);
            }
            if let Some(spec) = &mut lease.spec {
                spec.holder_identity = None;
            }
            // With the UID and resource version just read: of a change in between the server makes a conflict.
            let params = lock::params();
            let write = self.leases.replace(&self.spec.name, &params, &lease);
            match lock::within(write).await {
                Ok(_) => return Ok(Release::Released),
                Err(unmade) if matches!(unmade.why, Why::Conflict | Why::Gone) => {}
                Err(unmade) => return Err(unmade.of(&self.spec)),
            }
        }
        let why = format!("it was written by others {TRIES} times while it was being released");
        Err(lock::failed(&self.spec, why))
    }

    /// Still the same holder's, of the same time that it took it.
    fn is_of(&self, lease: &Lease) -> bool {
        let tenure = |lease: &Lease| {
            let spec = lease.spec.as_ref();
            (
                lease.metadata.uid.clone(),
                spec.and_then(|spec| spec.holder_identity.clone()),
                spec.and_then(|spec| spec.acquire_time.clone()),
                spec.and_then(|spec| spec.lease_transitions),
            )
        };
        tenure(lease) == tenure(&self.lease)
    }

    fn was_renewed(&self, lease: &Lease) -> bool {
        let renewed = |lease: &Lease| lease.spec.as_ref()?.renew_time.clone();
        renewed(lease) != renewed(&self.lease)
    }
}
