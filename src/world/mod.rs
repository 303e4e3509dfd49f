//! Where observations come from and steps go to.

pub mod live;

use std::future::Future;

use jiff::Timestamp;

use crate::decide::Act;
use crate::fleet::ClusterSpec;
use crate::state::{Ledger, Observation};

/// Why an act was not done, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PerformError {
    /// The world refused it; nothing was changed. Worth another look: what was observed has moved.
    #[error("not done: {0}")]
    NotDone(String),
    /// No answer in time or the connection broke: it may still take effect. Observe, never repeat blindly.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// The world refuses it for good (forbidden, invalid, someone else's object).
    #[error("refused: {0}")]
    Refused(String),
}

/// One cluster's surroundings. Only `apply` calls `perform`.
pub trait World: Send + Sync {
    /// Never fails: what cannot be read is unknown in the observation.
    fn observe(&self, spec: &ClusterSpec) -> impl Future<Output = Observation> + Send;

    /// Writes the ledger, then does exactly this act, once.
    fn perform(
        &self,
        spec: &ClusterSpec,
        act: &Act,
        ledger: &Ledger,
    ) -> impl Future<Output = Result<(), PerformError>> + Send;

    /// Lets time pass: real seconds, or the sandbox's own.
    fn pause(&self, millis: u64) -> impl Future<Output = ()> + Send;

    /// What time it is there.
    fn now(&self) -> Timestamp;
}
