//! One cluster's loop.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::approval::Approval;
use super::event::{ApplyEvent, ClusterOutcome, Ending};
use super::interrupt::Interrupt;
use crate::decide::{
    Act, Condition, Decision, IntentKey, Next, NoteKind, RowId, Run, Situation, Step, deadline,
    decide, hindrance, is_safe_point, ledger_before, progress,
};
use crate::fleet::ClusterSpec;
use crate::plan::unroll;
use crate::state::{Evidence, Observation};
use crate::world::{Awaited, Hold, LockError, LockRequest, PerformError, World};

/// How long a step may take (etcd-operations.md 2.3); more than this must be left of the Lease.
const LONGEST_STEP: Duration = Duration::from_secs(10);
/// The same step done more often than this, with no other between, goes round in a circle.
const MOST_REPEATS: usize = 3;
/// A membership step is decided on nothing older (design.md 8).
const FRESH: SignedDuration = SignedDuration::from_secs(2);
/// After a step, a refusal must hold for as long to end the run.
const SETTLES: SignedDuration = SignedDuration::from_secs(30);
/// Times in a row that the world may refuse a step before the run stops.
const MOST_REFUSALS: usize = 12;
/// How long the world may keep one step back. After an outage of the API server the controller of disruption budgets
/// hears of the pods again within a minute (client-go's reflectors wait 30 s and up to as much again), and with it every budget.
const HELD_BACK: SignedDuration = SignedDuration::from_mins(5);
/// Between two tries of a step that was refused: etcd answers "unhealthy cluster" until every member has been connected
/// for 5 s (its `HealthInterval`), which nothing but asking tells.
const LONGEST_PATIENCE: SignedDuration = SignedDuration::from_secs(5);

/// Asked with the commit of the run before and ours.
pub type IsNewer = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

/// What the caller decides about a run.
pub struct Options {
    pub run: Run,
    /// Stop after this many steps per cluster.
    pub max_steps: Option<usize>,
    pub lock_timeout: Duration,
    /// The commit of the run before is newer than ours, or is not known to be older: then this run refuses.
    pub is_newer: IsNewer,
}

/// A cluster's run as it goes.
struct Walk<'a, W: World, F: Fn(ApplyEvent)> {
    world: &'a W,
    spec: &'a ClusterSpec,
    options: &'a Options,
    interrupt: &'a Interrupt,
    tell: &'a F,
    approval: Approval,
    /// Steps still to come by the last plan made anew, which was within the approval. It holds as long as the run follows it.
    foreseen: VecDeque<IntentKey>,
    evidence: Evidence,
    done: Vec<IntentKey>,
    refusals: usize,
    held_back_since: Option<Timestamp>,
    /// The step that was refused is not tried again before.
    not_before: Option<Timestamp>,
    /// Since when each condition is waited for; a step done starts all of them anew.
    waits: BTreeMap<Condition, Timestamp>,
    last_done: Option<Timestamp>,
    /// The last step done, and how many times in a row.
    streak: Option<(IntentKey, usize)>,
}

/// Locks the cluster, walks it to where its approval ends, releases it, and says what came of it.
pub async fn apply_cluster<W: World, F: Fn(ApplyEvent) + Sync>(
    world: &W,
    spec: &ClusterSpec,
    approval: Approval,
    options: &Options,
    interrupt: &Interrupt,
    tell: &F,
) -> ClusterOutcome {
    let request = LockRequest {
        commit: options.run.commit.clone(),
        timeout: options.lock_timeout,
    };
    let mut walk = Walk {
        world,
        spec,
        options,
        interrupt,
        tell,
        approval,
        foreseen: VecDeque::new(),
        evidence: Evidence::default(),
        done: Vec::new(),
        refusals: 0,
        held_back_since: None,
        not_before: None,
        waits: BTreeMap::new(),
        last_done: None,
        streak: None,
    };
    if walk.approval.total() == 0 {
        // Nothing to do takes no lock and leaves no trace.
        let ending = walk.look().await;
        return walk.finish(ending).await;
    }
    let asked = world.now();
    let kept = |why: &LockError| {
        tell(ApplyEvent::LockAwaited {
            cluster: spec.id.clone(),
            elapsed_s: seconds(world.now().duration_since(asked)),
            deadline_s: request.timeout.as_secs(),
            hindrance: why.to_string(),
        });
    };
    let locked = tokio::select! {
        biased;
        locked = world.lock(spec, &request, &kept) => locked,
        // A request for the Lease may be under way: it expires, and the next run of this machine takes it at once.
        () = interrupt.raised() => {
            let ending = walk.give_up_waiting().await;
            return walk.finish(ending).await;
        }
    };
    let ending = match locked {
        Ok(hold) => {
            tell(ApplyEvent::Locked {
                cluster: spec.id.clone(),
            });
            let ending = if let Some(ending) = walk.superseded(&hold) {
                ending
            } else {
                hold.record_commit().await;
                walk.run(&hold).await
            };
            hold.release().await;
            ending
        }
        Err(error @ LockError::Held { .. }) => Ending::LockHeld(error.to_string()),
        Err(LockError::Unreachable(why)) => Ending::Unreadable(why),
    };
    walk.finish(ending).await
}

