//! Where observations come from and steps go to.

mod file;
mod json;
pub mod live;
pub mod recorded;
pub mod sandbox;
pub mod store;

use std::future::Future;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::decide::{Act, Condition};
use crate::fleet::ClusterSpec;
use crate::state::{Ledger, Observation, Sightings};

pub(crate) use file::special;

/// Why an act was not done, or may not have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PerformError {
    /// The world refused it; nothing was changed. Worth another look: what was observed has moved.
    #[error("not done: {0}")]
    NotDone(String),
    /// The world keeps it back until others are ready, and nothing was changed: a disruption budget that does not allow
    /// an eviction yet.
    #[error("not yet: {0}")]
    HeldBack(String),
    /// No answer in time or the connection broke: it may still take effect. Observe, never repeat blindly.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// The world refuses it for good (forbidden, invalid, someone else's object).
    #[error("refused: {0}")]
    Refused(String),
}

/// Who asks for a cluster's Lease, and on behalf of what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRequest {
    /// Full Git commit of the documents; recorded in the Lease.
    pub commit: Option<String>,
    /// How long to wait for another holder.
    pub timeout: Duration,
}

/// Hears of each try for a lock that did not bring it and is followed by another.
pub type Kept<'k> = &'k (dyn Fn(&LockError) + Sync);

/// What a run waits for, and for how long it has.
#[derive(Debug, Clone, Copy)]
pub struct Awaited {
    pub condition: Condition,
    pub elapsed: SignedDuration,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    #[error("held by {holder}, renewed {renewed}")]
    Held { holder: String, renewed: Timestamp },
    #[error("{0}")]
    Unreachable(String),
}

/// A Lease that is held and renewed until it is released.
pub trait Hold: Send + Sync {
    /// What is left of it; zero once it is lost.
    fn remaining(&self) -> Duration;

    /// The commit of the run that held it before, whenever that was.
    fn previous_commit(&self) -> Option<&str>;

    /// This run goes ahead: its commit is the one the next run finds.
    fn record_commit(&self) -> impl Future<Output = ()> + Send;

    fn release(self) -> impl Future<Output = ()> + Send;
}

/// The surroundings of the clusters of one fleet. Only `apply` locks and performs.
pub trait World: Send + Sync {
    type Hold: Hold;

    /// Never fails: what cannot be read is unknown in the observation. In the order of `specs`.
    fn observe_all(&self, specs: &[&ClusterSpec]) -> impl Future<Output = Vec<Observation>> + Send;

    /// Everything in these contexts that says that a cluster of this fleet lives there, named in Git or not.
    fn sightings(&self, fleet: &str, contexts: &[&str]) -> impl Future<Output = Sightings> + Send;

    /// One cluster, narrowly.
    fn observe(&self, spec: &ClusterSpec) -> impl Future<Output = Observation> + Send;

    fn lock(
        &self,
        spec: &ClusterSpec,
        request: &LockRequest,
        kept: Kept<'_>,
    ) -> impl Future<Output = Result<Self::Hold, LockError>> + Send;

    /// Writes the ledger, then does exactly this act, once.
    fn perform(
        &self,
        spec: &ClusterSpec,
        act: &Act,
        ledger: &Ledger,
    ) -> impl Future<Output = Result<(), PerformError>> + Send;

    /// Time until the next look at a wait: real, or the sandbox's own.
    fn pause(
        &self,
        spec: &ClusterSpec,
        awaited: Option<Awaited>,
    ) -> impl Future<Output = ()> + Send;

    fn now(&self) -> Timestamp;
}
