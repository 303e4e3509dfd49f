//! `apply FILE`: a saved plan, held against the fleet, the clock and what is left to do. It may be applied in part, never
//! exceeded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::documents::{self, LoadedFleet};
use super::plan::Made;
use super::selection::Selection;
use super::{Stop, plan_file, terminal, validate};
use crate::apply::Approval;
use crate::fleet::{ClusterId, ClusterSpec};
use crate::plan::{ClusterPlan, Plan};
use crate::report::{self, SavedPlan, StaleCluster, StalePlan};

/// How old a plan may be where nobody says: what was looked at yesterday is not what somebody would say yes to today.
const OLDEST: SignedDuration = SignedDuration::from_hours(24);

/// A plan file that is to be applied.
pub(super) struct Saved {
    file: PathBuf,
    read: SavedPlan,
}

/// Refused as it stands, before anything was changed.
fn refused(why: impl std::fmt::Display) -> Stop {
    Stop::new(6, format!("{why}; nothing was changed"))
}

impl Saved {
    /// The plan that a path names; `None`: it names a fleet.
    pub(super) fn open(path: &Path) -> Result<Option<Self>, Stop> {
        if !plan_file::is_one(path) {
            return Ok(None);
        }
        let read = plan_file::read(path)?;
        if let Some(found) = plan_file::edited(path, &read) {
            plan_file::say(&found);
            return Err(refused("the plan was edited after it was made"));
        }
        let file = path.to_owned();
        Ok(Some(Self { file, read }))
    }

    pub(super) const fn plan(&self) -> &Plan {
        &self.read.plan
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The fleet and the clusters that it was made of; `fleet`: the directory, where it is not where the plan says.
    pub(super) fn selection(&self, fleet: Option<&Path>) -> Result<Selection, Stop> {
        let source = &self.plan().source;
        let path = match (fleet, &source.path) {
            (Some(given), _) => given.to_owned(),
            (None, Some(said)) => PathBuf::from(said),
            (None, None) => {
                return Err(Stop::usage(format!(
                    "{} does not say which fleet it is of: give its directory with --path",
                    self.file.display()
                )));
            }
        };
        if fleet.is_none() && !path.exists() {
            return Err(Stop::usage(format!(
                "{} is of the fleet in {}, which is not there; give its directory with --path",
                self.file.display(),
                path.display()
            )));
        }
        let mut selection = Selection {
            path,
            cluster: Vec::new(),
            context: Vec::new(),
        };
        for filter in &source.filters {
            match filter.split_once('=') {
                Some(("cluster", glob)) => selection.cluster.push(glob.to_owned()),
                Some(("context", name)) => selection.context.push(name.to_owned()),
                _ => {
                    // Without it more would be picked than was planned.
                    let file = self.file.display();
                    let found = format!("{file} has filter {filter:?}, which is not known here");
                    return Err(Stop::new(validate::INVALID, found));
                }
            }
        }
        Ok(selection)
    }

    /// What Git says here is the fleet it was made of, at its commit or a later one.
    pub(super) fn is_of(&self, loaded: &LoadedFleet, allow_older: bool) -> Result<(), Stop> {
        let plan = self.plan();
        if loaded.fleet.name != plan.fleet {
            return Err(refused(format!(
                "{} is of fleet {}, found fleet {} in its directory",
                self.file.display(),
                plan.fleet,
                loaded.fleet.name
            )));
        }
        let Some(planned) = plan.source.commit.as_deref().filter(|_| !allow_older) else {
            return Ok(());
        };
        let now = loaded.commit();
        let follows = |now: &str| !documents::is_newer(loaded.git.as_ref(), planned, now);
        if now.as_deref().is_some_and(follows) {
            return Ok(());
        }
        let now = now.map_or("in no commit".to_owned(), |now| format!("at commit {now}"));
        Err(refused(format!(
            "the plan is of commit {planned} and its fleet is {now}, which is not known to follow it; check that commit out, pull, fetch more history, or give --allow-older"
        )))
    }

    pub(super) fn is_young(
        &self,
        now: Timestamp,
        oldest: Option<SignedDuration>,
    ) -> Result<(), Stop> {
        let (age, oldest) = (
            now.duration_since(self.plan().now),
            oldest.unwrap_or(OLDEST),
        );
        if age <= oldest {
            return Ok(());
        }
        Err(refused(format!(
            "the plan is of {}, {age:#} ago, and may be {oldest:#} old at most (--max-age); plan again",
            self.plan().now
        )))
    }

    /// What may be done to each cluster. Where one has more to do than was approved, nothing may be done to any.
    pub(super) fn approvals<'l>(
        &self,
        made: &Made<'l>,
    ) -> Result<Vec<(&'l ClusterSpec, Approval)>, Stop> {
        let mut stale = StalePlan {
            saved: self.plan(),
            commit: made.plan.source.commit.as_deref(),
            clusters: Vec::new(),
        };
        let (before, now) = (by_id(self.plan()), by_id(&made.plan));
        let mut approvals = Vec::new();
        for spec in &made.picked {
            let Some(anew) = now.get(&spec.id) else {
                continue;
            };
            match Approval::of_saved(before.get(&spec.id).copied(), anew) {
                Ok(approval) => approvals.push((*spec, approval)),
                Err(exceeded) => stale.clusters.push(StaleCluster {
                    id: spec.id.clone(),
                    exceeded,
                }),
            }
        }
        if stale.clusters.is_empty() {
            return Ok(approvals);
        }
        let text = report::stale_text(&stale, &terminal::stderr_style());
        terminal::tell(&text);
        Err(refused("what is left to do is not what was approved"))
    }
}

fn by_id(plan: &Plan) -> BTreeMap<&ClusterId, &ClusterPlan> {
    plan.clusters.iter().map(|c| (&c.id, c)).collect()
}
