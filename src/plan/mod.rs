//! The plan: `decide` driven over a copy of the observation that the model moves, until nothing is left.

mod basis;
mod change;
mod document;
mod hash;
mod orphan;
mod storage;
mod unroll;

#[cfg(test)]
mod tests;

pub use basis::Basis;
pub use change::{Class, FieldChange};
pub use document::{Counts, Plan, SourceFacts, outcome_codes};
pub use hash::intent_hash;
pub use orphan::{Orphan, Orphans, orphans};
pub use unroll::{ClusterPlan, PlannedIntent, Stall, Verdict, unroll};
