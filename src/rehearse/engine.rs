//! The engine of `apply` on the stage: its lock, approvals, deadlines and refusals are rehearsed as they are.
//!
//! The stage answers at once, so a run either ends in one go or is never heard of again: that is a kill.

use std::future::{Future, pending, ready};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::Either;
use jiff::Timestamp;

use super::excuse::exceeded;
use super::play::{Halt, Play};
use super::run::{End, Run, rest};
use crate::apply::{
    ApplyEvent, Approval, ClusterOutcome, Ending, Interrupt, Options, apply_cluster,
};
use crate::decide::{self, Act, Note};
use crate::fleet::ClusterSpec;
use crate::plan::unroll;
use crate::state::{Ledger, Observation, Sighting, Sightings};
use crate::world::{Awaited, Hold, Kept, LockError, LockRequest, PerformError, World};

struct Scene<'p> {
    play: &'p mut Play,
    run: &'p mut Run,
    notes: Vec<Note>,
}

/// What the engine holds of the stage.
struct Hand<'s, 'p> {
    scene: &'s Mutex<Scene<'p>>,
}

/// The Lease, as this run has it.
struct Held<'s, 'p> {
    scene: &'s Mutex<Scene<'p>>,
    previous: Option<String>,
}

/// Runs the engine on the play until it ends or is killed.
pub(super) fn run(play: &mut Play, run: &mut Run) -> End {
    let spec = run.spec.clone();
    let options = Options {
        run: decide::Run {
            commit: Some(run.commit.clone()),
        },
        max_steps: None,
        lock_timeout: Duration::ZERO,
        is_newer: Box::new(|previous, ours| previous > ours),
    };
    // What a person would be shown and say yes to.
    let Ok(seen) = play.look(run) else {
        return End::Killed;
    };
    let approval = Approval::of(&unroll(&spec, &seen));
    let shown = play.shows_all().then_some(play.changes);
    let scene = Mutex::new(Scene {
        play,
        run,
        notes: Vec::new(),
    });
    let outcome = {
        let hand = Hand { scene: &scene };
        let tell = |event: ApplyEvent| locked(&scene).hear(event);
        let interrupt = Interrupt::default();
        apply_cluster(&hand, &spec, approval, &options, &interrupt, &tell).now_or_never()
    };
    let scene = scene.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Scene { play, notes, .. } = scene;
    let Some(outcome) = outcome else {
        return End::Killed;
    };
    play.breaks(exceeded(shown, play, &outcome.ending));
    end(&outcome, &notes)
}

fn end(outcome: &ClusterOutcome, notes: &[Note]) -> End {
    match &outcome.ending {
        Ending::InSync => End::InSync,
        Ending::Deferred => End::Deferred,
        Ending::Blocked => rest(notes),
        Ending::Unreadable(_) => End::Unreadable,
        Ending::TimedOut(what) => End::TimedOut(what.clone()),
        Ending::Failed(what) => End::Failed(what.clone()),
        other => End::Stopped(format!("{other:?}")),
    }
}

impl Scene<'_> {
    fn hear(&mut self, event: ApplyEvent) {
        match event {
            ApplyEvent::StepStarted { row, .. } => {
                self.play.row = Some(row);
                self.play.tally.rows(&[row]);
            }
            ApplyEvent::Waiting {
                row,
                condition,
                elapsed_s,
                ..
            } => {
                self.play.tally.rows(&[row]);
                if elapsed_s == 0 {
                    let id = self.run.id;
                    self.play
                        .tell(|| format!("run {id}: waits for {condition} [{row}]"));
                }
            }
            ApplyEvent::Noted { note, .. } => {
                self.play.tally.rows(&[note.row]);
                self.notes.push(note);
            }
            ApplyEvent::LockAwaited { .. }
            | ApplyEvent::Locked { .. }
            | ApplyEvent::StepDone { .. }
            | ApplyEvent::StepFailed { .. }
            | ApplyEvent::Finished { .. } => {}
        }
    }
}

fn locked<'s, 'p>(scene: &'s Mutex<Scene<'p>>) -> MutexGuard<'s, Scene<'p>> {
    scene.lock().unwrap_or_else(PoisonError::into_inner)
}

fn on<T>(scene: &Mutex<Scene>, what: impl FnOnce(&mut Play, &mut Run) -> T) -> T {
    let mut scene = locked(scene);
    let Scene { play, run, .. } = &mut *scene;
    what(play, run)
}

impl Hold for Held<'_, '_> {
    fn remaining(&self) -> Duration {
        on(self.scene, |play, run| play.remaining(run.id))
    }

    fn previous_commit(&self) -> Option<&str> {
        self.previous.as_deref()
    }

    fn record_commit(&self) -> impl Future<Output = ()> + Send {
        on(self.scene, |play, run| play.record_commit(run));
        ready(())
    }

    fn release(self) -> impl Future<Output = ()> + Send {
        on(self.scene, |play, run| play.release(run.id));
        ready(())
    }
}

/// An answer, or none ever.
fn answer<T: Send>(given: Result<T, Halt>) -> impl Future<Output = T> + Send {
    match given {
        Ok(value) => Either::Left(ready(value)),
        Err(Halt) => Either::Right(pending()),
    }
}

impl<'s, 'p> World for Hand<'s, 'p> {
    type Hold = Held<'s, 'p>;

    fn observe_all(&self, specs: &[&ClusterSpec]) -> impl Future<Output = Vec<Observation>> + Send {
        let one = |_: &&ClusterSpec| on(self.scene, Play::look);
        answer(specs.iter().map(one).collect())
    }

    fn sightings(&self, _: &str, contexts: &[&str]) -> impl Future<Output = Sightings> + Send {
        let all = on(self.scene, |play, _| {
            Sighting::of_all(std::iter::once(&play.stage.truth), contexts)
        });
        ready(all)
    }

    fn observe(&self, _: &ClusterSpec) -> impl Future<Output = Observation> + Send {
        answer(on(self.scene, Play::look))
    }

    fn lock(
        &self,
        _: &ClusterSpec,
        _: &LockRequest,
        _: Kept<'_>,
    ) -> impl Future<Output = Result<Self::Hold, LockError>> + Send {
        let locked = on(self.scene, |play, run| {
            play.lock(run).map(|()| run.previous_commit.clone())
        });
        ready(locked.map(|previous| Held {
            scene: self.scene,
            previous,
        }))
    }

    fn perform(
        &self,
        _: &ClusterSpec,
        act: &Act,
        ledger: &Ledger,
    ) -> impl Future<Output = Result<(), PerformError>> + Send {
        answer(on(self.scene, |play, run| play.act(run, act, ledger)))
    }

    fn pause(&self, _: &ClusterSpec, awaited: Option<Awaited>) -> impl Future<Output = ()> + Send {
        let condition = awaited.map(|awaited| awaited.condition);
        answer(on(self.scene, |play, run| play.rest(run, condition)))
    }

    fn now(&self) -> Timestamp {
        on(self.scene, |play, _| play.stage.truth.at)
    }
}
