//! Text for people: a plan, a tally, a status.

mod cluster;
mod fields;
mod plan;
mod stale;
mod status;
mod steps;
mod tally;

pub(super) use fields::texts;
pub use plan::{exit_line, plan_text};
pub use stale::{StaleCluster, StalePlan, saved_text, stale_text};
pub use status::status_text;
pub(super) use steps::chains;
pub use tally::{Again, tally_text};
