//! The brain: one pure function from a situation to at most one mutating step.

mod step;

pub use step::{Act, Effect, FileLife, Intent, IntentKey, RowId, Step, Subject};
