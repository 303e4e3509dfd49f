//! `reconcile schema`: the JSON Schema of a kind of document.

use std::io::{self, Write};

use crate::fleet::DocumentKind;
use crate::report;

/// Print the JSON Schema of a document, for editors and other tools.
#[derive(Debug, Clone, clap::Args)]
pub struct SchemaArgs {
    /// Which document
    #[arg(value_name = "NAME")]
    pub name: Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Name {
    /// `kind: Fleet`
    Fleet,
    /// `kind: EtcdCluster`
    Cluster,
    /// What `plan -o json` prints
    Plan,
    /// What `apply -o json` prints
    Outcome,
    /// One line of the event stream
    Events,
    /// What `status --record` writes
    Observation,
    /// The manifest beside a snapshot
    Snapshot,
    /// What `snapshot take|list|verify -o json` prints
    Snapshots,
}

pub fn run(args: &SchemaArgs, stdout: &mut dyn Write) -> io::Result<()> {
    let printed = |name| report::schema(name).unwrap_or_default();
    let text = match args.name {
        Name::Fleet => DocumentKind::Fleet.schema_text(),
        Name::Cluster => DocumentKind::EtcdCluster.schema_text(),
        Name::Plan => printed("plan"),
        Name::Outcome => printed("outcome"),
        Name::Events => printed("events"),
        Name::Observation => printed("observation"),
        Name::Snapshot => printed("snapshot"),
        Name::Snapshots => printed("snapshots"),
    };
    stdout.write_all(text.as_bytes())
}
