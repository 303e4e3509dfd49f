//! The engine: lock → observe → decide → perform → await, one cluster at a time or several side by side.
//!
//! It prints nothing: what happens goes out as [`ApplyEvent`]s, what came of it as an [`Outcome`].

mod approval;
mod cluster;
pub mod event;
mod fleet;
mod interrupt;

pub use approval::{Approval, Exceeded};
pub use cluster::{IsNewer, Options, apply_cluster};
pub use event::{ApplyEvent, ClusterOutcome, Ending, Outcome};
pub use fleet::apply_fleet;
pub use interrupt::Interrupt;
