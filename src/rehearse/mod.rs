//! The real loop on the model, with everything that goes wrong: thousands of stories, and the laws of
//! etcd-operations.md 2.8 (I1 to I5) counted after every act.
//!
//! A story is a [`Schedule`]: a start, what Git says, and events with their cues. It is acted out on a stage, which is
//! the model's world together with the faults that only a rehearsal has; a part of the stories goes through the engine of
//! `apply` itself, the others through `decide` alone. Nothing here reads a clock or does I/O: a seed gives the same story
//! on every machine.

mod data;
mod engine;
mod event;
mod example;
mod excuse;
mod generate;
mod laws;
mod moves;
mod named;
mod named_offline;
mod play;
mod projection;
mod run;
mod schedule;
mod server;
mod shrink;
mod stage;
pub mod states;
mod storage_laws;
mod strike;
mod tally;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::fleet::ClusterSpec;
use play::Play;
use run::Walker;
use stage::Stage;

pub use event::{Cue, Event, Image, Part, Scene};
pub use example::example;
pub use laws::Violation;
pub use run::End;
pub use schedule::{Schedule, Start, Wish};
pub use tally::Tally;
pub use volumes::{Class, Tier, Volumes, Way};

/// The sizes that are rehearsed where none are asked for.
pub const SIZES: [u32; 4] = [1, 3, 5, 7];

/// Clusters to rehearse with, each alive and in sync at every size.
pub struct Rehearsal {
    sizes: Vec<u32>,
    clusters: Vec<Cast>,
}

/// One cluster: its document, and where stories about it start.
struct Cast {
    spec: ClusterSpec,
    living: BTreeMap<(u32, Class), Stage>,
}

/// What came of a story.
#[derive(Debug, Clone)]
pub struct Performance {
    pub end: End,
    pub violation: Option<Violation>,
    pub tally: Tally,
}

/// A story with every line of it.
#[derive(Debug, Clone)]
pub struct Story {
    pub schedule: Schedule,
    pub cluster: String,
    pub lines: Vec<String>,
    /// How each run ended, in order; the last ones with faults stopped.
    pub ends: Vec<End>,
    /// What was done.
    pub verbs: BTreeSet<&'static str>,
    pub end: End,
    pub violation: Option<Violation>,
}

/// Why nothing can be rehearsed with these clusters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RehearsalError {
    #[error("found no cluster to rehearse, expected at least one")]
    NoCluster,
    #[error("found no size to rehearse, expected at least one odd number up to 7")]
    NoSize,
    #[error("{cluster} with {members} members does not come up on the model: {why}")]
    Stillborn {
        cluster: String,
        members: u32,
        why: String,
    },
}

impl Rehearsal {
    pub fn new(specs: &[ClusterSpec], sizes: &[u32]) -> Result<Self, RehearsalError> {
        if specs.is_empty() {
            return Err(RehearsalError::NoCluster);
        }
        if sizes.is_empty() {
            return Err(RehearsalError::NoSize);
        }
        let clusters = specs.iter().map(|spec| Cast::new(spec, sizes));
        Ok(Self {
            sizes: sizes.to_vec(),
            clusters: clusters.collect::<Result<_, _>>()?,
        })
    }

    /// The story of a seed: which cluster it is about, and its schedule.
    pub fn schedule(&self, seed: u64) -> (usize, Schedule) {
        generate::schedule(seed, &self.sizes, self.clusters.len())
    }

    /// Acts a seed's story out.
    pub fn play(&self, seed: u64) -> Performance {
        let (cluster, schedule) = self.schedule(seed);
        self.clusters[cluster].act_out(&schedule)
    }

    /// A seed's whole story.
    pub fn replay(&self, seed: u64) -> Story {
        let (cluster, schedule) = self.schedule(seed);
        self.clusters[cluster].tell(schedule)
    }

