//! The model, kept in a file: try anything with no cluster at all.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Awaited, Hold, Kept, LockError, LockRequest, PerformError, World, file};
use crate::decide::Act;
use crate::diag::shortened;
use crate::fleet::{ClusterId, ClusterSpec};
use crate::model::{self, ModelError};
use crate::state::{Ledger, Observation, Sighting, Sightings};

const SCHEMA: &str = "reconcile.sandbox/v1";

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error("cannot read sandbox {path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("cannot write sandbox {path}: {source}")]
    Write {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} is no sandbox: {reason}")]
    Parse { path: PathBuf, reason: String },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Contents {
    schema: String,
    /// The simulated clock.
    now: Timestamp,
    clusters: BTreeMap<ClusterId, Observation>,
}

/// A world in a file. A missing file is an empty world; its clock starts at the time given.
pub struct Sandbox {
    path: PathBuf,
    contents: Mutex<Contents>,
}

impl Sandbox {
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, SandboxError> {
        let contents = match file::read(path) {
            Ok(text) => parse(path, &text)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Contents {
                schema: SCHEMA.into(),
                now,
                clusters: BTreeMap::new(),
            },
            Err(source) => {
                return Err(SandboxError::Read {
                    path: path.to_owned(),
                    source,
                });
            }
        };
        Ok(Self {
            path: path.to_owned(),
            contents: Mutex::new(contents),
        })
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Whole or not at all: a killed run leaves the file of before.
    fn save(&self, contents: &Contents) -> Result<(), SandboxError> {
        let failed = |source| SandboxError::Write {
            path: self.path.clone(),
            source,
        };
        let text = write(contents).map_err(|e| failed(e.into()))?;
        let temporary = self.path.with_extension("tmp");
        let mut file = std::fs::File::create(&temporary).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        std::fs::rename(&temporary, &self.path).map_err(failed)
    }

    fn look(&self, spec: &ClusterSpec) -> Observation {
        let mut contents = self.contents();
        let now = contents.now;
        let mut observed = contents
            .clusters
            .entry(spec.id.clone())
            .or_insert_with(|| model::empty(spec.id.clone(), now))
            .clone();
        model::provide_secrets(&mut observed, spec);
        model::provide_store(&mut observed, spec);
        observed.at = now;
        observed
    }
}

/// A line a cluster: small enough to check in, and a change shows which cluster it was.
fn write(contents: &Contents) -> Result<String, serde_json::Error> {
    use serde_json::to_string;
    let (schema, now) = (to_string(&contents.schema)?, to_string(&contents.now)?);
    let lines: Vec<String> = contents
        .clusters
        .iter()
        .map(|(id, observed)| Ok(format!("{}: {}", to_string(id)?, to_string(observed)?)))
        .collect::<Result<_, serde_json::Error>>()?;
    let clusters = lines.join(",\n");
    Ok(format!(
        "{{\"schema\": {schema}, \"now\": {now}, \"clusters\": {{\n{clusters}\n}}}}\n"
    ))
}

fn parse(path: &Path, text: &str) -> Result<Contents, SandboxError> {
    let broken = |reason: String| SandboxError::Parse {
        path: path.to_owned(),
        reason: shortened(reason),
    };
    let contents: Contents = serde_json::from_str(text).map_err(|e| broken(e.to_string()))?;
    if contents.schema != SCHEMA {
        return Err(broken(format!(
            "found schema {:?}, expected {SCHEMA:?}",
            contents.schema
        )));
    }
    Ok(contents)
}

/// A sandbox has one user.
pub struct SandboxHold;

impl Hold for SandboxHold {
    fn remaining(&self) -> Duration {
        Duration::MAX
    }

    fn previous_commit(&self) -> Option<&str> {
        None
    }

    async fn record_commit(&self) {}

    async fn release(self) {}
}

impl World for Sandbox {
    type Hold = SandboxHold;

    async fn observe_all(&self, specs: &[&ClusterSpec]) -> Vec<Observation> {
        specs.iter().map(|spec| self.look(spec)).collect()
    }

    async fn sightings(&self, _: &str, contexts: &[&str]) -> Sightings {
        Sighting::of_all(self.contents().clusters.values(), contexts)
    }

    async fn observe(&self, spec: &ClusterSpec) -> Observation {
        self.look(spec)
    }

    async fn lock(
        &self,
        _: &ClusterSpec,
        _: &LockRequest,
        _: Kept<'_>,
    ) -> Result<SandboxHold, LockError> {
        Ok(SandboxHold)
    }

    async fn perform(
        &self,
        spec: &ClusterSpec,
        act: &Act,
        ledger: &Ledger,
    ) -> Result<(), PerformError> {
        let mut observed = self.look(spec);
        model::perform(&mut observed, spec, act, ledger).map_err(|error| match error {
            ModelError::Conflict(_) | ModelError::Etcd(_) => {
                PerformError::NotDone(error.to_string())
            }
        })?;
        let mut contents = self.contents();
        contents.clusters.insert(spec.id.clone(), observed);
        self.save(&contents)
            .map_err(|error| PerformError::Refused(error.to_string()))
    }

    async fn pause(&self, spec: &ClusterSpec, awaited: Option<Awaited>) {
        let mut observed = self.look(spec);
        match awaited {
            Some(awaited) => model::advance(&mut observed, spec, awaited.condition),
            None => model::pass(&mut observed, spec, SignedDuration::from_secs(1)),
        }
        let mut contents = self.contents();
        contents.now = contents.now.max(observed.at);
        contents.clusters.insert(spec.id.clone(), observed);
        if let Err(error) = self.save(&contents) {
            tracing::warn!(%error, "the sandbox's clock was not saved");
        }
    }

    fn now(&self) -> Timestamp {
        self.contents().now
    }
}
