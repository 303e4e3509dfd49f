//! `reconcile unlock`: take a cluster's lock from a holder that is gone.

use std::path::PathBuf;

use super::{Done, Stop, clock, documents, terminal, worlds};
use crate::fleet::{ClusterId, ClusterSpec, Fleet, nearest};
use crate::report::{self, Exit};
use crate::world::live::unlock::{Life, Release, Tenure};
use crate::world::live::{Contexts, Identity, Live, Options, lock::LockError};

/// Release a cluster's lock whose holder is gone
///
/// A run that was killed frees its lock by itself, 30 s later. Shows who holds it; watches whether that run is alive,
/// which means that it renews the lock; and asks. What is released is bound to the holder that was shown: a lock that
/// another run took in the meantime stays. Exits 0 when the lock is free, 8 when it stays held, 6 when the answer was no.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct UnlockArgs {
    /// The cluster, as `<context>/<name>`
    #[arg(value_name = "CLUSTER-ID")]
    cluster: String,
    /// Directory with `fleet.yaml` and `clusters/`
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Take it from a run that is alive too; that run stops after the step under way
    #[arg(long)]
    force: bool,
}

pub(super) fn run(args: &UnlockArgs) -> Done {
    let loaded = documents::load(&args.path)?;
    let spec = find(&args.cluster, &loaded.fleet)?;
    if !args.yes && !terminal::is_interactive() {
        return Err(Stop::usage("no terminal to ask on: give --yes"));
    }
    let contexts = Contexts::new(&loaded.fleet, &args.path);
    let live = Live::new(contexts, Options::default());
    worlds::runtime()?.block_on(unlock(args, &live, spec))
}

fn find<'f>(id: &str, fleet: &'f Fleet) -> Result<&'f ClusterSpec, Stop> {
    let mut clusters = fleet.clusters.iter().map(Box::as_ref);
    let found = clusters.find(|c| c.id.to_string() == id);
    found.ok_or_else(|| {
        let ids: Vec<String> = fleet.clusters.iter().map(|c| c.id.to_string()).collect();
        let near = nearest(id, ids.iter().map(String::as_str));
        let hint = near.or(ids.first().map(String::as_str)).map(|id| {
            let word = if near.is_some() {
                "did you mean"
            } else {
                "ids are like"
            };
            format!("; {word} {id}")
        });
        let hint = hint.unwrap_or_default();
        Stop::usage(format!("the fleet has no cluster {id:?}{hint}"))
    })
}

async fn unlock(args: &UnlockArgs, live: &Live, spec: &ClusterSpec) -> Done {
    let Some(tenure) = live.lock_of(spec).await.map_err(|error| failed(&error))? else {
        return Ok(free(spec, "nobody holds its lock"));
    };
    let now = clock::now(None);
    let text = report::lock_text(spec, tenure.lock(), now, &terminal::stderr_style());
    terminal::tell(text.trim_end());
    if !args.force
        && let Some(code) = gone(&tenure, spec).await?
    {
        return Ok(code);
    }
    consent(args.yes, &spec.id, terminal::ask)?;
    match tenure
        .release(args.force)
        .await
        .map_err(|error| failed(&error))?
    {
        Release::Released => Ok(free(spec, "its lock is released")),
        Release::Renewed => Err(alive(spec)),
        Release::Over(now_held_by) => over(spec, now_held_by.map(|lock| lock.holder)),
    }
}

/// Returns when the lock may be taken away: a typed id, since a yes is given too fast.
fn consent(
    yes: bool,
    id: &ClusterId,
    ask: impl FnOnce(&str) -> Result<String, Stop>,
) -> Result<(), Stop> {
    let question = format!("Release it? Type the cluster's id ({id}): ");
    if yes || ask(&question)? == id.to_string() {
        return Ok(());
    }
    let code = Exit::Refused.code();
    Err(Stop::new(code, "not approved; nothing was changed"))
}

/// Returns when its holder is gone; with an exit code, where nothing is left to release.
async fn gone(tenure: &Tenure, spec: &ClusterSpec) -> Result<Option<u8>, Stop> {
    let patience = tenure.patience().as_secs();
    terminal::tell(&format!(
        "watching for up to {patience} s whether it is renewed"
    ));
    let life = tenure.watch(&Identity::of_this_process()).await;
    match life.map_err(|error| failed(&error))? {
        Life::Dead => terminal::tell("its holder was a process of this machine, and is no more"),
        Life::Silent(watched) => {
            terminal::tell(&format!("it was not renewed for {} s", watched.as_secs()));
        }
        Life::Alive => return Err(alive(spec)),
        Life::Over(lock) => return over(spec, lock.map(|lock| lock.holder)).map(Some),
    }
    Ok(None)
}

fn free(spec: &ClusterSpec, how: &str) -> u8 {
    terminal::print(&format!("{}: {how}\n", spec.id));
    0
}

/// The holder that was shown has let go by itself.
fn over(spec: &ClusterSpec, holder: Option<String>) -> Done {
    match holder {
        None => Ok(free(spec, "its holder gave the lock back")),
        Some(holder) => Err(Stop::new(
            Exit::Locked.code(),
            format!(
                "{}: the lock was taken by {} meanwhile; nothing was changed",
                spec.id,
                report::defuse(&holder)
            ),
        )),
    }
}

fn alive(spec: &ClusterSpec) -> Stop {
    Stop::new(
        Exit::Locked.code(),
        format!(
            "{}: its holder is alive, it renews the lock; end that run (one SIGINT stops it at a safe point), or give \
             --force",
            spec.id
        ),
    )
}

fn failed(error: &LockError) -> Stop {
    let exit = match error {
        LockError::Foreign { .. } => Exit::Blocked,
        LockError::Failed { .. } | LockError::Away { .. } | LockError::Lost { .. } => Exit::Failed,
    };
    Stop::new(exit.code(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_typed_id_is_a_yes() {
        let id = ClusterId::new("eu-1", "orders");
        let answered = |answer: &str| {
            let answer = Ok(answer.to_owned());
            consent(false, &id, |_| answer).map_err(|stop| stop.code)
        };
        assert_eq!(answered("eu-1/orders"), Ok(()));
        for other in ["y", "yes", "orders", "", "eu-1/users"] {
            assert_eq!(answered(other), Err(6), "{other:?}");
        }
        let never = consent(true, &id, |_| unreachable!("--yes is not asked"));
        assert!(never.is_ok());
    }
}
