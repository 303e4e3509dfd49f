//! Stories in which members get other volumes, or larger ones, made at random.

use super::event::{Cue, Event, Scene};
use super::generate::{self, Dice};
use super::schedule::{Schedule, Start, Wish};
use super::volumes::{Class, Tier, Volumes, Way};
use crate::state::ObjectKind;

/// Most turns of one story: each is an event, or a few that belong together.
const MOST_TURNS: u32 = 8;
/// Longer than Git keeps old volumes.
const MORE_THAN_A_DAY: u32 = 90_000;
/// MiB that volumes are asked for; the documents' size beside them.
const SIZES: [u32; 3] = [768, 1536, 2048];
/// Too little for the log alone.
const TOO_SMALL: u32 = 256;

pub(super) fn schedule(dice: &mut Dice, sizes: &[u32]) -> Schedule {
    let members = size(dice, sizes);
    let class = dice.of(&Class::THERE).unwrap_or(Class::Plain);
    let before = Volumes {
        way: if members == 1 && dice.one_in(2) {
            Way::Offline
        } else {
            way(dice)
        },
        lets_go: dice.one_in(3),
        ..Volumes::of(class)
    };
    let after = if dice.one_in(4) {
        size(dice, sizes)
    } else {
        members
    };
    let mut schedule = Schedule {
        start: Start::LivingOn(members, class),
        wish: Wish {
            volumes: wanted(dice, before),
            ..Wish::of(after)
        },
        min_tolerance: u32::from(dice.one_in(5)),
        local: dice.one_in(4),
        writes: !dice.one_in(4),
        settles: dice.one_in(2),
        engine: dice.one_in(generate::ENGINE_SHARE),
        retains: dice.one_in(3),
        script: Vec::new(),
    };
    for _ in 0..=dice.below(MOST_TURNS) {
        turn(dice, sizes, class, &mut schedule.script);
    }
    if dice.one_in(3) {
        attributes(dice, &mut schedule);
    }
    schedule
}

/// Beside all else Git names what volumes can become where they are, from the first or later, and drivers hang.
fn attributes(dice: &mut Dice, schedule: &mut Schedule) {
    if dice.one_in(2) {
        schedule.wish.volumes.tier = Some(tier(dice));
    }
    let script = &mut schedule.script;
    for _ in 0..dice.below(3) {
        let event = match dice.below(4) {
            0 => Event::Rigid,
            1 => Event::PliantAgain,
            _ => Event::Tier(tier(dice)),
        };
        let most = u32::try_from(script.len()).unwrap_or(u32::MAX);
        let at = dice.below(most.saturating_add(1)) as usize;
        script.insert(at, (moment(dice), event));
    }
}

fn tier(dice: &mut Dice) -> Tier {
    if dice.one_in(6) {
        return Tier::Unreal;
    }
    dice.of(&Tier::THERE).unwrap_or(Tier::Gold)
}

/// Three members are what most have, and seven take long to move.
fn size(dice: &mut Dice, sizes: &[u32]) -> u32 {
    if sizes.contains(&3) && dice.one_in(2) {
        return 3;
    }
    let one = dice.of(sizes).unwrap_or(3);
    let other = dice.of(sizes).unwrap_or(3);
    one.min(other)
}

fn way(dice: &mut Dice) -> Way {
    match dice.below(8) {
        0..=3 => Way::Auto,
        4 => Way::Surge,
        5 => Way::Offline,
        _ => Way::InPlace,
    }
}

fn wanted(dice: &mut Dice, before: Volumes) -> Volumes {
    match dice.below(16) {
        0 | 1 => before, // only later
        2..=7 => Volumes {
            class: another(dice),
            ..before
        },
        8..=11 => Volumes {
            mib: mib(dice),
            ..before
        },
        12..=14 => Volumes {
            class: another(dice),
            mib: mib(dice),
            ..before
        },
        _ if dice.one_in(2) => Volumes {
            class: Class::Missing,
            ..before
        },
        _ => Volumes {
            mib: Some(TOO_SMALL),
            ..before
        },
    }
}

fn another(dice: &mut Dice) -> Class {
    dice.of(&Class::THERE).unwrap_or(Class::Encrypted)
}

fn mib(dice: &mut Dice) -> Option<u32> {
    (!dice.one_in(4)).then(|| dice.of(&SIZES)).flatten()
}

