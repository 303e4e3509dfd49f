//! `reconcile explain`: a page about a code, a row, a procedure, a wait, an ending or a field of the documents.

use super::{Done, Stop, terminal};
use crate::report;

/// Explain a refusal, guard, wait, ending, row, procedure, finding or field
///
/// What it means, why it is refused, where to look, what to do, and when it is safe to override; of a field of the
/// documents what it takes, what holds without it and where it may stand. Without a name: all names.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ExplainArgs {
    /// A code as plans and runs print it, PROCEDURE/ROW, PROCEDURE, a field as in `storage.size` or
    /// `Fleet.spec.rollout`, or `exit-codes`
    #[arg(value_name = "CODE|PROCEDURE|FIELD")]
    name: Option<String>,
}

pub(super) fn run(args: &ExplainArgs) -> Done {
    let style = terminal::stdout_style();
    let text = match &args.name {
        None => report::explain_topics(&style),
        Some(name) => report::explain_text(name, &style)
            .map_err(|unknown| Stop::usage(unknown.to_string()))?,
    };
    terminal::print(&text);
    Ok(0)
}
