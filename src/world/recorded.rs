//! A recording replayed: read-only, no credentials.
//!
//! It is written with a line for each cluster, and everything else before them: so a large one is read by all cores at
//! once, and never held as a whole. One that is laid out otherwise is held, and gives the same.

mod lines;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde::{Deserialize, Serialize};

use self::lines::Lines;
use super::{Awaited, Hold, Kept, LockError, LockRequest, PerformError, World, file, json};
use crate::decide::Act;
use crate::diag::shortened;
use crate::fleet::{ClusterId, ClusterSpec};
use crate::state::{Ledger, Observation, Reading, Sighting, Sightings};

const SCHEMA: &str = "reconcile.observation/v1";
/// Stands alone on the line before the first cluster's.
const OPENS: &str = "\"observations\": [\n";
/// Stands alone on the line after the last cluster's.
const CLOSES: &str = "]}";
/// The first cluster's.
const FIRST_LINE: usize = 3;

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

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Contents {
    schema: String,
    now: Timestamp,
    observations: Vec<Observation>,
    #[serde(default)]
    sightings: Sightings,
}

/// What stands before the lines.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Head {
    schema: String,
    now: Timestamp,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    sightings: Sightings,
}

/// What `reconcile status --record FILE` wrote.
pub struct Recording {
    path: PathBuf,
    now: Timestamp,
    sightings: Sightings,
    observations: Observations,
}

enum Observations {
    Held(Vec<Observation>),
    /// A line each, from this byte on.
    Lines(u64),
}

impl Recording {
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let (head, observations) = match Self::head(path)? {
            Some((head, start)) => (head, Observations::Lines(start)),
            None => Self::whole(path)?,
        };
        if head.schema != SCHEMA {
            let reason = format!("found schema {:?}, expected {SCHEMA:?}", head.schema);
            return Err(broken(path, reason));
        }
        Ok(Self {
            path: path.to_owned(),
            now: head.now,
            sightings: head.sightings,
            observations,
        })
    }

    /// What stands before the lines, and where they start; `None`: it is laid out otherwise.
    fn head(path: &Path) -> Result<Option<(Head, u64)>, RecordingError> {
        let file = file::open(path).map_err(|e| unread(path, e))?;
        let mut file = BufReader::new(file.take(file::MOST_BYTES));
        let (mut head, mut opens) = (Vec::new(), Vec::new());
        for line in [&mut head, &mut opens] {
            file.read_until(b'\n', line).map_err(|e| unread(path, e))?;
        }
        let start = (head.len() + opens.len()) as u64;
        let Some(before) = head
            .strip_suffix(b",\n")
            .filter(|_| opens == OPENS.as_bytes())
        else {
            return Ok(None);
        };
        let head = serde_json::from_slice(&[before, b"}".as_slice()].concat());
        Ok(head.ok().map(|head| (head, start)))
    }

    fn whole(path: &Path) -> Result<(Head, Observations), RecordingError> {
        let text = file::read(path).map_err(|e| unread(path, e))?;
        let contents = serde_json::from_str(&text);
        let contents: Contents = contents.map_err(|e| broken(path, e.to_string()))?;
        let head = Head {
            schema: contents.schema,
            now: contents.now,
            sightings: contents.sightings,
        };
        Ok((head, Observations::Held(contents.observations)))
    }

    /// The text of a recording of these observations.
    pub fn text(
        now: Timestamp,
        observations: &[Observation],
        sightings: Sightings,
    ) -> Result<String, serde_json::Error> {
        let head = Head {
            schema: SCHEMA.into(),
            now,
            sightings,
        };
        let head = serde_json::to_string(&head)?;
        let lines: Vec<String> = observations
            .par_iter()
            .map(serde_json::to_string)
            .collect::<Result<_, _>>()?;
        let open = head.strip_suffix('}').unwrap_or(&head);
        let mut text = format!("{open},\n{OPENS}{}", lines.join(",\n"));
        if !lines.is_empty() {
            text.push('\n');
        }
        Ok(text + CLOSES + "\n")
    }

    /// What `look` makes of each of these clusters, in their order; several at once, each held while it is looked at.
    pub fn each<T: Send>(
        &self,
        specs: &[&ClusterSpec],
        look: impl Fn(&ClusterSpec, Observation) -> T + Sync,
    ) -> Result<Vec<T>, RecordingError> {
        let places = specs.iter().enumerate();
        let places: HashMap<&ClusterId, usize> = places.map(|(at, spec)| (&spec.id, at)).collect();
        let found = self.scan(|observed| {
            let at = *places.get(&observed.cluster)?;
            // By its place: what threads found is gathered and sorted.
            Some((at, Box::new(look(specs[at], observed))))
        })?;
        let mut looks: Vec<Option<T>> = specs.iter().map(|_| None).collect();
        for (at, seen) in found {
            looks[at] = Some(*seen);
        }
        let looks = looks.into_iter().zip(specs);
        Ok(looks
            .map(|(seen, spec)| seen.unwrap_or_else(|| look(spec, self.absent(spec))))
            .collect())
    }

    /// What `look` makes of everything that is in it, in order.
    fn scan<T: Send>(
        &self,
        look: impl Fn(Observation) -> Option<T> + Sync,
    ) -> Result<Vec<T>, RecordingError> {
        let start = match &self.observations {
            Observations::Held(all) => {
                let looks = all.par_iter().map(|observed| look(observed.clone()));
                return Ok(looks.collect::<Vec<_>>().into_iter().flatten().collect());
            }
            Observations::Lines(start) => *start,
        };
        let lines = file::open(&self.path).and_then(|file| {
            let lines = Lines::new(file, start, CLOSES)?;
            lines.each(|line| observation(line).map(&look))
        });
        let lines = lines.map_err(|e| unread(&self.path, e))?;
        let (mut found, mut number) = (Vec::with_capacity(lines.seen.len()), FIRST_LINE);
        for seen in lines.seen {
            found.extend(seen.map_err(|e| self.no_observation(number, &e))?);
            number += 1;
        }
        if !lines.whole {
            let cut = format!("it is cut off in line {number}");
            return Err(unread(&self.path, std::io::Error::other(cut)));
        }
        Ok(found)
    }

    fn no_observation(&self, number: usize, error: &serde_json::Error) -> RecordingError {
        let (text, column) = (error.to_string(), error.column());
        let said = text
            .rsplit_once(" at line ")
            .map_or(&*text, |(said, _)| said);
        broken(
            &self.path,
            format!("{said} at line {number} column {column}"),
        )
    }

    fn absent(&self, spec: &ClusterSpec) -> Observation {
        self.unknown(spec, "the recording does not hold this cluster")
    }

    fn unknown(&self, spec: &ClusterSpec, why: impl Into<String>) -> Observation {
        let mut unknown = crate::model::empty(spec.id.clone(), self.now);
        unknown.kube = Reading::Unknown(why.into());
        unknown
    }
}

