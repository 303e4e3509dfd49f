//! Which commits said what a plan changes.

use crate::fleet::Origin;
use crate::plan::Plan;
use crate::source::{GitState, Lines, blame};

/// Files whose history is read, in the order of the plan; it takes time, and nobody reads more origins than that.
const MOST_FILES: usize = 50;

/// Gives the origins of a plan's changed fields their commits, where Git has them.
pub(super) fn attribute(plan: &mut Plan, git: Option<&GitState>) {
    let Some(git) = git else {
        return;
    };
    let mut asked = Lines::new();
    for origin in origins(plan) {
        if asked.len() < MOST_FILES || asked.contains_key(&origin.file) {
            let lines = asked.entry(origin.file.clone()).or_default();
            lines.insert(origin.line);
        }
    }
    let found = blame(git, &asked);
    for origin in origins(plan) {
        // A line may be the origin of several fields.
        origin.commit = found.get(&(origin.file.clone(), origin.line)).cloned();
    }
}

fn origins(plan: &mut Plan) -> impl Iterator<Item = &mut Origin> {
    let changes = plan.clusters.iter_mut().flat_map(|c| &mut c.changes);
    changes.filter_map(|change| change.origin.as_mut())
}
