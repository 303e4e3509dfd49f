//! A recording replayed: read-only, no credentials.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Hold, LockError, LockRequest, PerformError, World, file};
use crate::decide::{Act, Condition};
use crate::diag::shortened;
use crate::fleet::{ClusterId, ClusterSpec};
use crate::state::{Ledger, Observation, Reading, Sighting, Sightings};

const SCHEMA: &str = "reconcile.observation/v1";

#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    #[error("cannot read recording {path}: {source}")]
    Read {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path} is no recording: {reason}")]
    Parse { path: PathBuf, reason: String },
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Contents {
    schema: String,
    now: Timestamp,
    observations: Vec<Observation>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sightings: Sightings,
}

/// What `reconcile status --record FILE` wrote.
pub struct Recording {
    now: Timestamp,
    observations: BTreeMap<ClusterId, Observation>,
    sightings: Sightings,
}

impl Recording {
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let text = file::read(path).map_err(|source| RecordingError::Read {
            path: path.to_owned(),
            source,
        })?;
        let broken = |reason: String| RecordingError::Parse {
            path: path.to_owned(),
            reason: shortened(reason),
        };
        let contents: Contents = serde_json::from_str(&text).map_err(|e| broken(e.to_string()))?;
        if contents.schema != SCHEMA {
            return Err(broken(format!(
                "found schema {:?}, expected {SCHEMA:?}",
                contents.schema
            )));
        }
        let observations = contents.observations.into_iter();
        Ok(Self {
            now: contents.now,
            observations: observations.map(|o| (o.cluster.clone(), o)).collect(),
            sightings: contents.sightings,
        })
    }

    /// The text of a recording of these observations.
    pub fn text(
        now: Timestamp,
        observations: Vec<Observation>,
        sightings: Sightings,
    ) -> Result<String, serde_json::Error> {
        let contents = Contents {
            schema: SCHEMA.into(),
            now,
            observations,
            sightings,
        };
        Ok(serde_json::to_string_pretty(&contents)? + "\n")
    }

    fn look(&self, spec: &ClusterSpec) -> Observation {
        self.observations.get(&spec.id).cloned().unwrap_or_else(|| {
            let mut absent = crate::model::empty(spec.id.clone(), self.now);
            absent.kube = Reading::Unknown("the recording does not hold this cluster".into());
            absent
        })
    }
}

/// Nothing can be locked in a recording, so there is no value of this type.
pub enum NoHold {}

impl Hold for NoHold {
    fn remaining(&self) -> Duration {
        match *self {}
    }

    fn previous_commit(&self) -> Option<&str> {
        match *self {}
    }

    async fn record_commit(&self) {
        match *self {}
    }

    async fn release(self) {
        match self {}
    }
}

impl World for Recording {
    type Hold = NoHold;

    async fn observe_all(&self, specs: &[&ClusterSpec]) -> Vec<Observation> {
        specs.iter().map(|spec| self.look(spec)).collect()
    }

    /// What was sighted when it was recorded; a recording that holds none has the clusters that it observed.
    async fn sightings(&self, _: &str, contexts: &[&str]) -> Sightings {
        let mut sightings = Sighting::of_all(self.observations.values(), contexts);
        for (context, seen) in &self.sightings {
            if let Some(place) = sightings.get_mut(context) {
                *place = seen.clone();
            }
        }
        sightings
    }

    async fn observe(&self, spec: &ClusterSpec) -> Observation {
        self.look(spec)
    }

    async fn lock(&self, _: &ClusterSpec, _: &LockRequest) -> Result<NoHold, LockError> {
        Err(LockError::Unreachable("a recording is read-only".into()))
    }

    async fn perform(&self, _: &ClusterSpec, _: &Act, _: &Ledger) -> Result<(), PerformError> {
        Err(PerformError::Refused("a recording is read-only".into()))
    }

    async fn pause(&self, _: &ClusterSpec, _: Option<Condition>) {}

    fn now(&self) -> Timestamp {
        self.now
    }
}
