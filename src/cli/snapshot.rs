//! `reconcile snapshot`: copies of the clusters' data, now.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Done, Stop, clock, documents, output::Output, selection, terminal, worlds};
use crate::fleet::ClusterSpec;
use crate::report::{
    self, ClusterSnapshots, Exit, Fault, Look, SnapshotAction, snapshot_codes, snapshots_json,
    snapshots_text,
};
use crate::state::SnapshotFacts;
use crate::world::live::{Contexts, Live, Options};
use crate::world::store::{Etcdutl, Progress, SnapshotError, Store, StoreError, state_home};

/// Take, list and verify snapshots of the clusters' data
///
/// A snapshot is the whole database of one etcd cluster, streamed from a follower while it serves. It goes where
/// `backup.store` of the cluster says, else to `$XDG_STATE_HOME/reconcile/snapshots` (`~/.local/state` by default).
/// Nothing here ever deletes one. Exits 0, or 3 when a snapshot is damaged, missing or refused, 5 when a store could
/// not be read, 1 when one could not be taken.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct SnapshotArgs {
    #[command(subcommand)]
    command: SnapshotCommand,
}

#[derive(Debug, Clone, clap::Subcommand)]
enum SnapshotCommand {
    /// Take a snapshot of each cluster
    ///
    /// Streamed from the follower that lags least (the leader only where no other voter answers), its SHA-256 checked
    /// as it passes, kept only when all of it is there. A store that holds snapshots of another etcd cluster, or newer
    /// ones than the cluster's data, is refused.
    Take(Asked),
    /// List the snapshots of each cluster, the newest first
    ///
    /// One LIST per cluster; nothing is downloaded. `verified` is NO where a later look found it damaged.
    List(Asked),
    /// Read snapshots again, and hold every byte against its hash
    ///
    /// With `etcdutl` at hand (`RECONCILE_ETCDUTL`, else on PATH) each is also restored into a scratch directory, and
    /// the keys there compared with those in the file. A damaged one is marked, so that no step relies on it.
    Verify(VerifyArgs),
}

#[derive(Debug, Clone, clap::Args)]
struct Asked {
    /// Clusters whose id `<context>/<name>` matches; all when left out
    #[arg(value_name = "CLUSTER")]
    cluster: Vec<String>,
    /// Directory with `fleet.yaml` and `clusters/`
    #[arg(long, value_name = "DIR", default_value = ".")]
    path: PathBuf,
    /// Only clusters of this context; may be repeated
    #[arg(long, value_name = "NAME")]
    context: Vec<String>,
    /// Form of the answer on stdout
    #[arg(short, long, value_enum, default_value_t = Output::Human)]
    output: Output,
    /// Fix the clock that ages are counted from (RFC 3339)
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
}

#[derive(Debug, Clone, clap::Args)]
struct VerifyArgs {
    #[command(flatten)]
    asked: Asked,
    /// All snapshots instead of the newest of each cluster
    #[arg(long)]
    all: bool,
    /// Where to restore: room for two copies of the database. Default: the system's temporary directory
    #[arg(long, value_name = "DIR")]
    scratch: Option<PathBuf>,
}

pub(super) fn run(args: &SnapshotArgs) -> Done {
    let (action, asked) = match &args.command {
        SnapshotCommand::Take(asked) => (SnapshotAction::Take, asked),
        SnapshotCommand::List(asked) => (SnapshotAction::List, asked),
        SnapshotCommand::Verify(verify) => (SnapshotAction::Verify, &verify.asked),
    };
    let loaded = documents::load(&asked.path)?;
    let selection = selection::Selection {
        path: asked.path.clone(),
        cluster: asked.cluster.clone(),
        context: asked.context.clone(),
    };
    let picked = selection::pick(&selection, &loaded.fleet)?;
    let contexts = Contexts::new(&loaded.fleet, &asked.path);
    let live = Live::new(contexts, Options::default()).with_state_home(state_home());
    let answers = async {
        let mut found = Vec::new();
        for spec in picked {
            found.push(match &args.command {
                SnapshotCommand::Take(_) => Box::pin(take(&live, spec)).await,
                SnapshotCommand::List(_) => list(&live, spec).await,
                SnapshotCommand::Verify(verify) => look_again(&live, spec, verify).await,
            });
        }
        found
    };
    // What is under way is dropped, and takes its unfinished file with it.
    let found = worlds::runtime()?.block_on(async {
        tokio::select! {
            found = answers => Ok(found),
            signal = interrupted() => Err(Stop::new(128 + signal, "interrupted; nothing half is kept")),
        }
    })?;
    let now = clock::now(asked.now);
    terminal::print(&match asked.output {
        Output::Human => snapshots_text(action, &found, now, &terminal::stdout_style()),
        Output::Json => report::json_lines(&snapshots_json(action, &found, now)),
        Output::Yaml => report::yaml_text(&snapshots_json(action, &found, now)),
    });
    Ok(report::of(&snapshot_codes(&found)))
}

