//! The invariants of etcd-operations.md 2.8, held to in every state that can be reached.
//!
//! Small worlds are walked through exhaustively, larger ones at random: `PROPTEST_CASES` says how often. A failing case
//! is printed, shrunk, and kept in `tests/properties.proptest-regressions`.

#[path = "properties/random.rs"]
mod random;
#[path = "properties/silence.rs"]
mod silence;
#[path = "properties/small.rs"]
mod small;
#[path = "properties/world.rs"]
mod world;

use world::{End, World};

#[test]
fn the_main_story_keeps_the_laws() {
    let mut world = World::empty(3);
    for members in [3, 5, 3, 1, 3] {
        world.happen(world::Event::Git(members));
        assert_eq!(world.run(), End::InSync, "{}", world.tale());
        world.assert_in_place();
    }
}