impl<W: World, F: Fn(ApplyEvent)> Walk<'_, W, F> {
    /// A run of an older commit than the last one would take back what that one did (2.8 #16).
    fn superseded(&self, hold: &W::Hold) -> Option<Ending> {
        let ours = self.options.run.commit.as_deref()?;
        let previous = hold.previous_commit()?;
        (self.options.is_newer)(previous, ours).then(|| Ending::OlderCommit(previous.to_owned()))
    }

    /// Stopped while another held the lock: nothing was begun here, but the other may be half way.
    async fn give_up_waiting(&self) -> Ending {
        let observed = self.world.observe(self.spec).await;
        Ending::Interrupted {
            safe: self.is_safe(&observed),
        }
    }

    async fn run(&mut self, hold: &W::Hold) -> Ending {
        loop {
            let observed = self.world.observe(self.spec).await;
            self.evidence.record(&observed);
            let decision = decide(&Situation {
                spec: self.spec,
                observed: &observed,
                evidence: &self.evidence,
            });
            if !matches!(decision.next, Next::Rest)
                && let Some(ending) = self.asked_to_stop(&observed)
            {
                return ending;
            }
            let ending = match &decision.next {
                Next::Rest if self.may_settle(&decision, &observed) => {
                    self.world.pause(self.spec, None).await;
                    None
                }
                Next::Rest => Some(self.rest(&decision)),
                Next::Wait { row, condition } => self.wait(&observed, *row, *condition).await,
                Next::Act(step) => self.step(&observed, step, hold).await,
            };
            if let Some(ending) = ending {
                return ending;
            }
        }
    }

    /// Where the cluster stands, when nothing was approved for it: what comes about by itself is waited for.
    async fn look(&mut self) -> Ending {
        loop {
            let observed = self.world.observe(self.spec).await;
            self.evidence.record(&observed);
            let plan = unroll(self.spec, &observed);
            if let Some(first) = plan.intents.first() {
                let key = &first.intent.key;
                return Ending::NotApproved(format!("{} {}", key.verb, key.subject));
            }
            let decision = decide(&Situation {
                spec: self.spec,
                observed: &observed,
                evidence: &self.evidence,
            });
            // By what was seen meanwhile it may be another thing than the plan of one look says.
            let (row, condition) = match &decision.next {
                Next::Wait { row, condition } => (*row, *condition),
                Next::Rest => return self.rest(&decision),
                Next::Act(step) => {
                    let act = &step.act;
                    return Ending::NotApproved(format!("{} {}", act.verb(), act.subject()));
                }
            };
            if let Some(ending) = self.asked_to_stop(&observed) {
                return ending;
            }
            if let Some(ending) = self.wait(&observed, row, condition).await {
                return ending;
            }
        }
    }

    /// What is refused right after a step may be its own wake: an image that is pulled at the second try, an endpoint
    /// that comes a moment later.
    fn may_settle(&self, decision: &Decision, observed: &Observation) -> bool {
        let refused = decision.notes.iter().any(|n| n.kind == NoteKind::Refused);
        let fresh = |at| observed.at.duration_since(at) < SETTLES;
        refused && self.last_done.is_some_and(fresh) && self.interrupt.count() == 0
    }

    fn rest(&self, decision: &Decision) -> Ending {
        let notes = &decision.notes;
        for note in notes {
            (self.tell)(ApplyEvent::Noted {
                cluster: self.spec.id.clone(),
                note: note.clone(),
            });
        }
        let unreadable = notes.iter().find(|n| n.kind == NoteKind::Unreadable);
        match unreadable {
            Some(note) => Ending::Unreadable(note.facts.found.clone()),
            None if notes.is_empty() => Ending::InSync,
            None if notes.iter().all(|n| n.kind == NoteKind::Deferred) => Ending::Deferred,
            None => Ending::Blocked,
        }
    }

    async fn wait(
        &mut self,
        observed: &Observation,
        row: RowId,
        condition: Condition,
    ) -> Option<Ending> {
        let since = *self.waits.entry(condition).or_insert(observed.at);
        let elapsed = observed.at.duration_since(since);
        let deadline = deadline(observed, condition, since);
        let hindrance = hindrance(observed, condition);
        (self.tell)(ApplyEvent::Waiting {
            cluster: self.spec.id.clone(),
            row,
            condition,
            elapsed_s: seconds(elapsed),
            deadline_s: seconds(deadline),
            progress: progress(observed, condition),
            hindrance: hindrance.clone(),
        });
        if elapsed > deadline {
            return Some(Ending::TimedOut(match hindrance {
                Some(why) => format!("{condition}: {why}"),
                None => condition.to_string(),
            }));
        }
        let awaited = Awaited { condition, elapsed };
        self.world.pause(self.spec, Some(awaited)).await;
        None
    }

    async fn step(
        &mut self,
        observed: &Observation,
        step: &Step,
        hold: &W::Hold,
    ) -> Option<Ending> {
        if self.not_before.is_some_and(|at| observed.at < at) && self.interrupt.count() == 0 {
            self.world.pause(self.spec, None).await;
            return None;
        }
        if let Some(ending) = self.may_not_begin(observed, step) {
            return Some(ending);
        }
        // What is left must outlast the step, or a frozen run could act under another's Lease (2.8 #16).
        if hold.remaining() <= LONGEST_STEP {
            if hold.remaining().is_zero() {
                return Some(Ending::LockHeld("the Lease was lost".into()));
            }
            self.world.pause(self.spec, None).await;
            return None;
        }
        if step.act.needs_fresh_look() && self.world.now().duration_since(observed.at) > FRESH {
            return None;
        }
        let number = self.done.len() + 1;
        (self.tell)(ApplyEvent::StepStarted {
            cluster: self.spec.id.clone(),
            number,
            of: self.approval.total(),
            intent: step.intent.key.clone(),
            row: step.intent.row,
        });
        let ledger = ledger_before(observed, &step.act, &self.options.run);
        if matches!(step.act, Act::MoveLeader { .. }) {
            self.evidence.expect_leader_change();
        }
        let begun = self.world.now();
        let answer = self.world.perform(self.spec, &step.act, &ledger).await;
        let elapsed = self.world.now().duration_since(begun);
        match answer {
            Ok(()) => {
                self.refusals = 0;
                self.held_back_since = None;
                self.not_before = None;
                self.waits.clear();
                self.last_done = Some(self.world.now());
                self.count(&step.intent.key);
                self.done.push(step.intent.key.clone());
                self.approval.spend(&step.intent.key);
                if self.foreseen.front() == Some(&step.intent.key) {
                    self.foreseen.pop_front();
                }
                (self.tell)(ApplyEvent::StepDone {
                    cluster: self.spec.id.clone(),
                    number,
                    elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(0),
                });
                None
            }
            Err(error) => {
                if !matches!(error, PerformError::Unknown(_)) {
                    self.evidence.expect_no_leader_change();
                }
                self.failed(number, &error).await
            }
        }
    }

    /// Once: at a safe point. Twice: between any two steps.
    fn asked_to_stop(&self, observed: &Observation) -> Option<Ending> {
        let safe = self.is_safe(observed);
        match self.interrupt.count() {
            0 => None,
            1 if !safe => None,
            _ => Some(Ending::Interrupted { safe }),
        }
    }

    fn is_safe(&self, observed: &Observation) -> bool {
        is_safe_point(&Situation {
            spec: self.spec,
            observed,
            evidence: &self.evidence,
        })
    }

    fn count(&mut self, done: &IntentKey) {
        let times = match &self.streak {
            Some((last, times)) if last == done => times + 1,
            _ => 1,
        };
        self.streak = Some((done.clone(), times));
    }

    /// At the limit, beyond the approval, or going round in a circle.
    fn may_not_begin(&mut self, observed: &Observation, step: &Step) -> Option<Ending> {
        if self
            .options
            .max_steps
            .is_some_and(|most| self.done.len() >= most)
        {
            return Some(Ending::StepLimit);
        }
        if let Some(ending) = self.not_approved(observed, step) {
            return Some(ending);
        }
        let again =
            |(last, times): &(IntentKey, usize)| *last == step.intent.key && *times >= MOST_REPEATS;
        if self.streak.as_ref().is_some_and(again) {
            return Some(Ending::Failed(format!(
                "{} {} was done {MOST_REPEATS} times in a row and is asked for again: someone takes it back",
                step.act.verb(),
                step.act.subject()
            )));
        }
        None
    }

    /// All that is left to do, planned anew, is within what was approved, or the step is not begun.
    fn not_approved(&mut self, observed: &Observation, step: &Step) -> Option<Ending> {
        let key = &step.intent.key;
        // In the middle of a run what mends is done first: the cluster is left the better for it.
        if !self.done.is_empty() && Approval::is_always_within(key) {
            return None;
        }
        let allowed = self.approval.allows(&step.intent);
        if allowed && self.foreseen.front() == Some(key) {
            return None;
        }
        let anew = unroll(self.spec, observed);
        let mut excess = self.approval.excess(&anew);
        // By what was seen over time it may be another step than the plan of one look begins with.
        if excess.is_empty() && !allowed {
            excess.push(key.clone());
        }
        if excess.is_empty() {
            let steps = anew.intents.into_iter();
            self.foreseen = steps.map(|planned| planned.intent.key).collect();
            return None;
        }
        let told = excess.iter().map(|k| format!("{} {}", k.verb, k.subject));
        let told: Vec<String> = told.collect();
        Some(Ending::NotApproved(told.join(", ")))
    }

    async fn failed(&mut self, number: usize, error: &PerformError) -> Option<Ending> {
        (self.tell)(ApplyEvent::StepFailed {
            cluster: self.spec.id.clone(),
            number,
            error: error.to_string(),
        });
        self.refusals += 1;
        let now = self.world.now();
        let enough = match error {
            PerformError::Refused(_) => true,
            PerformError::HeldBack(_) => {
                let since = *self.held_back_since.get_or_insert(now);
                now.duration_since(since) > HELD_BACK
            }
            PerformError::NotDone(_) | PerformError::Unknown(_) => self.refusals > MOST_REFUSALS,
        };
        if enough {
            return Some(Ending::Failed(error.to_string()));
        }
        let seconds = i64::try_from(self.refusals).unwrap_or(i64::MAX);
        let patience = SignedDuration::from_secs(seconds).min(LONGEST_PATIENCE);
        self.not_before = now.checked_add(patience).ok();
        self.world.pause(self.spec, None).await;
        None
    }

    async fn finish(self, ending: Ending) -> ClusterOutcome {
        // One more look, so that the tally tells what is, not what was meant.
        let observed = self.world.observe(self.spec).await;
        let plan = unroll(self.spec, &observed);
        let voters = observed
            .etcd
            .membership
            .known()
            .map_or(0, |m| m.members.iter().filter(|m| !m.learner).count());
        (self.tell)(ApplyEvent::Finished {
            cluster: self.spec.id.clone(),
            ending: ending.clone(),
            steps: self.done.len(),
        });
        ClusterOutcome {
            id: self.spec.id.clone(),
            ending,
            done: self.done,
            left: plan.intents.len(),
            deferred: plan.deferred().count(),
            voters,
            tolerance: plan.tolerance_now,
        }
    }
}

fn seconds(span: SignedDuration) -> u64 {
    u64::try_from(span.as_secs()).unwrap_or(0)
}
