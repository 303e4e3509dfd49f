//! Room for a member more: quotas that are there before a plan or come in the middle, a class that nobody serves, one
//! that binds at once, a learner that finds no node.
//!
//! The harness begins tests in the order of their names, and one of these waits for minutes: named with the others of
//! `storage` it was left for the end, when nothing was told beside it.

use std::process::Child;

use serde_json::Value;

use crate::bed;
use crate::runs::apply_beside;
use crate::states::{born, stop_after_verb};
use crate::storage::assert_as_git_says;
use crate::storage::faults::{class, stopped};
use crate::story::Story;

/// The namespace may have no claim more than it has: members move in place, and what would take one claim more is
/// refused before anything is touched.
#[test]
fn storage_quota_for_claims() {
    let name = "storage_quota_for_claims";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::beside) else {
        return;
    };
    let story = born(name, bed, 3);
    no_claim_more(&story, 3);
    story.mark("refused");
    story.git(|wish| {
        wish.class = "testbed-hdd";
        wish.migration = Some("surge");
    });
    assert_eq!(story.plan()["counts"]["steps"], 0);
    assert_eq!(story.refusals(), ["no-room-for-surge"]);
    story.git(|wish| wish.class = "testbed-ssd");
    story.want(5);
    assert_eq!(story.refusals(), ["quota-exceeded"]);
    story.git(|wish| (wish.members, wish.class) = (3, "testbed-hdd"));
    story.mark("in place");
    story.git(|wish| wish.migration = None);
    let plan = story.plan();
    let found = remark(&plan, "in-place-for-room");
    assert!(
        found.contains("quota claims: persistentvolumeclaims 3, used 3"),
        "{found}"
    );
    let done = story.settle();
    let spare = done.iter().filter(|act| act["subject"]["member"] == 3);
    assert_eq!(spare.count(), 0, "{done:#?}");
    assert_as_git_says(&story);
    story.judge(3);
}

/// It comes when the spare is listed and has no claim yet: the StatefulSet says so, for there is no claim that could.
#[test]
fn storage_quota_meanwhile() {
    let name = "storage_quota_meanwhile";
    let Some((bed, _turn)) = bed::beside(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = story.members();
    story.git(|wish| wish.class = "testbed-hdd");
    stop_after_verb(&story, "add-learner");
    no_claim_more(&story, 3);
    story.mark("no claim more");
    let said = stopped(&story, "timed-out", &before);
    assert!(said.contains("exceeded quota"), "{said}");
    story.kubectl(&["delete", "quota", "claims"]);
    story.mark("claims again");
    story.settle();
    assert_as_git_says(&story);
    story.judge(3);
}

/// The provisioner of the class is nobody's: the claim's event says for whom it waits. Git goes back.
#[test]
fn storage_class_of_nobody() {
    let name = "storage_class_of_nobody";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let nobody = class("testbed-nobody", "plenty").replace("testbed.csi", "nobody.example");
    bed.apply_manifest(&nobody);
    let before = story.members();
    story.git(|wish| wish.class = "testbed-nobody");
    story.mark("nobody");
    let run = apply_beside(&story);
    told_and_left(&story, run, "nobody.example", &before);
    story.git(|wish| wish.class = "testbed-ssd");
    story.mark("Git back");
    story.settle();
    assert_as_git_says(&story);
    story.judge(3);
    bed.kubectl(&["delete", "storageclass", "testbed-nobody"]);
}

/// A class that makes volumes before their pods have a node: said beforehand, and with one node no harm.
#[test]
fn storage_class_that_binds_at_once() {
    let name = "storage_class_that_binds_at_once";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = born(name, bed, 3);
    let immediate = class("testbed-at-once", "plenty").replace("WaitForFirstConsumer", "Immediate");
    bed.apply_manifest(&immediate);
    story.git(|wish| wish.class = "testbed-at-once");
    let plan = story.plan();
    let found = remark(&plan, "immediate-binding");
    assert!(found.contains("testbed-at-once"), "{found}");
    story.mark("bound at once");
    story.settle();
    assert_as_git_says(&story);
    story.judge(3);
    bed.kubectl(&["delete", "storageclass", "testbed-at-once"]);
}

/// No node has what Git asks for: the spare waits in the list without a vote, and the run says why.
#[test]
fn storage_learner_without_a_node() {
    let name = "storage_learner_without_a_node";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = story.members();
    story.git(|wish| {
        wish.class = "testbed-hdd";
        wish.more.push("resources: {requests: {cpu: 64}}".into());
    });
    story.mark("no node");
    let run = apply_beside(&story);
    told_and_left(&story, run, "Insufficient cpu", &before);
    story.git(|wish| wish.more.clear());
    story.mark("mended");
    story.settle();
    assert_as_git_says(&story);
    story.judge(3);
}

fn no_claim_more(story: &Story, claims: u32) {
    let hard = format!("--hard=persistentvolumeclaims={claims}");
    story.kubectl(&["create", "quota", "claims", &hard]);
    story.until("the quota to count", 30, || {
        let used = "-o=jsonpath={.status.used.persistentvolumeclaims}";
        story.kubectl(&["get", "quota", "claims", used]) == claims.to_string()
    });
}

/// What the plan says under this code before its first step.
fn remark(plan: &Value, code: &str) -> String {
    let remarks = plan["clusters"][0]["remarks"].as_array();
    let mut remarks = remarks.into_iter().flatten();
    let found = remarks.find(|remark| remark["code"] == code);
    let found = found.unwrap_or_else(|| panic!("no {code}: {plan:#}"));
    found["found"].as_str().expect("words").to_owned()
}

/// The run says these words while it waits, and goes on waiting; a person ends it. Nobody is worse off.
fn told_and_left(story: &Story, mut run: Child, words: &str, before: &[(u32, String)]) {
    let begun = std::time::Instant::now();
    story.until("the run to say what keeps it", 180, || {
        let told = story.told();
        let mut waits = told.lines().filter(|line| line.contains("waiting for "));
        waits.any(|line| line.contains(words))
    });
    story.say(&format!(
        "told after {:.1} s",
        begun.elapsed().as_secs_f32()
    ));
    let _ = run.kill();
    run.wait().expect("our program ends");
    let plan = story.plan();
    assert_eq!(plan["clusters"][0]["tolerance"]["now"], 1, "{plan:#}");
    let now = story.members();
    assert!(before.iter().all(|member| now.contains(member)), "{now:?}");
}
