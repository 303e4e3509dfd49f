//! Desired state: what the documents say each cluster shall be.
//!
//! Documents come in as text with a name, and leave as a [`Fleet`] of [`ClusterSpec`]: parsed, layered, validated, with
//! no `Option` left that could be settled. No I/O here: reading files is `source/`.

mod ids;
mod quantity;
mod spec;
mod version;

pub use ids::{ClusterId, Ordinal};
pub use quantity::{Quantity, QuantityError};
pub use spec::{
    Access, AutoCompaction, ClusterSpec, CompactionMode, Context, ContextSource, EtcdSettings,
    Fleet, Origin, PodSettings, Policy, Reach, Resources, Rollout, Scheduling, ServiceSettings,
    Storage, TlsSecret, TlsSettings,
};
pub use version::{EtcdVersion, VersionError};
