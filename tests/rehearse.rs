//! The rehearsal: every state of etcd-operations.md 2.8 by name, and stories from seeds.

use std::collections::BTreeMap;
use std::sync::Mutex;

use reconcile::rehearse::states::all;
use reconcile::rehearse::{Rehearsal, SIZES, Tally, example};

/// Stories of every run of the tests; `make rehearse` tells a million.
const STORIES: u64 = 400;

fn rehearsal() -> Rehearsal {
    Rehearsal::new(&[example()], &SIZES).expect("the example comes up at every size")
}

#[test]
fn every_named_state_ends_as_it_should() {
    let rehearsal = rehearsal();
    let mut wrong = Vec::new();
    for state in all() {
        for engine in [false, true] {
            let story = state.tell(&rehearsal, engine);
            if let Some(what) = state.differs(&story) {
                let lines = story.lines.join("\n");
                wrong.push(format!(
                    "{}: {what}\n{}\n{lines}",
                    state.name, story.schedule
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// The seeds to look at: `SEEDS=28,176`, else the first ones.
fn seeds() -> Vec<u64> {
    match std::env::var("SEEDS") {
        Ok(list) => list.split(',').filter_map(|s| s.parse().ok()).collect(),
        Err(_) => (0..STORIES).collect(),
    }
}

#[test]
fn every_story_keeps_the_laws() {
    let rehearsal = rehearsal();
    let seeds = seeds();
    let all = Mutex::new((Tally::default(), BTreeMap::<String, Vec<u64>>::new()));
    let work = |seeds: &[u64]| {
        for seed in seeds {
            let performance = rehearsal.play(*seed);
            let mut all = all.lock().expect("no thread panics while it counts");
            if let Some(violation) = &performance.violation {
                all.1.entry(violation.shape()).or_default().push(*seed);
            }
            all.0.add(performance.tally);
        }
    };
    let (one, other) = seeds.split_at(seeds.len() / 2);
    std::thread::scope(|scope| {
        scope.spawn(|| work(one));
        work(other);
    });
    let (tally, broken) = all.into_inner().expect("no thread panicked");
    let shapes: Vec<String> = broken
        .iter()
        .map(|(shape, seeds)| {
            let story = rehearsal.shrunk(seeds[0]);
            let lines = story.lines.join("\n");
            format!(
                "{shape}\n seeds {seeds:?}; shrunk: {}\n{lines}",
                story.schedule
            )
        })
        .collect();
    assert!(shapes.is_empty(), "{}", shapes.join("\n\n"));
    let triples = tally.triples();
    assert!(
        std::env::var("SEEDS").is_ok() || triples > seeds.len() * 2,
        "{triples} triples of {} stories: too few to mean anything",
        seeds.len()
    );
}