fn observation(line: &[u8]) -> serde_json::Result<Observation> {
    json::read(line.strip_suffix(b",").unwrap_or(line))
}

fn unread(path: &Path, source: std::io::Error) -> RecordingError {
    RecordingError::Read {
        path: path.to_owned(),
        source,
    }
}

fn broken(path: &Path, reason: String) -> RecordingError {
    RecordingError::Parse {
        path: path.to_owned(),
        reason: shortened(reason),
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
        self.each(specs, |_, observed| observed)
            .unwrap_or_else(|error| {
                let why = error.to_string();
                let unread = specs.iter().map(|spec| self.unknown(spec, &why));
                unread.collect()
            })
    }

    /// What was sighted when it was recorded; a recording that holds none has the clusters that it observed.
    async fn sightings(&self, _: &str, contexts: &[&str]) -> Sightings {
        let noted = |context: &&str| self.sightings.contains_key(*context);
        let (noted, other): (Vec<&str>, Vec<&str>) = contexts.iter().copied().partition(noted);
        let noted = noted
            .into_iter()
            .filter_map(|context| self.sightings.get_key_value(context));
        let mut sightings: Sightings = noted.map(|(k, seen)| (k.clone(), seen.clone())).collect();
        if other.is_empty() {
            return sightings;
        }
        let seen = self.scan(|observed| {
            let context = observed.cluster.context.as_str();
            other
                .contains(&context)
                .then(|| (context.to_owned(), Sighting::of(&observed)))
        });
        for context in other {
            let here = match &seen {
                Ok(seen) => {
                    let here = seen.iter().filter(|(of, _)| of == context);
                    Reading::Known(here.filter_map(|(_, sighting)| sighting.clone()).collect())
                }
                Err(error) => Reading::Unknown(error.to_string()),
            };
            sightings.insert(context.to_owned(), here);
        }
        sightings
    }

    async fn observe(&self, spec: &ClusterSpec) -> Observation {
        self.observe_all(&[spec]).await.remove(0)
    }

    async fn lock(
        &self,
        _: &ClusterSpec,
        _: &LockRequest,
        _: Kept<'_>,
    ) -> Result<NoHold, LockError> {
        Err(LockError::Unreachable("a recording is read-only".into()))
    }

    async fn perform(&self, _: &ClusterSpec, _: &Act, _: &Ledger) -> Result<(), PerformError> {
        Err(PerformError::Refused("a recording is read-only".into()))
    }

    async fn pause(&self, _: &ClusterSpec, _: Option<Awaited>) {}

    fn now(&self) -> Timestamp {
        self.now
    }
}

#[cfg(test)]
mod tests;