/// The signal that asks to stop.
async fn interrupted() -> u8 {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => 2,
        _ = terminate.recv() => 15,
    }
}

async fn take(live: &Live, spec: &ClusterSpec) -> ClusterSnapshots {
    let shown = ProgressLine::new(format!("{}: taking a snapshot", spec.id));
    let progress = |progress| shown.tell(progress);
    let taken = Box::pin(live.take_snapshot(spec, &progress)).await;
    shown.end();
    let store = live.store(spec).await.ok();
    let mut answer = answer(spec, store.as_ref());
    match taken {
        Ok(facts) => answer.snapshots.push(facts),
        Err(error) => answer.fault = Some(fault(&error, Exit::Failed)),
    }
    answer
}

async fn list(live: &Live, spec: &ClusterSpec) -> ClusterSnapshots {
    match opened(live, spec).await {
        Ok((store, snapshots)) => ClusterSnapshots {
            snapshots,
            ..answer(spec, Some(&store))
        },
        Err(error) => ClusterSnapshots {
            fault: Some(fault(&error.into(), Exit::Incomplete)),
            ..answer(spec, None)
        },
    }
}

async fn opened(
    live: &Live,
    spec: &ClusterSpec,
) -> Result<(Store, Vec<SnapshotFacts>), StoreError> {
    let store = live.store(spec).await?;
    let snapshots = store.list().await?;
    Ok((store, snapshots))
}

async fn look_again(live: &Live, spec: &ClusterSpec, args: &VerifyArgs) -> ClusterSnapshots {
    let (store, mut snapshots) = match opened(live, spec).await {
        Ok(opened) => opened,
        Err(error) => {
            return ClusterSnapshots {
                fault: Some(fault(&error.into(), Exit::Incomplete)),
                ..answer(spec, None)
            };
        }
    };
    if !args.all {
        snapshots.truncate(1);
    }
    let mut answer = answer(spec, Some(&store));
    if snapshots.is_empty() {
        let error = SnapshotError::None(store.place().to_owned());
        answer.fault = Some(fault(&error, Exit::Blocked));
    }
    for facts in &snapshots {
        answer.looks.push(look(&store, facts, args).await);
    }
    answer.snapshots = snapshots;
    answer
}

async fn look(store: &Store, facts: &SnapshotFacts, args: &VerifyArgs) -> Look {
    let shown = ProgressLine::new(format!("reading {}", facts.place));
    let now = clock::now(None);
    let read = store
        .verify(facts, now, &|progress| shown.tell(progress))
        .await;
    shown.end();
    let (restored, error) = match (read, Etcdutl::find()) {
        (Err(error), _) => (None, Some(error)),
        (Ok(_), None) => (None, None),
        (Ok(_), Some(tool)) => {
            let scratch = args.scratch.clone().unwrap_or_else(std::env::temp_dir);
            match store.restore(facts, &tool, &scratch).await {
                Ok(restored) => (Some(restored), None),
                Err(error) => (None, Some(error)),
            }
        }
    };
    Look {
        place: facts.place.clone(),
        restored: restored.is_some(),
        keys: restored.and_then(|restored| restored.keys),
        fault: error.map(|error| fault(&error, Exit::Incomplete)),
    }
}

fn answer(spec: &ClusterSpec, store: Option<&Store>) -> ClusterSnapshots {
    let declared = spec.backup.store.is_some();
    ClusterSnapshots {
        cluster: spec.id.clone(),
        store: store
            .map(|store| store.place().to_owned())
            .or_else(|| declared.then(|| spec.snapshots_place())),
        snapshots: Vec::new(),
        looks: Vec::new(),
        fault: None,
    }
}

/// What is refused or damaged blocks; for the rest it matters what was asked for.
fn fault(error: &SnapshotError, else_exit: Exit) -> Fault {
    let blocked = error.is_damage()
        || matches!(
            error,
            SnapshotError::Lineage { .. }
                | SnapshotError::None(_)
                | SnapshotError::Store(StoreError::Required)
        );
    Fault {
        code: error.code(),
        text: error.to_string(),
        exit: if blocked { Exit::Blocked } else { else_exit },
    }
}

/// How far a stream is: a line that is written over on a terminal, a line now and then elsewhere.
struct ProgressLine {
    what: String,
    terminal: bool,
    last: Mutex<Option<Instant>>,
}

impl ProgressLine {
    fn new(what: String) -> Self {
        Self {
            what,
            terminal: std::io::stderr().is_terminal(),
            last: Mutex::new(None),
        }
    }

    fn tell(&self, progress: Progress) {
        let pause = if self.terminal { 200 } else { 10_000 };
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|at| at.elapsed() >= Duration::from_millis(pause));
        if !due {
            return;
        }
        let text = report::progress_text(&self.what, progress.done, progress.total);
        if self.terminal {
            terminal::tell_over(&text);
        } else if last.is_some() {
            terminal::tell(&text);
        }
        *last = Some(Instant::now());
    }

    fn end(&self) {
        if self.terminal {
            terminal::tell_over("");
        }
    }
}
