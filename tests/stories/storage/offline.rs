//! The only member is stopped, copied to another volume, and started there (P5-b).

use std::process::Child;
use std::time::Instant;

use serde_json::Value;

use super::faults::class;
use super::killed::kill_through;
use super::{assert_as_git_says, kept};
use crate::bed;
use crate::hands::pod;
use crate::killed::Moments;
use crate::runs::apply_beside;
use crate::states::born;
use crate::story::Story;
use crate::wish::Wish;

const SHELL: &str = "docker.io/testbed/busybox:1";

/// Git asks for another class, and allows the cluster to be down for it.
fn ask(wish: &mut Wish) {
    wish.class = "testbed-hdd";
    wish.migration = Some("offline");
    wish.copy_image = Some(SHELL);
    wish.more.push("policy: {allowDowntime: true}".to_owned());
}

/// It is down while it is copied, and is the same member afterwards, with all that it had acknowledged.
#[test]
fn storage_offline() {
    let name = "storage_offline";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 1);
    story.load("50", "1000000");
    let before = story.members();
    story.mark("copied");
    story.git(ask);
    let plan = story.plan();
    let remarks = plan["clusters"][0]["remarks"].to_string();
    assert!(remarks.contains("offline-downtime"), "{plan:#}");
    let begun = Instant::now();
    story.settle();
    story.say(&format!("copied: {:.1} s", begun.elapsed().as_secs_f32()));
    assert_eq!(story.members(), before, "nobody joins and nobody leaves");
    assert_as_git_says(&story);
    await_nothing_left(&story);
    story.until("the old volume to be released", 60, || kept(&story) == 1);
    story.judge(1);
}

/// SIGKILL after every step, with the process stopped or not.
#[test]
fn storage_killed_offline() {
    let name = "storage_killed_offline";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 1);
    let before = story.members();
    let mut moments = Moments::from_clock(&story);
    kill_through(&story, &mut moments, "offline", 1, ask);
    assert_eq!(story.members(), before);
    await_nothing_left(&story);
    story.judge(1);
}

/// Nothing can be copied with an image that is not there: the run says so, and goes on with the one that Git names then.
/// Somebody starts the member meanwhile, on a volume that is empty, and deletes the pod that copies.
#[test]
fn storage_offline_image_missing() {
    let name = "storage_offline_image_missing";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = born(name, bed, 1);
    let before = story.members();
    story.mark("no image");
    story.git(|wish| {
        ask(wish);
        wish.copy_image = Some("docker.io/testbed/none:1");
    });
    let mut run = apply_beside(&story);
    story.until("the pod that copies to lack its image", 120, || {
        story.told().contains("ErrImage") || story.told().contains("ImagePullBackOff")
    });
    end(&mut run);
    story.scale(1);
    story.until("the member to be made", 60, || !story.pod_uid(0).is_empty());
    story.mark("image");
    story.git(|wish| wish.copy_image = Some(SHELL));
    story.settle();
    assert_eq!(story.members(), before);
    assert_as_git_says(&story);
    await_nothing_left(&story);
    story.judge(1);
}

/// Git goes back when the member is stopped: it starts where it was. When its claim is given up: on a copy, of the class
/// that Git says by then.
#[test]
fn storage_offline_and_back() {
    let name = "storage_offline_and_back";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = born(name, bed, 1);
    let (before, claim) = (story.members(), story.claim_uid(0));
    for (phase, verb) in [("stopped", "halt-member"), ("given up", "release-claim")] {
        story.mark(phase);
        story.git(|wish| {
            wish.more.clear();
            ask(wish);
        });
        until_done(&story, verb);
        story.git(|wish| wish.class = "testbed-ssd");
        story.settle();
        assert_as_git_says(&story);
        let stays = story.claim_uid(0) == claim;
        assert_eq!(stays, verb == "halt-member", "{phase}");
    }
    assert_eq!(story.members(), before);
    await_nothing_left(&story);
    story.judge(1);
}

/// The new class has no room: the driver's words, and the cluster is down. Git names another class: the copy goes on, from the
/// old volume.
#[test]
fn storage_offline_without_room() {
    let name = "storage_offline_without_room";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = born(name, bed, 1);
    let before = story.members();
    bed.apply_manifest(&class("testbed-shut", "none"));
    story.mark("no room");
    story.git(|wish| {
        ask(wish);
        wish.class = "testbed-shut";
    });
    let begun = Instant::now();
    let outcome = story.apply(&story.plan(), &[]);
    let outcome = outcome.expect("nobody else moves the cluster");
    let said = outcome["ending"].to_string();
    story.say(&format!("{:.1} s: {said}", begun.elapsed().as_secs_f32()));
    assert!(said.contains("ProvisioningFailed"), "{outcome:#}");
    story.mark("room");
    story.git(|wish| wish.class = "testbed-hdd");
    story.settle();
    assert_eq!(story.members(), before);
    assert_as_git_says(&story);
    await_nothing_left(&story);
    story.judge(1);
    bed.kubectl(&["delete", "storageclass", "testbed-shut"]);
}

/// Runs of one step each, until that one was done.
fn until_done(story: &Story, verb: &str) {
    for _ in 0..20 {
        let plan = story.plan();
        let outcome = story.apply(&plan, &["--max-steps", "1"]);
        let done = outcome.map(|o| o["done"][0]["verb"].clone());
        if done == Some(Value::from(verb)) {
            return;
        }
    }
    panic!("no run did {verb}");
}

fn end(run: &mut Child) {
    run.kill().expect("it has not ended");
    run.wait().expect("our program ends");
}

/// No claim and no pod of a copy stays, and the member is there.
fn await_nothing_left(story: &Story) {
    let names = || story.kubectl(&["get", "pod,pvc", "-o=name"]);
    story.until("what copied to be gone", 60, || {
        !names().lines().any(|name| name.ends_with("-copy"))
    });
    assert!(!story.pod_uid(0).is_empty(), "{} is there", pod(0));
}
