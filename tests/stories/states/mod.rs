//! The states of etcd-operations.md 2.8 that one node can make, under writers: each by its number.
//!
//! #19, a learner that fails each time, takes fifteen minutes an attempt: that one is left to the model.

mod images;
mod objects;
mod quorum;
mod sizes;
mod volumes;

use serde_json::Value;

use crate::bed::Bed;
use crate::story::{PLAIN, Story};

/// So many members, under writers.
pub(crate) fn born(name: &'static str, bed: &'static Bed, members: u32) -> Story {
    let story = Story::new(name, bed, PLAIN);
    story.start_writers();
    story.want(members);
    story.settle();
    story.await_writers();
    story
}

/// A run that stops after so many steps, as one that was killed.
fn stop_after(story: &Story, steps: u32) -> Value {
    let plan = story.plan();
    let outcome = story.apply(&plan, &["--max-steps", &steps.to_string()]);
    outcome.expect("nobody else moves the cluster")
}

/// A run that was killed right after a step of this verb.
pub(crate) fn stop_after_verb(story: &Story, verb: &str) {
    for _ in 0..40 {
        let outcome = stop_after(story, 1);
        let done = outcome["done"].as_array().expect("a list");
        if done.iter().any(|act| act["verb"] == verb) {
            return;
        }
        assert_eq!(
            outcome["ending"]["kind"], "step-limit",
            "no {verb}: {outcome:#}"
        );
    }
    panic!("no {verb} within 40 steps");
}

/// These seats have new members on new volumes, all others their own.
pub(crate) fn assert_renewed(story: &Story, seats: &[u32], before: &Before) {
    let after = Before::of(story);
    assert_eq!(after.members.len(), before.members.len());
    for (ordinal, (old, new)) in before.members.iter().zip(&after.members).enumerate() {
        let renewed = seats.contains(&u32::try_from(ordinal).expect("few seats"));
        assert_eq!(
            old != new,
            renewed,
            "member {ordinal}: {old:?}, then {new:?}"
        );
        let (old, new) = (&before.claims[ordinal], &after.claims[ordinal]);
        assert_eq!(old != new, renewed, "claim {ordinal}: {old}, then {new}");
    }
}

/// Who is where on what.
pub(crate) struct Before {
    pub(crate) members: Vec<(u32, String)>,
    pub(crate) claims: Vec<String>,
}

impl Before {
    pub(crate) fn of(story: &Story) -> Self {
        let members = story.members();
        let seats = u32::try_from(members.len()).expect("few seats");
        Self {
            claims: story.claim_uids(seats),
            members,
        }
    }
}
