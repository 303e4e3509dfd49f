//! Stories made at random: sizes, kills, flips, faults and hands that meddle.

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};
use reconcile::plan;
use reconcile::state::ObjectKind;

use super::world::{End, Event, Part, World};

/// Enough to find what hand-written stories miss, few enough for every run of the tests.
const CASES: u32 = 256;
/// The same stories every day, so that a run judges the commit and not its luck; `PROPTEST_RNG_SEED` looks elsewhere.
const SEED: u64 = 20_261_121;

fn config() -> ProptestConfig {
    let told = std::env::var("PROPTEST_CASES").ok();
    ProptestConfig {
        cases: told.and_then(|n| n.parse().ok()).unwrap_or(CASES),
        // What a program broken on purpose fails at is nobody's regression (tests/mutants).
        failure_persistence: (!cfg!(mutants)).then(|| {
            let file = "tests/properties.proptest-regressions";
            Box::new(FileFailurePersistence::Direct(file)) as _
        }),
        max_shrink_iters: if cfg!(mutants) { 0 } else { 400 },
        rng_seed: match ProptestConfig::default().rng_seed {
            RngSeed::Random => RngSeed::Fixed(SEED),
            given @ RngSeed::Fixed(_) => given,
        },
        ..ProptestConfig::default()
    }
}

fn size() -> impl Strategy<Value = u32> {
    prop::sample::select(vec![1, 3, 5, 7])
}

fn kind() -> impl Strategy<Value = ObjectKind> {
    prop::sample::select(ObjectKind::ALL.to_vec())
}

/// What a run must get over by itself.
fn fault() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => Just(Event::Killed),
        4 => size().prop_map(Event::Git),
        2 => (0..8_u32).prop_map(Event::PodLost),
        1 => (0..8_u32).prop_map(Event::Stuck),
        1 => Just(Event::Unstuck),
        2 => (0..8_u32).prop_map(Event::LeaderMoves),
        2 => (0..8_u32).prop_map(Event::LabelTakenOff),
        1 => kind().prop_filter("that one lasts", |k| *k != ObjectKind::StatefulSet)
            .prop_map(Event::ObjectDeleted),
        2 => kind().prop_map(Event::ObjectEdited),
        1 => part().prop_map(Event::Blind),
        2 => Just(Event::Sight),
    ]
}

/// And what it may refuse to get over.
fn hostile() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => fault(),
        1 => (0..8_u32).prop_map(Event::Scaled),
        1 => (0..8_u32).prop_map(Event::ClaimDeleted),
        1 => Just(Event::ObjectDeleted(ObjectKind::StatefulSet)),
    ]
}

fn part() -> impl Strategy<Value = Part> {
    prop_oneof![
        Just(Part::Kubernetes),
        Just(Part::Membership),
        Just(Part::Volumes),
        Just(Part::Alarms),
        (0..7_u32).prop_map(Part::Status),
    ]
}

/// So many acts, then the event.
type Script = Vec<(usize, Event)>;

fn script(event: impl Strategy<Value = Event>) -> impl Strategy<Value = Script> {
    prop::collection::vec((0..24_usize, event), 0..6)
}

/// Acts it out; every law is asserted on the way.
fn play(start: u32, settles: bool, min_tolerance: u32, script: &Script) -> World {
    let mut world = World::empty(start);
    world.settles = settles;
    world.spec.policy.min_tolerance = min_tolerance;
    for (acts, event) in script {
        let end = world.run_acts(*acts);
        world.story.push(format!("   ({acts} acts: {end:?})"));
        world.happen(*event);
    }
    world
}

/// With faults stopped: the plan says what will be done, the run does it, and nothing is left.
fn finish(world: &mut World) -> End {
    world.heal();
    world.forget();
    let planned = world
        .voters_are_a_quorum()
        .then(|| plan::unroll(&world.spec, &world.look()));
    let end = world.run();
    let Some(planned) = planned else {
        return settled(world, end);
    };
    if !world.settles {
        let keys: Vec<_> = planned
            .intents
            .iter()
            .map(|i| i.intent.key.clone())
            .collect();
        assert_eq!(
            keys,
            world.done,
            "the plan is not the run\n{}",
            world.tale()
        );
        let verdict = match &end {
            End::InSync if keys.is_empty() => plan::Verdict::InSync,
            End::InSync => plan::Verdict::Changes,
            End::Refused(_) | End::Stalled(_) => plan::Verdict::Blocked,
        };
        assert_eq!(
            planned.verdict,
            verdict,
            "{:?}\n{}",
            planned.notes,
            world.tale()
        );
    }
    if let (Some(promised), Some(seen)) = (planned.lowest_tolerance(), world.lowest) {
        assert!(
            seen >= promised,
            "tolerance {seen}, planned {promised}\n{}",
            world.tale()
        );
    }
    settled(world, end)
}

/// Runs again, as people do, while that changes anything: what a run refuses may have come about a moment later.
fn settled(world: &mut World, mut end: End) -> End {
    while end != End::InSync {
        world.pass();
        world.pass();
        world.forget();
        let again = world.run();
        if again == end && world.done.is_empty() {
            return end;
        }
        end = again;
    }
    end
}

fn nothing_is_left(world: &mut World) {
    world.assert_in_place();
    let again = plan::unroll(&world.spec, &world.look());
    assert_eq!(again.intents, [], "{}", world.tale());
    assert_eq!(again.changes, [], "{}", world.tale());
    assert_eq!(again.verdict, plan::Verdict::InSync, "{}", world.tale());
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_story_of_faults_ends_in_sync(
        start in size(), settles: bool, min_tolerance in 0..2_u32, script in script(fault())
    ) {
        let mut world = play(start, settles, min_tolerance, &script);
        let end = finish(&mut world);
        // A cluster of one survives nothing: with `minTolerance: 1` nothing may shrink to it.
        if let (End::Refused(codes), true) = (&end, min_tolerance > world.spec.members / 2) {
            prop_assert!(codes.iter().all(|(_, code)| *code == "quorum-tolerance"), "{:?}", codes);
            prop_assert_eq!(world.kube().serving.len(), world.voters().0, "{}", world.tale());
            return Ok(());
        }
        // What nobody can know: whether a member ever started on the files that were lost.
        if let (End::Refused(codes), false) = (&end, world.is_born()) {
            prop_assert_eq!(codes.last().map(|(_, code)| *code), Some("files-lost"), "{}", world.tale());
            return Ok(());
        }
        prop_assert_eq!(end, End::InSync, "{}", world.tale());
        nothing_is_left(&mut world);
    }

    #[test]
    fn meddling_hands_end_in_sync_or_in_a_refusal_that_stays(
        start in size(), settles: bool, script in script(hostile())
    ) {
        let mut world = play(start, settles, 0, &script);
        let end = finish(&mut world);
        match &end {
            End::InSync => nothing_is_left(&mut world),
            End::Refused(codes) => {
                prop_assert!(!world.is_born() || script.iter().any(|(_, e)| e.lasts()), "{:?}\n{}", codes, world.tale());
            }
            End::Stalled(wait) => prop_assert!(false, "{} for ever\n{}", wait, world.tale()),
        }
    }

    #[test]
    fn the_same_inputs_give_the_same_decision_and_plan(
        start in size(), script in script(hostile()), wanted in size()
    ) {
        let mut world = play(start, false, 0, &script);
        world.spec.members = wanted;
        prop_assert_eq!(world.decide(), world.decide());
        let seen = world.look();
        let bytes = || format!("{:?}", plan::unroll(&world.spec, &seen));
        prop_assert_eq!(bytes(), bytes());
    }
}
