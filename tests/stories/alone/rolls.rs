//! Settings, resources and the patch level change while clients write.

use std::time::Duration;

use serde_json::Value;

use crate::bed;
use crate::ending::ended_within;
use crate::runs::apply_beside;
use crate::story::{Setting, Story};
use crate::wish::Wish;

/// The patch level before the bed's own of that minor.
const OLD_PATCH: Setting = Setting {
    version: "3.6.15",
    tls: false,
    reach: None,
};
const NEW_PATCH: &str = "3.6.16";

/// The longest time without an acknowledged put: planned, and with the leader killed in the middle.
const PLANNED: f64 = 0.5;
const KILLED: f64 = 1.5;

/// A phase of the story with the change of Git it begins with.
type Change = (&'static str, fn(&mut Wish));

const CHANGES: [Change; 3] = [
    ("quota", |wish| wish.quota = "384Mi"),
    ("resources", |wish| {
        wish.more = vec!["resources: {requests: {cpu: 20m, memory: 64Mi}}".into()];
    }),
    ("patch level", |wish| wish.version = NEW_PATCH),
];

#[test]
fn rolls_three_members() {
    roll("rolls_three_members", 3);
}

#[test]
fn rolls_five_members() {
    if let Some(name) = bed::by_choice("rolls_five_members") {
        roll(name, 5);
    }
}

fn roll(name: &'static str, members: u32) {
    let Some((bed, _turn)) = bed::take_own(name) else {
        return;
    };
    let story = Story::new(name, bed, OLD_PATCH);
    story.start_writers();
    story.want(members);
    story.settle();
    story.await_writers();
    let claims = story.claim_uids(members);
    let listed = story.members();
    for (phase, change) in CHANGES {
        // So that a gap of the one is not counted for the other.
        std::thread::sleep(Duration::from_secs(1));
        story.mark(phase);
        story.git(change);
        let done = story.settle();
        assert_restarted_once(&done, members);
        story.say(&format!("{phase}: {} steps", done.len()));
    }
    for version in versions(&story.observe()) {
        assert_eq!(version, NEW_PATCH);
    }
    std::thread::sleep(Duration::from_secs(1));
    story.mark("killed");
    kill_the_leader_on_the_way(&story);
    story.settle();
    story.mark("after");
    assert_eq!(
        story.claim_uids(members),
        claims,
        "a roll keeps its volumes"
    );
    assert_eq!(story.members(), listed, "a roll keeps its members");
    let verdict = story.judge(members);
    for (phase, _) in CHANGES {
        story.assert_gap(&verdict, phase, PLANNED);
    }
    story.assert_gap(&verdict, "killed", KILLED);
}

/// One restart for each member, and the leader moved first where it led.
fn assert_restarted_once(done: &[Value], members: u32) {
    for ordinal in 0..members {
        let restarted =
            |act: &&Value| act["verb"] == "restart-member" && act["subject"]["member"] == ordinal;
        let times = done.iter().filter(restarted).count();
        assert_eq!(
            times, 1,
            "member {ordinal} was restarted {times} times: {done:#?}"
        );
    }
}

/// Begins a roll, and once the first member was restarted sends the leader's process SIGKILL.
fn kill_the_leader_on_the_way(story: &Story) {
    story.git(|wish| wish.quota = "320Mi");
    let before: Vec<String> = (0..3).map(|o| story.pod_uid(o)).collect();
    let mut run = apply_beside(story);
    story.until("the first member to be restarted", 60, || {
        let uid = |o: u32| story.pod_uid(o);
        (0..3).any(|o| !uid(o).is_empty() && uid(o) != before[o as usize])
    });
    let leader = story.leader();
    story.kill_etcd(leader);
    story.say(&format!("killed the leader, member {leader}"));
    // Whether this run goes on or stops is its own affair; the next one ends in sync.
    ended_within(&mut run, 300);
}

fn versions(seen: &Value) -> Vec<&str> {
    let statuses = seen["etcd"]["statuses"].as_object().expect("statuses");
    let version = |status: &Value| status["known"]["version"].as_str().is_some();
    assert!(statuses.values().all(version), "{statuses:#?}");
    statuses
        .values()
        .filter_map(|s| s["known"]["version"].as_str())
        .collect()
}
