//! The map of the crate: one module per stage, arrows one way only.
//!
//! ```text
//! cli → report → rehearse → {apply, source} → {world, plan} → {model, decide, import} → manifest → {fleet, state} → diag
//! ```
//!
//! The whole program hangs on one pure function, [`decide::decide`], driven over a *world*: a copy of an
//! observation moved by the [`model`] (`plan`, `--check`), live Kubernetes and etcd (`apply`), or the model kept in a
//! file (`apply --sandbox`). `ARCHITECTURE.md` tells the rest; `tests/architecture.rs` keeps the arrows.

pub mod apply;
pub mod cli;
pub mod decide;
pub mod diag;
pub mod fleet;
pub mod import;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod rehearse;
pub mod report;
pub mod source;
pub mod state;
pub mod world;
