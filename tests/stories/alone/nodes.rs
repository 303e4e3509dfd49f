//! A node that is lost with all that ran on it (2.8 #14; F1's second half).

use crate::bed;
use crate::states::{Before, assert_renewed, born};

/// #14: its pod is Terminating for ever, for nobody is left to say that it has ended, and its volume is bound to where
/// it was. While the Node is there this may be a cable; once it was deleted the member is replaced.
#[test]
fn states_node_lost() {
    let name = "states_node_lost";
    let Some((bed, _turn)) = bed::take_own(name) else {
        return;
    };
    let second = bed.second_node();
    second.close_second();
    let story = born(name, bed, 3);
    // One member moves over: the volume it loses is made anew where there is room.
    second.close_first();
    story.lose_volume(2);
    story.settle();
    assert_eq!(story.node_of(2), second.name());
    second.open_first();
    let before = Before::of(&story);
    story.mark("node lost");
    second.lose();
    story.delete_pod(2);
    std::thread::sleep(std::time::Duration::from_secs(5));
    let members = story.members();
    story.say(&format!(
        "before the Node is deleted: {:?}",
        story.refusals()
    ));
    assert_eq!(members, before.members);
    second.delete();
    story.settle();
    assert_renewed(&story, &[2], &before);
    assert_ne!(story.node_of(2), second.name());
    story.judge(3);
}
