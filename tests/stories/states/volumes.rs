//! Volumes that are lost, half lost, or about to be (2.8 #2, #9, #10, #12; F2).

use super::{Before, assert_renewed, born, stop_after_verb};
use crate::bed;

/// #2: someone deletes the claim of a live voter. Nothing is lost yet: a spare first, and the voter goes while its data
/// is still there. The run is killed in the middle of it (#12): the hole is found again.
#[test]
fn states_claim_of_a_live_voter_deleted() {
    let name = "states_claim_of_a_live_voter_deleted";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = Before::of(&story);
    story.mark("claim deleted");
    story.delete_claim(1);
    stop_after_verb(&story, "remove-member");
    story.say("killed after the voter was removed");
    story.settle();
    assert_renewed(&story, &[1], &before);
    story.judge(3);
}

/// #2: the claim and the pod: the member comes back on an empty volume, and its file does not let it boot.
#[test]
fn states_volume_lost() {
    let name = "states_volume_lost";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = Before::of(&story);
    let lost = story.follower();
    story.mark("volume lost");
    story.lose_volume(lost);
    story.settle();
    assert_renewed(&story, &[lost], &before);
    // F2: a quota change, an eviction, and the other up-to-date voter killed.
    story.mark("and then");
    story.git(|wish| wish.quota = "384Mi");
    let leader = story.leader();
    story.kill_etcd(leader);
    story.settle();
    story.evict((leader + 1) % 3);
    story.settle();
    story.judge(3);
}

/// #2: all data gone under a process, the claim as it was: the process exits, and its own last words say that its
/// volume is empty. No voter is connected to it, so it is replaced.
#[test]
fn states_volume_wiped() {
    let name = "states_volume_wiped";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 3);
    let before = Before::of(&story);
    let wiped = story.follower();
    story.mark("volume wiped");
    story.wipe(wiped);
    story.until("the wiped member to be called lost", 60, || {
        story.plan()["counts"]["steps"] != 0
    });
    story.settle();
    assert_renewed(&story, &[wiped], &before);
    story.judge(3);
}

/// #10: two of five lose their data: both leave the list before anything is added. #9: and the run is killed between.
#[test]
fn states_two_of_five_lost() {
    let name = "states_two_of_five_lost";
    let Some((bed, _turn)) = bed::share(name) else {
        return;
    };
    let story = born(name, bed, 5);
    let before = Before::of(&story);
    story.mark("two lost");
    let lost: Vec<u32> = (0..5).filter(|o| *o != story.leader()).take(2).collect();
    for ordinal in &lost {
        story.lose_volume(*ordinal);
    }
    let expected = [
        "remove-member",
        "remove-member",
        "add-learner",
        "add-learner",
    ];
    // A pod that was deleted by force runs on for a moment, and nothing of its member is lost until then.
    story.until("both to be called lost", 60, || {
        let plan = story.plan();
        let actions = plan["clusters"][0]["actions"].as_array().expect("a list");
        let verbs = actions
            .iter()
            .map(|act| act["verb"].as_str().expect("a verb"));
        verbs
            .filter(|verb| ["remove-member", "add-learner"].contains(verb))
            .eq(expected)
    });
    stop_after_verb(&story, "add-learner");
    story.settle();
    assert_renewed(&story, &lost, &before);
    story.judge(5);
}
