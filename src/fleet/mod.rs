//! Desired state: what the documents say each cluster shall be.
//!
//! Documents come in as text with a name, and leave as a [`Fleet`] of [`ClusterSpec`]: parsed, layered, validated, with
//! no `Option` left that could be settled. No I/O here: reading files is `source/`.

mod build;
mod checks;
mod config_keys;
mod documents;
mod draft;
mod fields;
mod file;
mod ids;
mod layer;
mod limits;
mod lines;
mod load;
mod names;
mod nearest;
mod origins;
mod parse;
pub mod pointer;
mod quantity;
mod reading;
mod schema;
mod shape;
mod shared;
mod spec;
mod text;
mod tree;
mod version;

pub(crate) use nearest::nearest;

pub use config_keys::config_value;
pub use fields::{ANY_NAME, Field};
pub use ids::{ClusterId, Ordinal};
pub use limits::{MAX_ENTRIES, MAX_FILE_BYTES, MAX_FILES, MAX_FLEET_BYTES};
pub use lines::field_lines;
pub use load::{Loaded, load, load_part};
pub use names::{SNAPSHOTS_AT_HOME, of_copy};
pub use origins::Origins;
pub use quantity::{Quantity, QuantityError};
pub use schema::DocumentKind;
pub use spec::{
    Access, AutoCompaction, BackupSettings, ClusterSpec, CompactionMode, Context, ContextSource,
    EtcdSettings, Fleet, Migration, MigrationStrategy, Origin, PodSettings, Policy, Reach,
    Resources, Rollout, Scheduling, ServiceSettings, SnapshotStore, Storage, TlsSecret,
    TlsSettings,
};
pub use version::{EtcdVersion, VersionError};
