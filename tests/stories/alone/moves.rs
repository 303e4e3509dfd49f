//! Members move to other volumes while clients write (P5-a, P5-b, P6).

use crate::bed;
use crate::states::{Before, born};
use crate::storage::assert_as_git_says;
use crate::story::Story;

/// What planned work may cost a client (2.7 reached 0.20 s by hand).
pub(super) const PLANNED: f64 = 0.5;

#[test]
fn moves_of_three_members() {
    let name = "moves_of_three_members";
    let Some((bed, _turn)) = bed::take_own(name) else {
        return;
    };
    let story = born(name, bed, 3);
    go(&story, "surge", |story| {
        story.git(|wish| wish.class = "testbed-hdd");
    });
    go(&story, "back in place", |story| {
        story.git(|wish| {
            wish.class = "testbed-ssd";
            wish.migration = Some("inPlace");
        });
    });
    let before = Before::of(&story);
    go(&story, "grow by expansion", |story| {
        story.git(|wish| wish.size = "2Gi");
    });
    let after = Before::of(&story);
    assert_eq!(after.members, before.members, "nobody moves to grow");
    go(&story, "shrink by move", |story| {
        story.git(|wish| {
            wish.size = "1Gi";
            wish.migration = None;
        });
    });
    let verdict = story.judge(3);
    for phase in [
        "surge",
        "back in place",
        "grow by expansion",
        "shrink by move",
    ] {
        story.assert_gap(&verdict, phase, PLANNED);
    }
}

#[test]
fn moves_of_one_member() {
    let name = "moves_of_one_member";
    let Some((bed, _turn)) = bed::take_own(name) else {
        return;
    };
    let story = born(name, bed, 1);
    go(&story, "one member", |story| {
        story.git(|wish| wish.class = "testbed-hdd");
    });
    assert_eq!(story.members().len(), 1);
    let verdict = story.judge(1);
    story.assert_gap(&verdict, "one member", PLANNED);
}

/// Git moves, and one apply of what is planned ends in sync with every claim as Git says and every old volume kept.
fn go(story: &Story, phase: &str, git: impl FnOnce(&Story)) {
    story.mark(phase);
    git(story);
    let begun = std::time::Instant::now();
    story.settle();
    story.say(&format!("{phase}: {:.1} s", begun.elapsed().as_secs_f32()));
    assert_as_git_says(story);
}
