//! Git moves back and forth in the middle of it (2.8 #6, #7, #8, #11, #13, #15).

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{Before, born, stop_after_verb};
use crate::bed::{self, Bed};
use crate::ending::meanwhile;
use crate::story::{PLAIN, Story};

/// #8, #15: 3 → 5 → 3 → 5 → 3, turned round in the middle each time. #6: the budget never allows quorum to be lost.
#[test]
fn states_sizes_turned_round() {
    let name = "states_sizes_turned_round";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = born(name, bed, 3);
    let least = AtomicU64::new(u64::MAX);
    meanwhile(
        |stop| watch_budget(bed, &story.namespace, &least, stop),
        || turn_round(&story),
    );
    let least = least.load(Ordering::SeqCst);
    assert!(
        least >= 2,
        "the budget was {least} while three members lived"
    );
    story.judge(3);
}

fn turn_round(story: &Story) {
    story.mark("3 to 5");
    story.want(5);
    stop_after_verb(story, "start-member");
    story.want(3);
    stop_after_verb(story, "stop-member");
    story.want(5);
    story.settle();
    story.mark("5 to 3");
    story.want(3);
    stop_after_verb(story, "remove-member");
    story.want(5);
    stop_after_verb(story, "add-learner");
    story.want(3);
    story.settle();
}

/// The lowest `minAvailable` that anybody could have seen.
fn watch_budget(bed: &Bed, namespace: &str, least: &AtomicU64, stop: &AtomicBool) {
    let get = [
        "-n",
        namespace,
        "get",
        "pdb",
        "orders",
        "-o=jsonpath={.spec.minAvailable}",
    ];
    while !stop.load(Ordering::SeqCst) {
        let output = bed.try_kubectl(&get);
        if let Ok(count) = String::from_utf8_lossy(&output.stdout).parse() {
            least.fetch_min(count, Ordering::SeqCst);
        }
        std::thread::sleep(bed::between_looks());
    }
}

/// #7: of {0, 1 dead, 2, 3, 4} three shall stay: the dead one in the middle goes, and none that lives goes with it.
#[test]
fn states_dead_in_the_middle() {
    let name = "states_dead_in_the_middle";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = born(name, bed, 5);
    let before = Before::of(&story);
    story.mark("shrink with a hole");
    story.lose_volume(1);
    story.want(3);
    story.settle();
    let after = Before::of(&story);
    assert_eq!(after.members.len(), 3);
    for kept in [0, 2] {
        assert_eq!(after.members[kept], before.members[kept], "member {kept}");
        assert_eq!(after.claims[kept], before.claims[kept], "claim {kept}");
    }
    story.judge(3);
}

/// #13: 1 → 3 turned round with a learner in sync; #11: on a cluster that nobody writes to.
#[test]
fn states_idle_and_turned_round() {
    let name = "states_idle_and_turned_round";
    let Some((bed, _turn)) = bed::by_choice(name).and_then(bed::share) else {
        return;
    };
    let story = Story::new(name, bed, PLAIN);
    story.want(1);
    story.settle();
    story.want(3);
    stop_after_verb(&story, "start-member");
    story.await_learner();
    story.want(1);
    story.settle();
    assert_eq!(story.members().len(), 1);
    story.want(3);
    story.settle();
    assert_eq!(story.members().len(), 3);
    story.start_writers();
    story.await_writers();
    story.judge(3);
}
