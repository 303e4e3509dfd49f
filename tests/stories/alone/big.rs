//! Moves of a large database, against what copying it costs at the least. By choice only: it takes minutes.

use std::time::Instant;

use serde_json::Value;

use super::moves::PLANNED;
use crate::bed;
use crate::hands::pod;
use crate::states::Before;
use crate::storage::assert_as_git_says;
use crate::story::{PLAIN, Story};
use crate::wish::Wish;

/// Says that it is told: 1, or how many megabytes.
pub(super) const CHOICE: &str = "RECONCILE_TEST_BIG";
/// Values of a megabyte, so many at a time: what kubectl carries in a minute.
const VALUES: usize = 52;
/// Megabytes where nothing else is said.
const USUAL: usize = 1040;

#[test]
fn moves_of_a_gigabyte() {
    let name = "moves_of_a_gigabyte";
    let Ok(megabytes) = std::env::var(CHOICE) else {
        bed::left_out(name, "it takes minutes; RECONCILE_TEST_BIG=1 tells it");
        return;
    };
    let megabytes = match megabytes.parse().expect("RECONCILE_TEST_BIG is a number") {
        0 | 1 => USUAL,
        megabytes => megabytes,
    };
    let Some((bed, _turn)) = bed::take_own(name) else {
        return;
    };
    let story = Story::new(name, bed, PLAIN);
    story.start_writers();
    story.git(|wish| {
        wish.quota = "2Gi";
        wish.size = "4Gi";
    });
    story.settle();
    story.await_writers();
    for _ in 0..megabytes.div_ceil(VALUES) {
        story.load(&VALUES.to_string(), "1000000");
    }
    // One that fills the page cache, one that counts; on two volumes: one has no room for both beside the log.
    let _ = copied(&story, 2);
    let (bytes, seconds) = copied(&story, 0);
    let rate = bytes / seconds;
    story.say(&format!(
        "a database of {:.0} MB; a snapshot from member 1 to member 0 in {seconds:.1} s: {:.0} MB/s",
        bytes / 1e6,
        rate / 1e6
    ));
    let copies = |n: f64| n * bytes / rate;
    // The spare and three successors, and three successors.
    go(&story, "surge", copies(4.0), |wish| {
        wish.class = "testbed-hdd";
    });
    go(&story, "in place", copies(3.0), |wish| {
        (wish.class, wish.migration) = ("testbed-ssd", Some("inPlace"));
    });
    let before = Before::of(&story);
    story.mark("grow");
    story.git(|wish| (wish.size, wish.migration) = ("5Gi", None));
    let begun = Instant::now();
    story.settle();
    story.say(&format!("grow: {:.1} s", begun.elapsed().as_secs_f64()));
    assert_eq!(Before::of(&story).members, before.members, "nobody moves");
    assert_as_git_says(&story);
    go(&story, "shrink", copies(4.0), |wish| {
        wish.size = "4Gi";
    });
    let verdict = story.judge(3);
    for phase in ["surge", "in place", "grow", "shrink"] {
        story.assert_gap(&verdict, phase, PLANNED);
    }
}

/// All members move, in a time that is told beside what their copies take at the least.
fn go(story: &Story, phase: &str, floor: f64, git: impl FnOnce(&mut Wish)) {
    story.mark(phase);
    let before = Before::of(story);
    story.git(git);
    let begun = Instant::now();
    let done = story.settle();
    let took = begun.elapsed().as_secs_f64();
    assert_as_git_says(story);
    let after = Before::of(story);
    let stayed = after.members.iter().filter(|m| before.members.contains(m));
    assert_eq!(stayed.count(), 0, "all of them moved");
    story.say(&format!(
        "{phase}: {took:.1} s, {} steps; its copies at that rate are {floor:.1} s: {:.1} times the floor",
        done.len(),
        took / floor
    ));
}

/// A snapshot that one member's etcdctl takes of member 1 and writes to its own volume: bytes, and seconds with kubectl's
/// way in and out.
fn copied(story: &Story, ordinal: u32) -> (f64, f64) {
    let from = format!(
        "--endpoints=http://orders-1.orders-peer.{}.svc:2379",
        story.namespace
    );
    let begun = Instant::now();
    story.kubectl(&[
        "exec",
        &pod(ordinal),
        "--",
        "etcdctl",
        &from,
        "snapshot",
        "save",
        "/data/etcd/copied.db",
    ]);
    let seconds = begun.elapsed().as_secs_f64();
    let status = [
        "exec",
        &pod(ordinal),
        "--",
        "etcdctl",
        &from,
        "endpoint",
        "status",
        "-w=json",
    ];
    let status: Value = serde_json::from_str(&story.kubectl(&status)).expect("etcdctl prints JSON");
    let bytes = status[0]["Status"]["dbSize"].as_f64().expect("a size");
    (bytes, seconds)
}
