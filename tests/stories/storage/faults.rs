//! What a move needs is not to be had, or something dies in the middle of it: the run stops and says why in the words of
//! who said no, nobody is worse off, and the next one goes on.

use std::time::Duration;

use serde_json::Value;

use super::assert_as_git_says;
use crate::bed;
use crate::ending::ended_within;
use crate::faults::Tmpfs;
use crate::hands::pod;
use crate::runs::apply_beside;
use crate::states::born;
use crate::story::Story;

/// A class of the bed's driver, with room for volumes or without.
pub(crate) fn class(name: &str, room: &str) -> String {
    format!(
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {{name: {name}}}\nprovisioner: testbed.csi\nparameters: {{room: {room}}}\nallowVolumeExpansion: true\nvolumeBindingMode: WaitForFirstConsumer\n"
    )
}

/// The class that Git names is not there: refused before anything is touched. It is there and has no room: the driver's
/// words. It has room.
#[test]
fn storage_class_without_room() {
    let name = "storage_class_without_room";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = story.members();
    story.git(|wish| wish.class = "testbed-crowded");
    let plan = story.plan();
    assert_eq!(plan["counts"]["steps"], 0, "{plan:#}");
    assert!(story.refusals().contains(&"class-missing".to_owned()));
    bed.apply_manifest(&class("testbed-crowded", "none"));
    story.mark("no room");
    let said = stopped(&story, "timed-out", &before);
    assert!(said.contains("ProvisioningFailed"), "{said}");
    assert!(said.contains("no room left"), "{said}");
    // Its parameters cannot be changed in place.
    bed.kubectl(&["delete", "storageclass", "testbed-crowded"]);
    bed.apply_manifest(&class("testbed-crowded", "plenty"));
    story.mark("room");
    story.settle();
    assert_as_git_says(&story);
    story.judge(3);
    bed.kubectl(&["delete", "storageclass", "testbed-crowded"]);
}

/// Somebody scales the StatefulSet down while a spare is on its way: a voter's pod goes with it.
#[test]
fn storage_scaled_by_another_meanwhile() {
    let name = "storage_scaled_by_another_meanwhile";
    let Some((bed, _turn)) = bed::beside(name) else {
        return;
    };
    let story = born(name, bed, 3);
    story.mark("scaled");
    story.git(|wish| wish.class = "testbed-hdd");
    let mut run = apply_beside(&story);
    story.await_learner();
    story.scale(2);
    let code = ended_within(&mut run, 300);
    story.say(&format!("the run ended by itself with {code}"));
    story.settle();
    assert_as_git_says(&story);
    story.judge(3);
}

/// The spare's process hangs before it has caught up, and for a moment all do: nobody is given up meanwhile, and the run
/// goes on and says who does not answer.
/// Later a voter's process dies while another learner catches up.
#[test]
fn storage_processes_die_while_a_learner_catches_up() {
    let name = "storage_processes_die_while_a_learner_catches_up";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    story.mark("the learner hangs");
    let before = story.members();
    story.git(|wish| wish.class = "testbed-hdd");
    let mut run = apply_beside(&story);
    story.until("the spare's process", 120, || is_running(&story, 3));
    story.signal("STOP", 3);
    // On a busy machine it may have caught up before the signal came.
    if learners(&story) == Some(1) {
        stand_still(&story);
        await_silence_told(&story);
        let now = story.members();
        assert!(before.iter().all(|member| now.contains(member)), "{now:?}");
    }
    story.signal("CONT", 3);
    story.until("the spare to be a voter", 300, || {
        learners(&story) == Some(0) && story.members().len() == 4
    });
    story.mark("a voter dies");
    story.await_learner();
    // The learner's seat may be named as well, and has no process while its pod is made anew.
    let dies = std::cell::Cell::new(0);
    story.until("a follower's process", 60, || {
        dies.set(story.follower());
        story.try_signal("KILL", dies.get())
    });
    let dies = dies.get();
    story.say(&format!("member {dies}'s process killed"));
    let code = ended_within(&mut run, 300);
    story.say(&format!("the run ended by itself with {code}"));
    story.settle();
    assert_as_git_says(&story);
    story.judge(3);
}

/// Longer than a look waits for an answer.
fn stand_still(story: &Story) {
    let voters = 0..3;
    for ordinal in voters.clone() {
        story.signal("STOP", ordinal);
    }
    std::thread::sleep(Duration::from_secs(7));
    for ordinal in voters {
        story.signal("CONT", ordinal);
    }
}

fn await_silence_told(story: &Story) {
    story.until("the run to say that the spare does not answer", 120, || {
        let told = story.told();
        let waits = told.lines().rfind(|line| line.contains("waiting for "));
        waits.is_some_and(|line| line.contains(": member 3: "))
    });
    let waits = story.told();
    story.say(waits.lines().last().unwrap_or_default());
}

/// The snapshot store is full, then may not be written to, then is in order.
#[test]
fn storage_snapshot_store_full() {
    let name = "storage_snapshot_store_full";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = story.members();
    let disk = Tmpfs::mount(&story.directory.path().join("store"), "size=16k");
    story.git(|wish| {
        let path = disk.path().display();
        wish.class = "testbed-hdd";
        wish.more
            .push(format!("backup: {{store: {{path: {path}}}}}"));
    });
    story.mark("store full");
    let said = stopped(&story, "failed", &before);
    assert!(said.contains("No space left on device"), "{said}");
    disk.again("ro,size=256m");
    let said = stopped(&story, "failed", &before);
    assert!(said.contains("Read-only file system"), "{said}");
    disk.again("rw,size=256m");
    story.mark("store in order");
    let done = story.settle();
    let verbs = done.iter().filter(|act| act["verb"] == "take-snapshot");
    assert!(verbs.count() > 0, "{done:#?}");
    assert_as_git_says(&story);
    story.judge(3);
}

/// One apply of what is planned now ends in this way; all who voted before vote on and none of them is missed. What
/// kept it, in its own words.
pub(crate) fn stopped(story: &Story, kind: &str, before: &[(u32, String)]) -> String {
    let begun = std::time::Instant::now();
    let plan = story.plan();
    let outcome = story.apply(&plan, &[]);
    let outcome = outcome.expect("nobody else moves the cluster");
    let ending = &outcome["ending"];
    assert_eq!(ending["kind"], kind, "{outcome:#}");
    let said = ending["detail"].as_str().expect("a reason").to_owned();
    story.say(&format!(
        "stopped after {:.1} s: {said}",
        begun.elapsed().as_secs_f32()
    ));
    assert!(outcome["tolerance"].as_i64() >= Some(1), "{outcome:#}");
    let now = story.members();
    assert!(before.iter().all(|member| now.contains(member)), "{now:?}");
    said
}

fn is_running(story: &Story, ordinal: u32) -> bool {
    let started = "-o=jsonpath={.status.containerStatuses[0].state.running.startedAt}";
    let get = ["get", "pod", &pod(ordinal), "--ignore-not-found", started];
    !story.kubectl(&get).is_empty()
}

/// `None`: the list is not known.
fn learners(story: &Story) -> Option<usize> {
    std::thread::sleep(Duration::from_millis(500));
    let seen = story.observe();
    let members = seen["etcd"]["membership"]["known"]["members"].as_array()?;
    let learner = |member: &&Value| member["learner"] == true;
    Some(members.iter().filter(learner).count())
}
