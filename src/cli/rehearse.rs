//! `reconcile rehearse`: the loop of `apply` on the model, with everything that goes wrong.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::{Done, Stop, documents, terminal};
use crate::rehearse::states::{all, find};
use crate::rehearse::{Rehearsal, SIZES, Tally, example};
use crate::report;

/// Try the clusters against faults, on the model: kills, lost nodes and disks, time-outs, other hands
///
/// Thousands of stories are acted out, each from its seed, without reaching any cluster. After every step the laws that
/// keep data and quorum are counted on what is really there. Exits 0 when none was broken, and 1 with the seed and the
/// shortest story found when one was.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct RehearseArgs {
    /// Directory of a fleet whose clusters are rehearsed; without it, one with all defaults
    path: Option<PathBuf>,
    /// How many stories
    #[arg(long, value_name = "N", default_value_t = 1000)]
    schedules: u64,
    /// Seed of the first story; the next ones count up from it
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    seed: u64,
    /// Tell the whole story of this seed
    #[arg(long, value_name = "SEED", conflicts_with_all = ["schedules", "seed"])]
    replay: Option<u64>,
    /// Tell a named story instead: a state of docs/reliability.md, like `2.8-7`; `list` for all of them
    #[arg(long, value_name = "NAME", conflicts_with_all = ["schedules", "seed", "replay"])]
    state: Option<String>,
    /// Sizes that Git may ask for
    #[arg(long, value_name = "N", value_delimiter = ',', default_values_t = SIZES,
          value_parser = clap::value_parser!(u32).range(1..=7))]
    members: Vec<u32>,
}

pub(super) fn run(args: &RehearseArgs) -> Done {
    let specs = match &args.path {
        Some(path) => {
            let clusters = documents::load(path)?.fleet.clusters;
            clusters.into_iter().map(|spec| *spec).collect()
        }
        None => vec![example()],
    };
    if let Some(even) = args.members.iter().find(|n| *n % 2 == 0) {
        return Err(Stop::usage(format!(
            "--members: found {even}, expected odd sizes: an even one tolerates no more than the odd one below it"
        )));
    }
    let rehearsal = Rehearsal::new(&specs, &args.members);
    let rehearsal = rehearsal.map_err(|error| Stop::new(1, error.to_string()))?;
    if let Some(name) = &args.state {
        return tell(&rehearsal, name);
    }
    if let Some(seed) = args.replay {
        let story = rehearsal.replay(seed);
        terminal::print(&report::story_text(&story));
        return Ok(u8::from(story.violation.is_some()));
    }
    let found = Found::search(&rehearsal, args.seed, args.schedules);
    let last = args.seed + args.schedules.saturating_sub(1);
    let seeds = (args.seed, last);
    let text = report::rehearsal_text(&found.tally, specs.len(), &args.members, seeds);
    terminal::print(&text);
    let Some(seed) = found.broken else {
        terminal::print("\nNo law was broken.\n");
        return Ok(0);
    };
    terminal::print(&format!(
        "\nSeed {seed} breaks a law. The shortest story found:\n\n"
    ));
    terminal::print(&report::story_text(&rehearsal.shrunk(seed)));
    let path = args
        .path
        .as_ref()
        .map_or_else(String::new, |p| format!(" {}", p.display()));
    terminal::print(&format!(
        "\nAs it was: reconcile rehearse{path} --replay {seed}{}\n",
        members(&args.members)
    ));
    Ok(1)
}

/// A named story, and whether it went as it should.
fn tell(rehearsal: &Rehearsal, name: &str) -> Done {
    if name == "list" {
        for state in all() {
            terminal::print(&format!("{:<18} {}\n", state.name, state.title));
        }
        return Ok(0);
    }
    let Some(state) = find(name) else {
        let names: Vec<&str> = all().map(|s| s.name).collect();
        return Err(Stop::usage(format!(
            "--state: found {name:?}, expected one of: {}",
            names.join(", ")
        )));
    };
    let story = state.tell(rehearsal, false);
    terminal::print(&format!("{}: {}\n", state.name, state.title));
    terminal::print(&report::story_text(&story));
    match state.differs(&story) {
        None => Ok(0),
        Some(what) => {
            terminal::print(&format!("not as it should: {what}\n"));
            Ok(1)
        }
    }
}

/// The option that a replay needs too, for a seed's story depends on it.
fn members(sizes: &[u32]) -> String {
    if sizes == SIZES {
        return String::new();
    }
    let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    format!(" --members {}", sizes.join(","))
}

struct Found {
    tally: Tally,
    /// The lowest seed whose story breaks a law.
    broken: Option<u64>,
}

/// Stories that a thread takes at once.
const SHARE: u64 = 16;
/// Between two lines of progress.
const OFTEN: Duration = Duration::from_secs(5);

impl Found {
    /// Acts out every story on every processor; none beyond the lowest that breaks a law.
    fn search(rehearsal: &Rehearsal, first: u64, count: u64) -> Self {
        let (next, lowest) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        let tally = Mutex::new(Tally::default());
        let told = Mutex::new(Instant::now());
        let work = || {
            let mut own = Tally::default();
            loop {
                let from = next.fetch_add(SHARE, Ordering::Relaxed);
                if from >= count || from > lowest.load(Ordering::Relaxed) {
                    break;
                }
                for at in from..count.min(from + SHARE) {
                    let performance = rehearsal.play(first.wrapping_add(at));
                    if performance.violation.is_some() {
                        lowest.fetch_min(at, Ordering::Relaxed);
                    }
                    own.add(performance.tally);
                }
                progress(&told, from, count);
            }
            if let Ok(mut all) = tally.lock() {
                all.add(own);
            }
        };
        let threads = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(work);
            }
        });
        let broken = lowest.into_inner();
        Self {
            tally: tally.into_inner().unwrap_or_default(),
            broken: (broken != u64::MAX).then(|| first.wrapping_add(broken)),
        }
    }
}

fn progress(told: &Mutex<Instant>, done: u64, count: u64) {
    if let Ok(mut told) = told.try_lock()
        && told.elapsed() >= OFTEN
    {
        *told = Instant::now();
        terminal::tell(&format!("{done} of {count} schedules"));
    }
}
