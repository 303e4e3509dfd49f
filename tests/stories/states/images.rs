//! Members that cannot start, for what Git says is wrong (2.8 #4, #5; F5).

use super::{Before, born, stop_after_verb};
use crate::bed;
use crate::runs::apply_beside;

const BAD_IMAGE: &str = "docker.io/testbed/nothing:3.6.16";

/// #4: a bad image in Git, and a pod is evicted: its data is whole, and stays. Git is fixed.
#[test]
fn states_bad_image() {
    let name = "states_bad_image";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = Before::of(&story);
    story.mark("bad image");
    story.git(|wish| wish.image = Some(BAD_IMAGE));
    let plan = story.plan();
    story.say(&format!("planned: {}", plan["counts"]));
    // Up to the first restart, which does not come back; without one where it is refused before.
    let outcome = story.apply(&plan, &["--max-steps", "4"]);
    story.say(&format!(
        "applied: {:?}",
        outcome.map(|o| o["ending"].clone())
    ));
    story.delete_pod(story.follower());
    std::thread::sleep(std::time::Duration::from_secs(5));
    story.say(&format!("then: {:?}", story.refusals()));
    assert_eq!(Before::of(&story).members, before.members);
    story.git(|wish| wish.image = None);
    story.settle();
    let after = Before::of(&story);
    assert_eq!(after.claims, before.claims, "whole data was given up");
    assert_eq!(
        after.members, before.members,
        "a member with whole data was replaced"
    );
    story.judge(3);
}

/// #5, F5: a learner that cannot start for a bad image, and the peer Service is gone; a voter's process dies. Git is
/// fixed, and the fix arrives.
#[test]
fn states_learner_cannot_start() {
    let name = "states_learner_cannot_start";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    story.mark("learner stuck");
    story.want(5);
    stop_after_verb(&story, "add-learner");
    story.git(|wish| wish.image = Some(BAD_IMAGE));
    let mut run = apply_beside(&story);
    let image = "-o=jsonpath={.spec.containers[0].image}";
    let learner = ["get", "pod", "orders-3", "--ignore-not-found", image];
    story.until("a learner with the bad image", 90, || {
        story.kubectl(&learner) == BAD_IMAGE
    });
    let _ = run.kill();
    run.wait().expect("our program ends");
    story.kubectl(&["delete", "service", "orders-peer"]);
    story.kill_etcd(story.follower());
    story.git(|wish| wish.image = None);
    story.settle();
    assert_eq!(story.members().len(), 5);
    story.judge(5);
}