    /// The shortest story that still breaks the law which this seed's story breaks.
    pub fn shrunk(&self, seed: u64) -> Story {
        let (cluster, schedule) = self.schedule(seed);
        let cast = &self.clusters[cluster];
        cast.tell(shrink::shrink(schedule, |s| cast.act_out(s).violation))
    }

    /// A schedule made by hand, on the first cluster.
    pub fn tell(&self, schedule: Schedule) -> Story {
        self.clusters[0].tell(schedule)
    }
}

/// Stories begin here; the date is nobody's business.
fn beginning() -> Timestamp {
    Timestamp::from_second(1_795_255_200).unwrap_or(Timestamp::UNIX_EPOCH)
}

impl Cast {
    fn new(spec: &ClusterSpec, sizes: &[u32]) -> Result<Self, RehearsalError> {
        let mut spec = spec.clone();
        // What a document may refuse for good reason would keep every story from being told.
        spec.policy.protected = false;
        spec.suspend = false;
        let classes = [Class::Documents].into_iter().chain(Class::THERE);
        let all = classes.flat_map(|class| sizes.iter().map(move |n| (*n, class)));
        let living = all
            .map(|(n, class)| Ok(((n, class), born(&spec, n, class)?)))
            .collect::<Result<_, _>>()?;
        Ok(Self { spec, living })
    }

    fn stage(&self, start: Start) -> Stage {
        let living = match start {
            Start::Nothing => None,
            Start::Living(n) | Start::LivingOn(n, _) => {
                self.living.get(&(n, start.class())).cloned()
            }
        };
        living.unwrap_or_else(|| Stage::empty(&self.spec, beginning()))
    }

    fn play_out(&self, schedule: &Schedule, told: bool) -> (Play, End) {
        let stage = self.stage(schedule.start);
        let mut play = Play::new(&self.spec, stage, schedule, told);
        let through = if schedule.engine {
            engine::run
        } else {
            |play: &mut Play, run: &mut run::Run| Walker::new().run(play, run)
        };
        let end = play.perform_to_the_end(through);
        if play.violation.is_none() {
            let found = excuse::unexcused(&play, &end);
            play.breaks(found);
        }
        play.tally.schedules = 1;
        play.tally.storage = u64::from(schedule.is_about_storage());
        play.tally.engine = u64::from(schedule.engine);
        play.tally.end(&end);
        (play, end)
    }

    fn act_out(&self, schedule: &Schedule) -> Performance {
        let (play, end) = self.play_out(schedule, false);
        Performance {
            end,
            violation: play.violation,
            tally: play.tally,
        }
    }

    fn tell(&self, schedule: Schedule) -> Story {
        let (mut play, end) = self.play_out(&schedule, true);
        let now = play.now();
        play.tell(|| format!("now: {now}"));
        Story {
            cluster: self.spec.id.to_string(),
            schedule,
            end,
            violation: play.violation.clone(),
            ends: std::mem::take(&mut play.ends),
            verbs: std::mem::take(&mut play.verbs),
            lines: play.story(),
        }
    }
}

/// The cluster with so many members, in sync, by the program itself.
fn born(spec: &ClusterSpec, members: u32, class: Class) -> Result<Stage, RehearsalError> {
    let schedule = Schedule {
        start: Start::Nothing,
        wish: Wish {
            volumes: Volumes::of(class),
            ..Wish::of(members)
        },
        min_tolerance: spec.policy.min_tolerance,
        local: false,
        writes: true,
        settles: false,
        engine: false,
        retains: false,
        script: Vec::new(),
    };
    let stage = Stage::empty(spec, beginning());
    let mut play = Play::new(spec, stage, &schedule, false);
    let end = play.perform_to_the_end(|play, run| Walker::new().run(play, run));
    let why = play.violation.as_ref().map(ToString::to_string);
    match (why, end) {
        (None, End::InSync) => Ok(play.stage),
        (why, end) => Err(RehearsalError::Stillborn {
            cluster: spec.id.to_string(),
            members,
            why: why.unwrap_or_else(|| end.to_string()),
        }),
    }
}
