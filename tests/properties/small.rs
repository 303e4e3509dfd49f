//! Every state of a small world, and every turn it can take from there.
//!
//! A state is what [`projection`] tells apart. From each one that can be reached, for each size that Git may ask for, a
//! run that knows nothing of the past takes its next turn: that is a kill at every point with every flip. Every path
//! must end in sync (I5), and the laws are asserted on each edge.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::world::{End, Event, World, projection};

const SIZES: [u32; 2] = [1, 3];

type Key = (String, u32);

#[derive(Default)]
struct Graph {
    /// Where a fresh run goes from here, and `None` where it is in sync.
    next: BTreeMap<Key, Option<Key>>,
    worlds: BTreeMap<String, World>,
    todo: VecDeque<Key>,
}

impl Graph {
    fn add(&mut self, world: &World) {
        let state = projection(&world.truth);
        if self.worlds.contains_key(&state) {
            return;
        }
        for size in SIZES {
            self.todo.push_back((state.clone(), size));
        }
        self.worlds.insert(state, world.clone());
    }

    /// Takes every turn from every state.
    fn close(&mut self) {
        while let Some((state, size)) = self.todo.pop_front() {
            let mut world = self.worlds[&state].clone();
            world.spec.members = size;
            world.story.push(format!("-- killed, Git asks for {size}"));
            let end = next_change(&mut world, &state);
            let to = match end {
                Some(End::InSync) => {
                    world.assert_in_place();
                    None
                }
                Some(end) => panic!("{end:?}\n{}", world.tale()),
                None => Some((projection(&world.truth), size)),
            };
            self.next.insert((state.clone(), size), to);
            self.add(&world);
            let mut later = self.worlds[&state].clone();
            later.pass();
            self.add(&later);
        }
    }

    /// No path goes in a circle.
    fn assert_every_path_ends(&self) {
        let mut ends: BTreeSet<&Key> = BTreeSet::new();
        for start in self.next.keys() {
            let mut path = Vec::new();
            let mut at = start;
            while !ends.contains(at) {
                assert!(!path.contains(&at), "I5: a circle through {at:?}");
                path.push(at);
                match &self.next[at] {
                    Some(next) => at = next,
                    None => break,
                }
            }
            ends.extend(path);
        }
    }
}

/// Turns of one fresh run until the world is another one, or the run ends.
fn next_change(world: &mut World, from: &str) -> Option<End> {
    world.forget();
    let mut waits = (String::new(), 0);
    loop {
        if let Some(end) = world.turn(&mut waits) {
            return Some(end);
        }
        if projection(&world.truth) != from {
            return None;
        }
    }
}

fn reachable() -> Graph {
    let mut graph = Graph::default();
    graph.add(&World::empty(3));
    graph.close();
    graph.assert_every_path_ends();
    graph
}

/// What may happen at any point, on any seat of a small world.
fn events() -> Vec<Event> {
    let seats = 0..3;
    let lost = seats.clone().map(Event::PodLost);
    let moved = seats.clone().map(Event::LeaderMoves);
    let off = seats.map(Event::LabelTakenOff);
    lost.chain(moved).chain(off).collect()
}

#[test]
fn every_kill_every_flip_and_one_event_at_every_point_end_in_sync() {
    let base = reachable();
    assert!(
        base.worlds.len() > 150,
        "the walk is too short to mean anything"
    );
    let mut graph = Graph {
        next: base.next,
        worlds: base.worlds.clone(),
        todo: VecDeque::new(),
    };
    for world in base.worlds.into_values() {
        for event in events() {
            let mut hit = world.clone();
            hit.happen(event);
            graph.add(&hit);
        }
    }
    graph.close();
    graph.assert_every_path_ends();
    let states = graph.worlds.len();
    assert!(
        states > 600,
        "{states} states: the walk is too short to mean anything"
    );
}
