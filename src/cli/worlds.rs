//! Which world a command looks at.

use std::panic::resume_unwind;
use std::path::PathBuf;

use jiff::Timestamp;
use rayon::iter::{
    IndexedParallelIterator as _, IntoParallelRefIterator as _, ParallelIterator as _,
};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::selection::Selection;
use super::{Stop, clock};
use crate::fleet::{ClusterSpec, Fleet};
use crate::plan::{self, Orphans};
use crate::state::{Observation, Sightings};
use crate::world::World as _;
use crate::world::live::{Contexts, Live, Options};
use crate::world::recorded::Recording;
use crate::world::sandbox::Sandbox;
use crate::world::store::state_home;

#[derive(Debug, Clone, clap::Args)]
pub(super) struct WorldArgs {
    /// Replay a recording (`status --record`): read-only, no credentials
    #[arg(long, value_name = "FILE", conflicts_with = "sandbox")]
    pub(super) observed: Option<PathBuf>,
    /// Act on a model kept in this file; a missing file is an empty world
    #[arg(long, value_name = "FILE")]
    pub(super) sandbox: Option<PathBuf>,
    /// Fix the clock (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub(super) now: Option<Timestamp>,
}

pub(super) enum Worlds {
    Live(Live),
    Sandbox(Sandbox),
    Recorded(Recording),
}

impl Worlds {
    pub(super) fn open(
        args: &WorldArgs,
        fleet: &Fleet,
        root: &std::path::Path,
    ) -> Result<Self, Stop> {
        if let Some(file) = &args.observed {
            let recording = Recording::open(file).map_err(|e| Stop::new(4, e.to_string()))?;
            return Ok(Self::Recorded(recording));
        }
        if let Some(file) = &args.sandbox {
            let sandbox = Sandbox::open(file, clock::now(args.now))
                .map_err(|e| Stop::new(4, e.to_string()))?;
            return Ok(Self::Sandbox(sandbox));
        }
        let contexts = Contexts::new(fleet, root);
        let live = Live::new(contexts, Options::default());
        Ok(Self::Live(live.with_state_home(state_home())))
    }

    /// What `look` makes of each cluster as it is observed, in their order, on all cores; and what runs besides, which is
    /// asked for at the same time: taking clusters apart keeps a thread from anything else. Called in [`runtime`].
    pub(super) fn survey<T: Send>(
        &self,
        specs: &[&ClusterSpec],
        (selection, fleet): (&Selection, &Fleet),
        look: impl Fn(&ClusterSpec, Observation) -> T + Sync,
    ) -> Result<(Vec<T>, Sightings), Stop> {
        let runtime = Handle::current();
        block_in_place(|| {
            std::thread::scope(|scope| {
                let sightings = scope.spawn(|| runtime.block_on(self.sightings(selection, fleet)));
                let seen = runtime.block_on(self.each(specs, look));
                let sightings = sightings.join().unwrap_or_else(|died| resume_unwind(died));
                Ok((seen?, sightings))
            })
        })
    }

    async fn each<T: Send>(
        &self,
        specs: &[&ClusterSpec],
        look: impl Fn(&ClusterSpec, Observation) -> T + Sync,
    ) -> Result<Vec<T>, Stop> {
        let observed = match self {
            Self::Live(world) => world.observe_all(specs).await,
            Self::Sandbox(world) => world.observe_all(specs).await,
            Self::Recorded(world) => {
                let looks = world.each(specs, look);
                return looks.map_err(|error| Stop::new(4, error.to_string()));
            }
        };
        let pairs = specs.par_iter().zip(observed);
        Ok(pairs.map(|(spec, observed)| look(spec, observed)).collect())
    }

    /// In the contexts that the selection asks for.
    async fn sightings(&self, selection: &Selection, fleet: &Fleet) -> Sightings {
        let contexts: Vec<&str> = fleet
            .contexts
            .keys()
            .filter(|name| selection.context.is_empty() || selection.context.contains(name))
            .map(String::as_str)
            .collect();
        match self {
            Self::Live(world) => world.sightings(&fleet.name, &contexts).await,
            Self::Sandbox(world) => world.sightings(&fleet.name, &contexts).await,
            Self::Recorded(world) => world.sightings(&fleet.name, &contexts).await,
        }
    }

    /// What a plan is "as of".
    pub(super) fn now(&self) -> Timestamp {
        clock::to_seconds(match self {
            Self::Live(world) => world.now(),
            Self::Sandbox(world) => world.now(),
            Self::Recorded(world) => world.now(),
        })
    }
}

/// Those sighted that Git does not name, as far as the selection asks for them.
pub(super) fn orphans(selection: &Selection, fleet: &Fleet, seen: &Sightings) -> Orphans {
    let mut orphans = plan::orphans(fleet, seen);
    orphans.found.retain(|orphan| selection.matches(&orphan.id));
    orphans
}

/// The runtime that a command which observes runs on.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    // One provider for all TLS in the process; a second installation is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::new(1, format!("cannot start: {error}")))
}
