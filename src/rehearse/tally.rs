//! What was tried, counted.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::decide::RowId;

/// Figures of a rehearsal; those of its parts add up.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub schedules: u64,
    /// Of them through the engine of `apply`, the others through `decide` alone.
    pub engine: u64,
    pub runs: u64,
    pub acts: u64,
    pub events: BTreeMap<&'static str, u64>,
    pub rows: BTreeSet<RowId>,
    /// How the stories ended: `in sync`, or the codes of the refusals that stayed.
    pub ends: BTreeMap<String, u64>,
    states: HashSet<u64>,
    triples: HashSet<u64>,
    /// Stories in which members get other volumes, or larger ones.
    pub storage: u64,
    crashes: HashSet<u64>,
}

impl Tally {
    /// States told apart by the projection.
    pub fn states(&self) -> usize {
        self.states.len()
    }

    /// Different (state, desired, schedule): where a story stood at its start and after each event, what Git said then,
    /// and all that was still to happen. From each of them the story went on to its end with the laws counted.
    pub fn triples(&self) -> usize {
        self.triples.len()
    }

    /// Different (state, desired, schedule) at which a run was killed that had not yet brought volumes to the class and
    /// size it was asked for.
    pub fn storage_crashes(&self) -> usize {
        self.crashes.len()
    }

    pub fn add(&mut self, other: Self) {
        self.schedules += other.schedules;
        self.engine += other.engine;
        self.storage += other.storage;
        self.runs += other.runs;
        self.acts += other.acts;
        for (kind, count) in other.events {
            *self.events.entry(kind).or_default() += count;
        }
        for (end, count) in other.ends {
            *self.ends.entry(end).or_default() += count;
        }
        self.rows.extend(other.rows);
        self.states.extend(other.states);
        self.triples.extend(other.triples);
        self.crashes.extend(other.crashes);
    }

    pub(super) fn event(&mut self, kind: &'static str) {
        *self.events.entry(kind).or_default() += 1;
    }

    pub(super) fn end(&mut self, end: &super::run::End) {
        *self.ends.entry(end.word()).or_default() += 1;
    }

    pub(super) fn rows(&mut self, trace: &[RowId]) {
        self.rows.extend(trace);
    }

    pub(super) fn state(&mut self, hash: u64) {
        self.states.insert(hash);
    }

    pub(super) fn crash(&mut self, hash: u64) {
        self.crashes.insert(hash);
    }

    pub(super) fn triple(&mut self, hash: u64) {
        self.triples.insert(hash);
    }
}
