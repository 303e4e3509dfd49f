//! A moment in which members do not answer, as on a machine that stands still for some seconds, changes no journey: an
//! act that no calm run does is in no approval, and would end the run.

use std::collections::BTreeMap;

use reconcile::apply::Approval;
use reconcile::decide::IntentKey;

use super::world::{End, Event, Part, World};

/// What is not heard for a moment.
const SILENCES: [&[Part]; 4] = [
    &[Part::Membership],
    &[Part::Membership, Part::Alarms],
    &[Part::Status(0)],
    &[
        Part::Membership,
        Part::Alarms,
        Part::Status(0),
        Part::Status(1),
        Part::Status(2),
        Part::Status(3),
        Part::Status(4),
    ],
];

/// What an approval counts: a drain that was taken back may be done again.
fn counted(done: &[IntentKey]) -> BTreeMap<&IntentKey, usize> {
    let mut counts = BTreeMap::new();
    let counted = |key: &&IntentKey| !Approval::is_always_within(key) && key.verb != "drain";
    for key in done.iter().filter(counted) {
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// The journey with this silence after so many turns; `None` where it has no more turns than that.
fn interrupted(start: &World, silence: &[Part], after: usize) -> Option<World> {
    let mut world = start.clone();
    if world.run_at_most(after).is_some() {
        return None;
    }
    for part in silence {
        world.happen(Event::Blind(*part));
    }
    // `apply` goes on where a refusal does not hold.
    let ended = world.run_at_most(2);
    assert!(
        matches!(ended, None | Some(End::Refused(_))),
        "{ended:?}\n{}",
        world.tale()
    );
    world.happen(Event::Sight);
    assert_eq!(world.run(), End::InSync, "{}", world.tale());
    Some(world)
}

fn assert_unmoved(start: &World) {
    let mut calm = start.clone();
    assert_eq!(calm.run(), End::InSync, "{}", calm.tale());
    for silence in SILENCES {
        let hit = (0..).map_while(|after| interrupted(start, silence, after));
        let mut moments = 0;
        for world in hit {
            moments += 1;
            assert_eq!(
                counted(&world.done),
                counted(&calm.done),
                "{}",
                world.tale()
            );
        }
        assert!(moments > 2, "{moments} moments");
    }
}

fn born(members: u32) -> World {
    let mut world = World::empty(members);
    assert_eq!(world.run(), End::InSync);
    world
}

#[test]
fn silence_while_settings_and_classes_change_does_neither() {
    let mut settings = born(3);
    settings.spec.etcd.heartbeat_interval_ms = 200;
    settings.forget();
    assert_unmoved(&settings);
    let mut class = born(3);
    class.spec.storage.class_name = Some("hdd".into());
    class.forget();
    assert_unmoved(&class);
}

#[test]
fn silence_for_a_moment_changes_no_journey() {
    for (from, to) in [(3, 5), (5, 3), (1, 3), (3, 1)] {
        let mut world = born(from);
        world.happen(Event::Git(to));
        assert_unmoved(&world);
    }
}
