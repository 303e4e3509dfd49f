//! `reconcile schema`: the JSON Schema of a kind of document.

use std::io::{self, Write};

use crate::fleet::DocumentKind;

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
}

pub fn run(args: &SchemaArgs, stdout: &mut dyn Write) -> io::Result<()> {
    let kind = match args.name {
        Name::Fleet => DocumentKind::Fleet,
        Name::Cluster => DocumentKind::EtcdCluster,
    };
    stdout.write_all(kind.schema_text().as_bytes())
}
