//! Plans, outcomes, events and observations as text, Markdown and JSON, and the exit codes that follow from them.
//!
//! Pure: what goes in decides every byte that comes out. The only time shown is the one declared.

mod board;
mod document;
mod events;
mod exit;
mod explain;
mod headline;
mod json;
mod lines;
mod lock;
mod lost;
mod markdown;
mod permissions;
mod procedures;
mod rehearsal;
mod saved;
mod schema;
mod settings;
mod snapshots;
mod style;
mod text;
mod words;

pub use board::Board;
pub use document::{escaped, json_lines, json_text, yaml_text};
pub use events::{EVENTS_SCHEMA, EventLog, event_json, events_header};
pub use exit::{Exit, FailOn, FailOnError, Failure, codes_of, of};
pub use explain::{
    Kind, Page, Part, UnknownTopic, documents_markdown, explain_text, explain_topics, explanations,
    refusals_markdown,
};
pub use json::{OUTCOME_SCHEMA, PLAN_SCHEMA, Tool, outcome_json, plan_json};
pub use lock::lock_text;
pub use lost::{LostEvents, lost_events_tally, lost_events_text};
pub use markdown::{failure_markdown, plan_markdown};
pub use permissions::permissions_markdown;
pub use procedures::procedures_markdown;
pub use rehearsal::{rehearsal_text, story_text};
pub use saved::SavedPlan;
pub use schema::{schema, schemas};
pub use settings::{SettingRow, settings_text};
pub use snapshots::{
    ClusterSnapshots, Fault, Look, SNAPSHOTS_SCHEMA, SnapshotAction, snapshot_codes,
    snapshots_json, snapshots_text,
};
pub use style::{Color, TextStyle, defuse};
pub use text::{
    Again, StaleCluster, StalePlan, exit_line, plan_text, saved_text, stale_text, status_text,
    tally_text,
};
pub use words::progress_text;
