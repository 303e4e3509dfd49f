//! Stopped and killed: after every step, at a random moment of the next, and by a signal.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::bed;
use crate::ending::send;
use crate::story::{Setting, Story};

/// More runs than any size takes, killed ones included.
const MOST_RUNS: usize = 120;

const SETTING: Setting = Setting {
    version: "3.6.16",
    tls: false,
    reach: None,
};

#[test]
fn killed_after_every_step() {
    let name = "killed_after_every_step";
    let Some((bed, _turn)) = bed::beside(name) else {
        return;
    };
    let story = Story::new(name, bed, SETTING);
    let mut moments = Moments::from_clock(&story);
    let mut lives = Lives::default();
    story.start_writers();
    for (members, last) in [(3, 0), (1, 3), (3, 1)] {
        if last != 0 {
            story.mark(&format!("{last} to {members}"));
        }
        story.want(members);
        stumble(&story, &mut moments, &mut lives);
        story.assert_in_sync();
        story.say(&format!("{members} members"));
        if last == 0 {
            story.await_writers();
        }
    }
    // 3 born, 2 and 1 added once more each: nothing was done twice.
    lives.assert_each_once(&[("0", 1), ("1", 2), ("2", 2)]);
    story.judge(3);
}

/// One step, then a run killed somewhere, again and again until nothing is left to do.
fn stumble(story: &Story, moments: &mut Moments, lives: &mut Lives) {
    for _ in 0..MOST_RUNS {
        let plan = story.plan();
        lives.note(&story.observe());
        if plan["clusters"][0]["verdict"] == "in-sync" {
            return;
        }
        // What a killed run had begun may come about between plan and apply: then the next turn plans anew.
        let Some(outcome) = story.apply(&plan, &["--max-steps", "1"]) else {
            continue;
        };
        let ending = outcome["ending"]["kind"].as_str().expect("a kind");
        let fine = ["step-limit", "in-sync", "not-approved"];
        assert!(fine.contains(&ending), "{outcome:#}");
        lives.note(&story.observe());
        let hash = story.plan()["intentHash"]
            .as_str()
            .expect("a hash")
            .to_owned();
        let mut run = story.spawn(&["apply", ".", "--yes", "--expect-hash", &hash]);
        std::thread::sleep(moments.next());
        // SIGKILL; one that has already ended is as good.
        let _ = run.kill();
        run.wait().expect("our program ends");
    }
    panic!("no end after {MOST_RUNS} runs");
}

/// Random moments up to a little over what a step takes, from a seed that is printed.
pub(crate) struct Moments(u64);

impl Moments {
    pub(crate) fn from_clock(story: &Story) -> Self {
        let seed = std::env::var("RECONCILE_TEST_SEED")
            .ok()
            .and_then(|s| s.parse().ok());
        let seed = seed.unwrap_or_else(|| {
            let now = std::time::UNIX_EPOCH.elapsed().expect("a clock after 1970");
            now.as_secs()
        });
        story.say(&format!("RECONCILE_TEST_SEED={seed}"));
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> Duration {
        // Knuth's MMIX generator: good enough to pick moments.
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        Duration::from_millis((self.0 >> 33) % 1000)
    }
}

/// Member IDs and claim UIDs ever seen on each seat.
#[derive(Default)]
struct Lives {
    members: BTreeMap<String, BTreeSet<String>>,
    claims: BTreeMap<String, BTreeSet<String>>,
}

impl Lives {
    fn note(&mut self, observation: &Value) {
        let members = &observation["etcd"]["membership"]["known"]["members"];
        for member in members.as_array().into_iter().flatten() {
            let url = member["peerUrls"][0].as_str().expect("a URL");
            let seat = url
                .split("orders-")
                .nth(1)
                .and_then(|s| s.split('.').next());
            let id = member["id"].as_str().expect("an id");
            let seat = seat.expect("a seat's URL").to_owned();
            self.members.entry(seat).or_default().insert(id.to_owned());
        }
        let claims = observation["kube"]["known"]["claims"].as_object();
        for (seat, claim) in claims.into_iter().flatten() {
            let uid = claim["uid"].as_str().expect("a UID");
            self.claims
                .entry(seat.clone())
                .or_default()
                .insert(uid.to_owned());
        }
    }

    fn assert_each_once(&self, expected: &[(&str, usize)]) {
        for (seat, times) in expected {
            assert_eq!(
                self.members[*seat].len(),
                *times,
                "members ever on seat {seat}"
            );
            assert_eq!(
                self.claims[*seat].len(),
                *times,
                "claims ever on seat {seat}"
            );
        }
    }
}

#[test]
fn stopped_by_a_signal() {
    let name = "stopped_by_a_signal";
    let Some((bed, _turn)) = bed::beside(name) else {
        return;
    };
    let story = Story::new(name, bed, SETTING);
    story.become_size(1);
    story.want(3);
    let plan = story.plan();
    let hash = plan["intentHash"].as_str().expect("a hash");
    let run = story.spawn(&["apply", ".", "--yes", "--expect-hash", hash]);
    // In the middle of the first member: it is a learner now.
    story.await_learner();
    send("-INT", run.id());
    let ended = run.wait_with_output().expect("our program ends");
    let told = String::from_utf8_lossy(&ended.stdout).into_owned();
    assert_eq!(ended.status.code(), Some(130), "{told}");
    assert!(
        told.contains("2 voters") && told.contains("safe to leave"),
        "{told}"
    );
    // A safe point: nothing is half done, and one member is left to add.
    let left = story.plan();
    let actions = left["clusters"][0]["actions"].as_array().expect("a list");
    assert!(
        actions
            .iter()
            .all(|a| a["subject"] != serde_json::json!({"member": 1})),
        "{left:#}"
    );
    let outcome = story
        .apply(&left, &[])
        .expect("nobody else moves the cluster");
    assert_eq!(outcome["ending"]["kind"], "in-sync", "{outcome:#}");
    story.assert_in_sync();
}
