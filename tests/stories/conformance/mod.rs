//! The model says what the world does: the same story on both, compared after every step.
//!
//! Compared is a projection (see [`projection`]): ordinal → role, incarnation of the claim, serving, age of the template.
//! Which member leads is the world's to choose: the model follows. Which of several members is poisoned first is the
//! clock's: poisonings between two other steps are compared as a set.

mod projection;
mod twin;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use reconcile::decide::IntentKey;
use reconcile::plan::{Plan, SourceFacts, unroll};
use reconcile::state::Observation;

use crate::bed;
use crate::story::{PLAIN, Setting, Story};
use projection::Projection;
use twin::Twin;

/// More steps than any part of the story takes.
const MOST_STEPS: usize = 60;
/// For what is under way by itself when the step's postcondition holds: a pod that ends, an endpoint that goes.
const IN_FLIGHT: Duration = Duration::from_secs(30);

/// Minutes each, for what is decided the same on every version: the other versions are compared on request.
fn every_version(story: &str) -> bool {
    let all = std::env::var("RECONCILE_TEST_VERSIONS").is_ok_and(|versions| versions == "all");
    if !all {
        bed::left_out(story, "compared with RECONCILE_TEST_VERSIONS=all");
    }
    all
}

#[test]
fn conformance_on_3_5() {
    let version = "3.5.35";
    let name = "conformance_on_3_5";
    if every_version(name) {
        compare(name, Setting { version, ..PLAIN }, [1, 3]);
    }
}

#[test]
fn conformance_on_3_6() {
    compare("conformance_on_3_6", PLAIN, [3, 5]);
}

#[test]
fn conformance_on_3_7() {
    let version = "3.7.3";
    let name = "conformance_on_3_7";
    if every_version(name) {
        compare(name, Setting { version, ..PLAIN }, [1, 3]);
    }
}

/// Born with so many members and grown to so many; the rest with three.
fn compare(name: &'static str, setting: Setting, [small, large]: [u32; 2]) {
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = Story::new(name, bed, setting);
    story.want(small);
    let mut pair = Pair {
        twin: Twin::new(&story),
        live: Projection::default(),
        steps: Vec::new(),
        story: &story,
    };
    pair.walk("bootstrap");
    story.want(large);
    pair.walk("grow");
    if large > 3 {
        story.want(3);
        pair.walk("shrink");
    }
    story.git(|wish| wish.quota = "384Mi");
    pair.walk("roll");
    story.delete_claim(1);
    pair.twin.delete_claim(1);
    pair.walk("replace");
    story.lose_volume(2);
    pair.twin.lose_volume(2);
    pair.walk("repair");
    if small < 3 {
        story.want(small);
        pair.walk("shrink");
    }
}

/// The live cluster and its model.
struct Pair<'s> {
    story: &'s Story,
    twin: Twin,
    live: Projection,
    /// What was done, for who reads a difference.
    steps: Vec<String>,
}

impl Pair<'_> {
    /// Step by step on both until neither has anything left to do.
    fn walk(&mut self, part: &str) {
        self.steps.push(format!("-- {part}"));
        self.twin.read(self.story);
        for _ in 0..MOST_STEPS {
            let (seen, poisoned) = self.clear_poison();
            let next = self.twin.clear_poison();
            assert_eq!(
                poisoned,
                next.poisoned,
                "poisoned: live, model\n{}",
                self.told()
            );
            self.twin.follow(&seen);
            let (key, seen) = self.compare(seen);
            let Some(key) = key else {
                self.story.say(&format!("{part}: the same"));
                return;
            };
            self.step(&key, seen);
            self.twin.perform();
        }
        panic!("no end after {MOST_STEPS} steps:\n{}", self.told());
    }

    /// Poisons what is to be poisoned live, and returns the observation after it.
    fn clear_poison(&mut self) -> (Observation, BTreeSet<IntentKey>) {
        let mut poisoned = BTreeSet::new();
        loop {
            let seen = self.look();
            match self.next(&seen) {
                Some(key) if key.verb == "poison-file" => {
                    self.step(&key, seen);
                    poisoned.insert(key);
                }
                _ => return (seen, poisoned),
            }
        }
    }

    fn look(&self) -> Observation {
        serde_json::from_value(self.story.observe()).expect("a recording is an observation")
    }

    fn next(&self, seen: &Observation) -> Option<IntentKey> {
        let plan = unroll(self.twin.spec(), seen);
        let first = plan.intents.into_iter().next()?;
        Some(first.intent.key)
    }

    /// One step of the real program, which returns when its postcondition holds.
    fn step(&mut self, key: &IntentKey, mut seen: Observation) {
        self.steps.push(format!("{} {}", key.verb, key.subject));
        for _ in 0..5 {
            let plans = vec![unroll(self.twin.spec(), &seen)];
            let fleet = self.story.namespace.clone();
            let plan = Plan::new(fleet, seen.at, SourceFacts::default(), plans);
            let plan = serde_json::json!({"intentHash": plan.intent_hash});
            let Some(outcome) = self.story.apply(&plan, &["--max-steps", "1"]) else {
                seen = self.look();
                continue;
            };
            let done = outcome["done"].as_array().expect("a list");
            let expected = serde_json::json!([key]);
            assert_eq!(
                *done,
                *expected.as_array().expect("a list"),
                "{outcome:#}\n{}",
                self.told()
            );
            return;
        }
        panic!(
            "the cluster moves on between plan and apply\n{}",
            self.told()
        );
    }

    /// Equal in the projection and in what comes next, at once or within the time that what is under way takes.
    fn compare(&mut self, mut seen: Observation) -> (Option<IntentKey>, Observation) {
        let model = self.twin.project();
        let next = self.twin.next().map(|act| act.key());
        let deadline = Instant::now() + IN_FLIGHT;
        loop {
            let live = self.live.of(&seen);
            let live_next = self.next(&seen);
            if (&live, &live_next) == (&model, &next) {
                return (next, seen);
            }
            assert!(
                Instant::now() < deadline,
                "live, then {live_next:?}:\n{live}model, then {next:?}:\n{model}{}",
                self.told()
            );
            std::thread::sleep(bed::between_looks());
            seen = self.look();
        }
    }

    fn told(&self) -> String {
        let last = self.steps.iter().rev().take(20).rev();
        format!(
            "after:\n  {}",
            last.cloned().collect::<Vec<_>>().join("\n  ")
        )
    }
}
