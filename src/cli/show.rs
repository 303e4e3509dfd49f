//! `reconcile show`: a saved plan as it was shown, without any cluster and without Git.

use std::path::PathBuf;

use super::{Done, plan, plan_file};

/// Show a plan that was saved with `plan --out`; reads nothing else
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ShowArgs {
    /// Plan file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Gate as `plan --check` does, by what the plan was to fail on
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    form: plan::Form,
}

pub(super) fn run(args: &ShowArgs) -> Done {
    args.form.is_sound()?;
    let saved = plan_file::read(&args.file)?;
    if let Some(found) = plan_file::edited(&args.file, &saved) {
        plan_file::say(&found);
    }
    let gate = args.check.then_some(&saved.fail_on);
    args.form
        .print(&saved.plan, gate, || saved.document.clone());
    Ok(plan::verdict(&saved.plan, gate))
}
