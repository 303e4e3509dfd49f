//! The live world: Kubernetes and etcd as they are.
//!
//! Observing never fails: what cannot be read is unknown in the observation, with the reason. Performing does one thing,
//! once, bound to what was observed.

mod api;
mod claims;
mod contexts;
pub mod etcd;
mod fields;
mod gather;
mod identity;
pub mod lock;
mod names;
mod objects;
mod observe;
mod perform;
mod pods;
mod resource;
mod seats;
mod secret;
mod secrets;
mod write;

use std::time::Duration;

use jiff::Timestamp;

use super::{Hold, LockError, LockRequest, PerformError, World};
use crate::decide::{Act, Condition};
use crate::fleet::ClusterSpec;
use crate::state::{Ledger, Observation};
use seats::Channels;

pub use contexts::{ContextError, Contexts};
pub use identity::Identity;
pub use observe::Options;
pub use secret::{Scrubber, Secret};

/// The world behind a fleet's contexts.
pub struct Live {
    contexts: Contexts,
    options: Options,
    channels: Channels,
}

impl Live {
    pub fn new(contexts: Contexts, options: Options) -> Self {
        Self {
            contexts,
            options,
            channels: Channels::default(),
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

/// To come with the Lease.
pub struct LiveHold;

impl Hold for LiveHold {
    fn remaining(&self) -> Duration {
        Duration::MAX
    }

    async fn release(self) {}
}

/// Between two looks at a wait: short beside what is waited for, long beside a LIST.
const POLL: Duration = Duration::from_millis(400);

impl World for Live {
    type Hold = LiveHold;

    async fn observe_all(&self, specs: &[&ClusterSpec]) -> Vec<Observation> {
        self.observe_each(specs).await
    }

    async fn observe(&self, spec: &ClusterSpec) -> Observation {
        let mut observations = self.observe_each(&[spec]).await;
        observations.remove(0)
    }

    async fn lock(&self, _: &ClusterSpec, _: &LockRequest) -> Result<LiveHold, LockError> {
        Ok(LiveHold)
    }

    async fn perform(
        &self,
        spec: &ClusterSpec,
        act: &Act,
        ledger: &Ledger,
    ) -> Result<(), PerformError> {
        self.do_act(spec, act, ledger).await
    }

    async fn pause(&self, _: &ClusterSpec, _: Option<Condition>) {
        tokio::time::sleep(POLL).await;
    }

    fn now(&self) -> Timestamp {
        now()
    }
}
