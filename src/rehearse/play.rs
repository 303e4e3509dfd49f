//! One schedule acted out: runs that look, act and wait on the stage, events when their cue comes, laws after each.

use std::collections::{BTreeSet, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::event::{Cue, Event, Image, Scene};
use super::laws::{self, Laws, Violation, broken};
use super::projection::{fingerprint, projection, state_hash};
use super::run::{End, Run, Walker};
use super::schedule::{Schedule, Setting, Wish};
use super::server::{Looked, Unanswered};
use super::stage::Stage;
use super::storage_laws;
use super::tally::Tally;
use super::volumes::{Class, RETAIN, Tier, Volumes};
use crate::decide::{Act, Condition, IntentKey, RowId};
use crate::fleet::ClusterSpec;
use crate::model;
use crate::state::{Ledger, ObjectKind, Observation};
use crate::world::{LockError, PerformError};

/// A Lease is good for so long after it was last renewed.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// Acts of one story after which it goes round in a circle (I5).
const MOST_ACTS: u32 = 1500;
/// Whole runs, with faults stopped, within which a story ends (I5).
const MOST_RUNS: u32 = 16;

/// Nothing more comes of this run: it was killed, or a law was broken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Halt;

#[derive(Debug, Clone)]
struct Lease {
    run: u32,
    renewed: Timestamp,
    commit: Option<String>,
}

/// Leadership that comes, an endpoint that goes, replicas that are raised, or a claim that someone deletes in the moment between the look and the
/// act is nobody's to foresee, and no server compares it: a pod is drained, deleted or evicted by its own UID alone.
/// What it costs the data is counted all the same (I2, I4).
fn is_sudden(act: &Act, found: &Violation) -> bool {
    let stops = matches!(act, Act::DeletePod { .. } | Act::RestartMember { .. });
    matches!(found.law, "G8" | "2.8-18" | "P5-b") || (stops && found.law == "I3")
}

#[derive(Debug, Clone, Copy)]
enum Moment<'a> {
    Look,
    Before(&'a Act),
    After(&'a Act),
    Wait,
}

#[derive(Clone)]
pub(super) struct Play {
    pub(super) stage: Stage,
    base: ClusterSpec,
    /// What of the schedule no event changes, as a part of every triple.
    setting: Setting,
    /// Members get other volumes in this story, or larger ones.
    storage: bool,
    pub(super) wish: Wish,
    script: VecDeque<Scene>,
    laws: Laws,
    pub(super) violation: Option<Violation>,
    lease: Option<Lease>,
    unanswered: Option<Unanswered>,
    /// Controllers are done before the next look.
    settles: bool,
    /// Acts and waits since the last event.
    acts: u32,
    waits: u32,
    /// Adverse events so far.
    hits: u32,
    /// Events so far that changed what is there.
    pub(super) changes: u32,
    /// What was done, on what, since anything last happened from outside.
    seen: BTreeSet<(u64, IntentKey)>,
    runs: u32,
    commits: u32,
    done: u32,
    happened: BTreeSet<&'static str>,
    pub(super) ends: Vec<End>,
    pub(super) verbs: BTreeSet<&'static str>,
    pub(super) tally: Tally,
    /// `None`: nobody reads it.
    story: Option<Vec<String>>,
    /// The row that asked for the act under way.
    pub(super) row: Option<RowId>,
}

impl Play {
    pub(super) fn new(base: &ClusterSpec, stage: Stage, schedule: &Schedule, told: bool) -> Self {
        let mut stage = stage;
        stage.local = schedule.local;
        stage.writes = schedule.writes;
        if schedule.retains {
            stage.policy = RETAIN;
        }
        let mut base = base.clone();
        base.policy.min_tolerance = schedule.min_tolerance;
        Self {
            stage,
            base,
            setting: schedule.setting(),
            storage: schedule.is_about_storage(),
            wish: schedule.wish,
            script: schedule.script.iter().copied().collect(),
            laws: Laws::default(),
            violation: None,
            lease: None,
            unanswered: None,
            settles: schedule.settles,
            acts: 0,
            waits: 0,
            hits: 0,
            changes: 0,
            seen: BTreeSet::new(),
            runs: 0,
            commits: 1,
            done: 0,
            happened: BTreeSet::new(),
            ends: Vec::new(),
            verbs: BTreeSet::new(),
            tally: Tally::default(),
            story: told.then(Vec::new),
            row: None,
        }
    }

    pub(super) fn story(self) -> Vec<String> {
        self.story.unwrap_or_default()
    }

    pub(super) fn tell(&mut self, line: impl FnOnce() -> String) {
        if let Some(story) = &mut self.story {
            let clock = self.stage.truth.at.strftime("%H:%M:%S");
            story.push(format!("{clock} {}", line()));
        }
    }

    pub(super) fn spec(&self) -> ClusterSpec {
        self.wish.applied_to(&self.base)
    }

    pub(super) fn happened(&self, event: Event) -> bool {
        self.happened.contains(event.kind())
    }

    /// What a plan is made of now is all there is.
    pub(super) fn shows_all(&self) -> bool {
        self.unanswered.is_none() && self.stage.shows_all()
    }

    pub(super) fn breaks(&mut self, found: Option<Violation>) {
        if self.violation.is_none() && found.is_some() {
            self.violation = found;
        }
    }

    /// A new run of the program, of what Git says now.
    pub(super) fn begin(&mut self) -> Run {
        self.runs += 1;
        let commit = format!("{:040}", self.commits);
        self.tally.runs += 1;
        self.seen.clear();
        Run::new(self.runs, self.spec(), commit)
    }

    pub(super) fn look(&mut self, run: &mut Run) -> Result<Observation, Halt> {
        self.moment(run, Moment::Look)?;
        let seen = self.stage.look();
        run.looked = Looked::at(&seen);
        run.voters = self.stage.voters();
        run.hits = self.hits;
        self.renew(run);
        self.tally.state(state_hash(&self.stage.truth, &self.base));
        Ok(seen)
    }

    pub(super) fn act(
        &mut self,
        run: &mut Run,
        act: &Act,
        ledger: &Ledger,
    ) -> Result<Result<(), PerformError>, Halt> {
        let row = self.row;
        let before = fingerprint(&self.stage.truth, &self.base);
        let foreseen = laws::may_do(&self.stage, act, row);
        self.moment(run, Moment::Before(act))?;
        self.tell(|| {
            let (verb, subject) = (act.verb(), act.subject());
            let row = row.map_or_else(String::new, |r| format!(" [{r}]"));
            format!("run {}: {verb} {subject}{row}", run.id)
        });
        let calm = run.hits == self.hits;
        let found = laws::may_do(&self.stage, act, row);
        let found = found.filter(|v| foreseen.as_ref() == Some(v) || !is_sudden(act, v));
        let found = found.or_else(|| storage_laws::may_do(&self.stage, &run.spec, act, row));
        let voters = if calm {
            run.voters
        } else {
            self.stage.voters()
        };
        let files = self.stage.kube().clone();
        let unanswered = self.unanswered.take();
        let answer = self.stage.receive(act, ledger, &run.looked, unanswered);
        self.done += 1;
        self.acts += 1;
        self.tally.acts += 1;
        self.verbs.insert(act.verb());
        self.laws.acted(act);
        // What a precondition kept from happening breaks nothing.
        let received = !matches!(
            answer,
            Err(PerformError::NotDone(_) | PerformError::HeldBack(_))
        );
        self.breaks(found.filter(|_| received));
        match &answer {
            Ok(()) => {
                // Of a run that stood still with the act in hand, the look is not the state any more.
                // How old the last snapshot is is no part of the state.
                let asked = !matches!(act, Act::TakeSnapshot);
                let again = !self.seen.insert((before, act.key())) && calm && asked;
                if again {
                    let (verb, subject) = (act.verb(), act.subject());
                    let what = format!("{verb} {subject}: the same act on the same state again");
                    self.breaks(broken("I5", what));
                }
            }
            Err(error) => self.tell(|| format!("  answered: {error}")),
        }
        self.breaks(laws::files_kept(&files, &self.stage));
        if calm {
            let after = self.stage.voters();
            self.breaks(laws::quorum_kept(&run.spec, act, voters, after));
        }
        self.watch();
        if self.settles {
            self.stage.pass(SignedDuration::from_secs(1));
            self.watch();
        }
        if self.done > MOST_ACTS {
            self.breaks(broken("I5", format!("no end after {MOST_ACTS} acts")));
        }
        self.moment(run, Moment::After(act))?;
        Ok(answer)
    }

    pub(super) fn rest(&mut self, run: &mut Run, on: Option<Condition>) -> Result<(), Halt> {
        self.moment(run, Moment::Wait)?;
        self.waits += 1;
        // A wait that goes on is looked at less and less often.
        let long = run.patience(on);
        let least = on.map(|condition| model::look_after(&run.spec, condition));
        self.stage.pass(least.unwrap_or(long).max(long));
        self.watch();
        self.halted()
    }

    fn watch(&mut self) {
        if self.laws.concedes(&self.stage) {
            self.stage.concede();
        }
        let found = self.laws.passage(&self.stage);
        self.breaks(found);
    }

    fn halted(&self) -> Result<(), Halt> {
        if self.violation.is_some() {
            return Err(Halt);
        }
        Ok(())
    }

    /// Events whose cue this is.
    fn moment(&mut self, run: &mut Run, at: Moment) -> Result<(), Halt> {
        self.halted()?;
        while let Some((cue, event)) = self.script.front().copied() {
            if !self.is_due(cue, at) {
                break;
            }
            self.script.pop_front();
            match (event, at) {
                // An act is never done on an old look: `Frozen` is what makes it so. Here the time passes after it.
                (Event::Passes(_), Moment::Before(_)) => {
                    self.script.push_front((Cue::Now, event));
                    break;
                }
                (Event::Killed, _) => {
                    self.strike(event);
                    self.crash(run);
                    return Err(Halt);
                }
                (Event::Frozen { seconds, acts }, Moment::Before(_)) => {
                    self.freeze(run, event, seconds, acts);
                }
                _ => self.strike(event),
            }
            self.halted()?;
        }
        Ok(())
    }

    fn is_due(&self, cue: Cue, at: Moment) -> bool {
        let is = |act: &Act, verb: &str, ordinal: Option<u32>| {
            let of = match act.subject() {
                crate::decide::Subject::Member(o) => Some(o.0),
                crate::decide::Subject::Object(_) | crate::decide::Subject::Cluster => None,
            };
            act.verb() == verb && (ordinal.is_none() || of == ordinal)
        };
        match (cue, at) {
            (Cue::Now, _) => true,
            (Cue::Before(n), Moment::Before(_)) | (Cue::After(n), Moment::After(_)) => {
                self.acts >= n
            }
            (Cue::Wait(n), Moment::Wait) => self.waits >= n,
            (Cue::BeforeAct(verb, o), Moment::Before(act))
            | (Cue::AfterAct(verb, o), Moment::After(act)) => is(act, verb, o),
            _ => false,
        }
    }

    /// An event strikes, during a run or between two.
    pub(super) fn strike(&mut self, event: Event) {
        self.tell(|| format!("-- {event}"));
        self.tally.event(event.kind());
        self.happened.insert(event.kind());
        (self.acts, self.waits) = (0, 0);
        self.hits += u32::from(event.is_adverse());
        self.changes += u32::from(!event.only_hides());
        self.seen.clear();
        match event {
            Event::Size(members) => self.commit(Wish {
                members,
                ..self.wish
            }),
            Event::Quota(gib) => self.commit(Wish {
                quota: Some(gib),
                ..self.wish
            }),
            Event::Image(image) => self.commit(Wish { image, ..self.wish }),
            Event::Class(class) => self.commit_volumes(Volumes {
                class,
                ..self.wish.volumes
            }),
            Event::VolumeSize(mib) => self.commit_volumes(Volumes {
                mib,
                ..self.wish.volumes
            }),
            Event::Tier(tier) => self.commit_volumes(Volumes {
                tier: Some(tier),
                ..self.wish.volumes
            }),
            Event::Way(way) => self.commit_volumes(Volumes {
                way,
                ..self.wish.volumes
            }),
            Event::TimesOut { after } => self.unanswered = Some(after),
            _ => {
                let had_quorum = self.stage.has_quorum();
                let before = self.stage.kube().clone();
                if event.is_adverse() {
                    self.laws.struck(&before);
                }
                self.stage.strike(event);
                if matches!(event, Event::ObjectEdited(_)) {
                    self.laws.hand(&before, &self.stage);
                }
                self.evicted(event, had_quorum);
            }
        }
        self.watch();
        self.stand();
    }

    /// One (state, desired, schedule): from here on the story has to keep the laws to its end.
    pub(super) fn stand(&mut self) {
        let triple = self.triple();
        self.tally.triple(triple);
    }

    fn triple(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        projection(&self.stage.truth, &self.base).hash(&mut hash);
        (self.wish, self.setting, &self.script).hash(&mut hash);
        hash.finish()
    }

    /// The run is gone; one that had not brought volumes to what it was asked for is counted.
    fn crash(&mut self, run: &Run) {
        if self.storage && self.stage.is_under_way(&run.spec) {
            let triple = self.triple();
            self.tally.crash(triple);
        }
    }

    /// The budget is ours to keep right: as long as no hand has touched it, no eviction takes the quorum.
    fn evicted(&mut self, event: Event, had_quorum: bool) {
        let touched = self.happened(Event::ObjectEdited(ObjectKind::PodDisruptionBudget))
            || self.happened(Event::ObjectDeleted(ObjectKind::PodDisruptionBudget));
        let (voters, _) = self.stage.voters();
        let single = voters < 2;
        let lost = had_quorum && !self.stage.has_quorum();
        if matches!(event, Event::Evicted(_)) && lost && !touched && !single {
            self.breaks(broken(
                "2.8-6",
                "the budget let an eviction take the quorum",
            ));
        }
    }

    fn commit_volumes(&mut self, volumes: Volumes) {
        self.commit(Wish {
            volumes,
            ..self.wish
        });
    }

    fn commit(&mut self, wish: Wish) {
        self.wish = wish;
        self.commits += 1;
    }

    /// The run stands still with its act in hand while time passes and another run may take its place.
    fn freeze(&mut self, run: &Run, event: Event, seconds: u32, acts: u32) {
        self.strike(event);
        let (row, id) = (self.row, run.id);
        self.stage
            .pass(SignedDuration::from_secs(i64::from(seconds)));
        self.watch();
        let mut other = self.begin();
        other.most_acts = Some(acts);
        let end = Walker::new().run(self, &mut other);
        self.release(other.id);
        self.tell(|| format!("run {}: {end}", other.id));
        self.tell(|| format!("-- run {id} goes on"));
        self.row = row;
        self.hits += 1;
    }

    // The Lease.

    pub(super) fn lock(&mut self, run: &mut Run) -> Result<(), LockError> {
        let now = self.stage.truth.at;
        if self.stage.is_away() {
            return Err(LockError::Unreachable(
                "the API server does not answer".into(),
            ));
        }
        if let Some(lease) = &self.lease
            && lease.run != run.id
            && now.duration_since(lease.renewed) < LEASE
        {
            return Err(LockError::Held {
                holder: format!("run {}", lease.run),
                renewed: lease.renewed,
            });
        }
        run.previous_commit = self.lease.take().and_then(|l| l.commit);
        self.lease = Some(Lease {
            run: run.id,
            renewed: now,
            commit: run.previous_commit.clone(),
        });
        Ok(())
    }

    pub(super) fn record_commit(&mut self, run: &Run) {
        if let Some(lease) = self.lease.as_mut().filter(|l| l.run == run.id) {
            lease.commit = Some(run.commit.clone());
        }
    }

    pub(super) fn release(&mut self, run: u32) {
        if let Some(lease) = self.lease.as_mut().filter(|l| l.run == run) {
            lease.renewed = Timestamp::UNIX_EPOCH;
        }
    }

    /// Renewed in the background as long as the run lives and nobody else has taken it.
    fn renew(&mut self, run: &Run) {
        let now = self.stage.truth.at;
        if let Some(lease) = self.lease.as_mut().filter(|l| l.run == run.id) {
            lease.renewed = now;
        }
    }

    pub(super) fn remaining(&self, run: u32) -> Duration {
        let held = self.lease.as_ref().filter(|l| l.run == run);
        let left = held.map(|l| LEASE - self.stage.truth.at.duration_since(l.renewed));
        left.and_then(|l| Duration::try_from(l).ok())
            .unwrap_or_default()
    }

    /// The whole story: runs and events until the script is over, then, with faults stopped, to the end.
    pub(super) fn perform_to_the_end(&mut self, through: fn(&mut Self, &mut Run) -> End) -> End {
        self.stand();
        let mut again = 0;
        loop {
            let end = self.one_run(through);
            if self.violation.is_some() {
                return end;
            }
            match self.script.pop_front() {
                Some((_, event)) => self.strike(event),
                // People run it again: after a kill, and for what they had not been shown.
                None if matches!(end, End::Killed | End::Stopped(_)) && again < MOST_RUNS => {
                    again += 1;
                }
                None => break,
            }
            if self.violation.is_some() {
                return end;
            }
        }
        self.tell(|| "-- faults stop, and Git is fixed".into());
        self.heal();
        self.finish(through)
    }

    fn one_run(&mut self, through: fn(&mut Self, &mut Run) -> End) -> End {
        let mut run = self.begin();
        let (id, members) = (run.id, run.spec.members);
        self.tell(|| format!("run {id} begins; Git asks for {members} members"));
        let end = through(self, &mut run);
        // A dead process holds nothing: the next one on the same host takes over at once.
        self.release(id);
        self.ends.push(end.clone());
        self.tell(|| format!("run {id}: {end}"));
        end
    }

    fn heal(&mut self) {
        self.unanswered = None;
        self.seen.clear();
        if self.wish.image == Image::Missing {
            self.strike(Event::Image(Image::Good));
        }
        if self.wish.volumes.class == Class::Missing {
            self.strike(Event::Class(Class::Plain));
        }
        if self.wish.volumes.tier == Some(Tier::Unreal) {
            self.strike(Event::Tier(Tier::Gold));
        }
        self.stage.heal();
        self.watch();
    }

    /// Runs until nothing changes any more.
    fn finish(&mut self, through: fn(&mut Self, &mut Run) -> End) -> End {
        let mut last = None;
        for _ in 0..MOST_RUNS {
            let done = self.done;
            let end = self.one_run(through);
            if self.violation.is_some() {
                return end;
            }
            let late = !self.stage.late.is_empty();
            self.stage
                .pass(SignedDuration::from_secs(if late { 60 } else { 2 }));
            self.watch();
            if end == End::InSync && !late {
                let spec = self.spec();
                self.breaks(laws::in_place(&self.stage, &spec));
                self.breaks(storage_laws::in_place(&self.stage, &spec));
                return end;
            }
            if last.as_ref() == Some(&end) && self.done == done && !late {
                return end;
            }
            last = Some(end);
        }
        self.breaks(broken(
            "I5",
            format!("no end after {MOST_RUNS} runs with faults stopped"),
        ));
        last.unwrap_or(End::Killed)
    }

    /// Where it stands, in one line.
    pub(super) fn now(&self) -> String {
        projection(&self.stage.truth, &self.base)
    }
}