/// What happens next, and then runs are killed.
fn turn(dice: &mut Dice, sizes: &[u32], first: Class, script: &mut Vec<Scene>) {
    let nth = dice.below(5);
    match dice.below(16) {
        0 | 1 => {}
        2 | 3 => script.push((generate::cue(dice), generate::event(dice, sizes))),
        4 | 5 => script.push((moment(dice), Event::Class(first))),
        6..=8 => {
            let next = git(dice);
            script.push((moment(dice), next));
        }
        9 => gap(dice, nth, script),
        // A learner catches up, and somebody dies.
        10 | 11 => {
            let cue = dice.of(&["add-learner", "start-member", "delete-pod", "release-claim"]);
            let cue = Cue::AfterAct(cue.unwrap_or("add-learner"), None);
            script.push((cue, dies(dice, nth)));
        }
        12 if nth < 2 => lasting(dice, script, Event::Exhausted, Event::RoomAgain),
        12 => lasting(dice, script, Event::Rationed(nth % 2), Event::RationLifted),
        13 => lasting(dice, script, Event::Stunted, Event::GrowsAgain),
        14 => {
            let fault = dice.of(&[Event::StoreFull, Event::StoreAway]);
            lasting(
                dice,
                script,
                fault.unwrap_or(Event::StoreFull),
                Event::StoreBack,
            );
        }
        _ => {
            let event = match dice.below(3) {
                0 => Event::Passes(MORE_THAN_A_DAY),
                1 => Event::Passes(1200),
                _ => Event::Scaled(dice.below(8)),
            };
            script.push((moment(dice), event));
        }
    }
    for _ in 0..=dice.below(4) {
        script.push((soon(dice), Event::Killed));
    }
}

/// Another word of Git's about volumes.
fn git(dice: &mut Dice) -> Event {
    match dice.below(8) {
        0..=3 => Event::Class(another(dice)),
        4 | 5 => Event::VolumeSize(mib(dice)),
        6 => Event::Way(way(dice)),
        _ => Event::Class(Class::Missing),
    }
}

/// Pods and no StatefulSet: right after the claim template has moved on, something else goes as well.
fn gap(dice: &mut Dice, nth: u32, script: &mut Vec<Scene>) {
    script.push((soon(dice), Event::Class(another(dice))));
    script.push((Cue::AfterAct("orphan-delete", None), in_the_gap(dice, nth)));
    if dice.one_in(3) {
        script.push((Cue::Now, in_the_gap(dice, nth + 1)));
    }
    script.push((Cue::Now, Event::Killed));
}

/// A few acts on, as long as there are any.
fn soon(dice: &mut Dice) -> Cue {
    match dice.below(8) {
        0..=2 => Cue::Before(dice.below(6)),
        3..=6 => Cue::After(1 + dice.below(6)),
        _ => Cue::Wait(dice.below(6)),
    }
}

/// Somewhere on the way.
fn moment(dice: &mut Dice) -> Cue {
    match dice.below(8) {
        0..=2 => Cue::Before(dice.below(10)),
        3..=5 => Cue::After(1 + dice.below(10)),
        6 => Cue::Wait(dice.below(8)),
        _ => Cue::Rest,
    }
}

fn in_the_gap(dice: &mut Dice, nth: u32) -> Event {
    match dice.below(8) {
        0..=3 => Event::PodLost(nth),
        4 => Event::NodeLost(nth),
        5 => Event::ClaimDeleted(nth),
        6 => Event::ObjectDeleted(ObjectKind::ConfigMap),
        _ => Event::DiskDead(nth),
    }
}

fn dies(dice: &mut Dice, nth: u32) -> Event {
    match dice.below(4) {
        0 | 1 => Event::PodLost(nth),
        2 => Event::NodeLost(nth),
        _ => Event::DiskDead(nth),
    }
}

/// A fault that stays for a while.
fn lasting(dice: &mut Dice, script: &mut Vec<Scene>, fault: Event, over: Event) {
    script.push((moment(dice), fault));
    if dice.one_in(2) {
        script.push((moment(dice), Event::Killed));
    }
    if !dice.one_in(4) {
        let cue = if dice.one_in(2) {
            Cue::Rest
        } else {
            moment(dice)
        };
        script.push((cue, over));
    }
}
