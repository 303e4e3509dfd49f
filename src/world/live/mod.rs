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

use super::{PerformError, World};
use crate::decide::Act;
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

impl World for Live {
    async fn observe(&self, spec: &ClusterSpec) -> Observation {
        let mut observations = self.observe_all(&[spec]).await;
        observations.remove(0)
    }

    async fn perform(
        &self,
        spec: &ClusterSpec,
        act: &Act,
        ledger: &Ledger,
    ) -> Result<(), PerformError> {
        self.do_act(spec, act, ledger).await
    }

    async fn pause(&self, millis: u64) {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }

    fn now(&self) -> Timestamp {
        now()
    }
}
