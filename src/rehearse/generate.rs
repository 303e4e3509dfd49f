//! Schedules made at random, each from its seed alone.

use rand_pcg::Pcg64Mcg;
use rand_pcg::rand_core::{Rng as _, SeedableRng as _};

use super::event::{Cue, Event, Image, Part, Scene};
use super::moves;
use super::schedule::{Schedule, Start, Wish};
use crate::state::ObjectKind;

/// Most events of one story.
const MOST_EVENTS: u32 = 7;
/// One story in so many goes through the engine.
pub(super) const ENGINE_SHARE: u32 = 4;
/// One story in so many is about storage.
const STORAGE_SHARE: u32 = 2;
/// What the choices about storage are made from: a seed's other choices stay as they were without them.
const STORAGE: u64 = 0x5703_a6e0_0000_0000;

/// A source of choices: the same seed gives the same ones on every machine and with every version of this program
/// that makes the same choices in the same order.
pub(super) struct Dice(Pcg64Mcg);

impl Dice {
    pub(super) fn below(&mut self, n: u32) -> u32 {
        // The upper bits, scaled: no modulo bias worth speaking of for numbers this small.
        u32::try_from((u64::from(self.0.next_u32()) * u64::from(n)) >> 32).unwrap_or(0)
    }

    pub(super) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }

    pub(super) fn of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        let at = self.below(u32::try_from(all.len()).ok()?);
        all.get(at as usize).copied()
    }
}

/// The schedule of a seed, and which of `clusters` clusters it is about.
pub(super) fn schedule(seed: u64, sizes: &[u32], clusters: usize) -> (usize, Schedule) {
    let mut dice = Dice(Pcg64Mcg::seed_from_u64(seed));
    let cluster = dice.below(u32::try_from(clusters).unwrap_or(1)) as usize;
    let mut storage = Dice(Pcg64Mcg::seed_from_u64(seed ^ STORAGE));
    if storage.one_in(STORAGE_SHARE) {
        return (cluster, moves::schedule(&mut storage, sizes));
    }
    let size = |dice: &mut Dice| dice.of(sizes).unwrap_or(3);
    let start = if dice.one_in(4) {
        Start::Nothing
    } else {
        Start::Living(size(&mut dice))
    };
    let members = match start {
        Start::Living(n) if dice.one_in(2) => n,
        _ => size(&mut dice),
    };
    let events = dice.below(MOST_EVENTS + 1);
    let schedule = Schedule {
        start,
        wish: Wish::of(members),
        min_tolerance: u32::from(dice.one_in(5)),
        local: dice.one_in(4),
        writes: !dice.one_in(4),
        settles: dice.one_in(2),
        engine: dice.one_in(ENGINE_SHARE),
        retains: false,
        script: (0..events)
            .map(|_| (cue(&mut dice), event(&mut dice, sizes)))
            .collect::<Vec<Scene>>(),
    };
    (cluster, schedule)
}

pub(super) fn cue(dice: &mut Dice) -> Cue {
    match dice.below(10) {
        0 => Cue::Now,
        1..=3 => Cue::Before(dice.below(16)),
        4..=6 => Cue::After(1 + dice.below(16)),
        7 | 8 => Cue::Wait(dice.below(12)),
        _ => Cue::Rest,
    }
}

pub(super) fn event(dice: &mut Dice, sizes: &[u32]) -> Event {
    let nth = dice.below(8);
    match dice.below(64) {
        0..=6 => Event::Killed,
        7 | 8 => Event::Frozen {
            seconds: dice.of(&[5, 31, 60]).unwrap_or(31),
            acts: dice.below(12),
        },
        9 | 10 => Event::TimesOut {
            after: Some(dice.of(&[1, 10, 40]).unwrap_or(10)),
        },
        11 => Event::TimesOut { after: None },
        12..=19 => Event::Size(dice.of(sizes).unwrap_or(3)),
        20 | 21 => Event::Quota(dice.of(&[2, 4]).unwrap_or(2)),
        22 => Event::Image(Image::Rebuilt),
        23 => Event::Image(Image::Missing),
        24 => Event::Image(Image::Good),
        25..=28 => Event::PodLost(nth),
        29 | 30 => Event::Evicted(nth),
        31 | 32 => Event::Stuck(nth),
        33 => Event::Unstuck,
        34 | 35 => Event::NodeLost(nth),
        36 => Event::NodesGone,
        37 => Event::NodesBack,
        38 | 39 => Event::DiskDead(nth),
        40 | 41 => Event::Wiped(nth),
        42 | 43 => Event::ClaimDeleted(nth),
        44..=46 => Event::LeaderMoves(nth),
        47 | 48 => Event::LabelTakenOff(nth),
        49 | 50 => Event::ObjectDeleted(kind(dice)),
        51..=53 => Event::ObjectEdited(kind(dice)),
        54 => Event::Scaled(dice.below(8)),
        55 => Event::LearnersStall,
        56 | 57 => Event::ApiAway(dice.of(&[5, 20, 60]).unwrap_or(20)),
        58..=60 => Event::Blind(part(dice)),
        61 | 62 => Event::Sight,
        _ => Event::Passes(dice.of(&[30, 600, 1200]).unwrap_or(600)),
    }
}

fn kind(dice: &mut Dice) -> ObjectKind {
    dice.of(&ObjectKind::ALL).unwrap_or(ObjectKind::ConfigMap)
}

fn part(dice: &mut Dice) -> Part {
    match dice.below(5) {
        0 => Part::Kubernetes,
        1 => Part::Membership,
        2 => Part::Volumes,
        3 => Part::Alarms,
        _ => Part::Status(dice.below(7)),
    }
}
