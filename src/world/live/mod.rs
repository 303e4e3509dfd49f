//! The live world: Kubernetes and etcd as they are.
//!
//! Observing never fails: what cannot be read is unknown in the observation, with the reason. Performing does one thing,
//! once, bound to what was observed.

mod actors;
pub mod adoption;
mod api;
mod cause;
mod census;
mod certificates;
mod claims;
mod classes;
mod contexts;
pub mod etcd;
mod fields;
mod gather;
mod identity;
mod items;
mod ledger;
pub mod lock;
mod names;
mod nodes;
mod objects;
mod observe;
mod obstacles;
mod offline;
mod perform;
mod pods;
mod quotas;
mod resource;
pub mod running;
mod seats;
mod secret;
mod secrets;
mod snapshots;
pub mod unlock;
mod write;

use std::path::PathBuf;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Awaited, Hold, Kept, LockError, LockRequest, PerformError, World};
use crate::decide::Act;
use crate::fleet::ClusterSpec;
use crate::state::{Ledger, Observation, Sightings};
use lock::{Acquired, Held};
use observe::Lists;
use seats::Channels;

pub(super) use cause::{chain, find};
pub use contexts::{ContextError, Contexts};
pub use identity::Identity;
pub use observe::Options;
pub use secret::{Scrubber, Secret};

/// The world behind a fleet's contexts.
pub struct Live {
    contexts: Contexts,
    options: Options,
    channels: Box<Channels>,
    lists: Box<Lists>,
    /// Where the snapshots of clusters without a store are.
    state_home: Option<PathBuf>,
}

impl Live {
    pub fn new(contexts: Contexts, options: Options) -> Self {
        Self {
            contexts,
            options,
            channels: Box::default(),
            lists: Box::default(),
            state_home: None,
        }
    }

    pub const fn contexts(&self) -> &Contexts {
        &self.contexts
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the live world's clock is the machine's"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

impl Hold for Held {
    fn remaining(&self) -> Duration {
        Self::remaining(self)
    }

    fn previous_commit(&self) -> Option<&str> {
        Self::previous_commit(self)
    }

    async fn record_commit(&self) {
        Self::record_commit(self).await;
    }

    async fn release(self) {
        Self::release(self).await;
    }
}

/// Between two looks. A look is some twenty requests, and a fleet waits at many places at once: what was waited for
/// long is asked for less often, and never so seldom that a probe of a learner (one a second counts) is missed.
const SHORTEST_POLL: SignedDuration = SignedDuration::from_millis(400);
const LONGEST_POLL: SignedDuration = SignedDuration::from_secs(1);
/// A look comes late by no more than this part of what was waited already.
const POLL_PART: i32 = 5;

fn poll(awaited: Option<Awaited>) -> SignedDuration {
    let elapsed = awaited.map_or(SignedDuration::ZERO, |awaited| awaited.elapsed);
    (elapsed / POLL_PART).clamp(SHORTEST_POLL, LONGEST_POLL)
}

impl World for Live {
    type Hold = Held;

    async fn observe_all(&self, specs: &[&ClusterSpec]) -> Vec<Observation> {
        self.observe_each(specs).await
    }

    async fn sightings(&self, fleet: &str, contexts: &[&str]) -> Sightings {
        self.sight(fleet, contexts).await
    }

    async fn observe(&self, spec: &ClusterSpec) -> Observation {
        let mut observations = self.observe_each(&[spec]).await;
        observations.remove(0)
    }

    async fn lock(
        &self,
        spec: &ClusterSpec,
        request: &LockRequest,
        kept: Kept<'_>,
    ) -> Result<Held, LockError> {
        let client = self.contexts.client(&spec.id.context).await;
        let client = client.map_err(|error| LockError::Unreachable(error.to_string()))?;
        let identity = Identity::of_this_process();
        let commit = request.commit.as_deref();
        match lock::acquire(client, spec, &identity, commit, request.timeout, kept).await {
            Ok(Acquired::Held(held)) => Ok(*held),
            Ok(Acquired::HeldBy(lock)) => Err(lock.into()),
            Err(error) => Err(error.into()),
        }
    }

    async fn perform(
        &self,
        spec: &ClusterSpec,
        act: &Act,
        ledger: &Ledger,
    ) -> Result<(), PerformError> {
        self.do_act(spec, act, ledger).await
    }

    async fn pause(&self, _: &ClusterSpec, awaited: Option<Awaited>) {
        tokio::time::sleep(poll(awaited).unsigned_abs()).await;
    }

    fn now(&self) -> Timestamp {
        now()
    }
}
