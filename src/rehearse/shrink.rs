//! A failing schedule made as short as it goes.

use super::event::Cue;
use super::laws::Violation;
use super::schedule::{Schedule, Start, Wish};
use super::volumes::Way;

/// Tries of one shrinking; each acts a story out.
const MOST_TRIES: usize = 600;

/// The shortest schedule found that still breaks the same law.
pub(super) fn shrink(
    schedule: Schedule,
    breaks: impl Fn(&Schedule) -> Option<Violation>,
) -> Schedule {
    let Some(shape) = breaks(&schedule).map(|v| v.shape()) else {
        return schedule;
    };
    let mut best = schedule;
    let mut tries = 0;
    loop {
        let next = smaller(&best).into_iter().find(|candidate| {
            tries += 1;
            tries <= MOST_TRIES && breaks(candidate).is_some_and(|v| v.shape() == shape)
        });
        match next {
            Some(smaller) => best = smaller,
            None => return best,
        }
    }
}

/// Every schedule that is one thing simpler, the boldest first.
fn smaller(schedule: &Schedule) -> Vec<Schedule> {
    let with = |change: &dyn Fn(&mut Schedule)| {
        let mut next = schedule.clone();
        change(&mut next);
        next
    };
    let mut all = Vec::new();
    for at in 0..schedule.script.len() {
        all.push(with(&|s| {
            s.script.remove(at);
        }));
    }
    all.push(with(&|s| s.engine = false));
    all.push(with(&|s| s.local = false));
    all.push(with(&|s| s.writes = true));
    all.push(with(&|s| s.settles = false));
    all.push(with(&|s| s.min_tolerance = 0));
    all.push(with(&|s| s.retains = false));
    all.push(with(&|s| s.wish.volumes.way = Way::Auto));
    all.push(with(&|s| s.wish.volumes.mib = None));
    all.push(with(&|s| s.wish.volumes.lets_go = false));
    all.push(with(&|s| s.wish.volumes.class = s.start.class()));
    for members in [1, 3, 5] {
        all.push(with(&|s| {
            s.start = match s.start {
                Start::LivingOn(_, class) => Start::LivingOn(members, class),
                Start::Living(_) | Start::Nothing => Start::Living(members),
            };
        }));
        all.push(with(&|s| s.wish = Wish { members, ..s.wish }));
    }
    for at in 0..schedule.script.len() {
        for cue in simpler(schedule.script[at].0) {
            all.push(with(&|s| s.script[at].0 = cue));
        }
    }
    // What came out the same, or only sideways, would go round for ever.
    all.retain(|next| weight(next) < weight(schedule));
    all
}

fn simpler(cue: Cue) -> Vec<Cue> {
    match cue {
        Cue::Before(n) => (0..n).map(Cue::Before).chain([Cue::Now]).collect(),
        Cue::After(n) => (1..n).map(Cue::After).chain([Cue::Now]).collect(),
        Cue::Wait(n) => (0..n).map(Cue::Wait).chain([Cue::Now]).collect(),
        Cue::Rest | Cue::BeforeAct(..) | Cue::AfterAct(..) => vec![Cue::Now],
        Cue::Now => Vec::new(),
    }
}

fn weight(schedule: &Schedule) -> u32 {
    let cue = |cue: &Cue| match cue {
        Cue::Now => 0,
        Cue::Before(n) | Cue::After(n) | Cue::Wait(n) => 2 + n,
        Cue::Rest | Cue::BeforeAct(..) | Cue::AfterAct(..) => 1,
    };
    let start = match schedule.start {
        Start::Nothing => 8,
        Start::Living(n) => n,
        Start::LivingOn(n, _) => n + 1,
    };
    let flags = [
        schedule.engine,
        schedule.local,
        !schedule.writes,
        schedule.settles,
        schedule.min_tolerance > 0,
        schedule.retains,
        schedule.wish.volumes.way != Way::Auto,
        schedule.wish.volumes.mib.is_some(),
        schedule.wish.volumes.lets_go,
        schedule.wish.volumes.class != schedule.start.class(),
    ];
    let flags = flags.iter().filter(|f| **f).count();
    let scenes: u32 = schedule.script.iter().map(|(c, _)| 100 + cue(c)).sum();
    scenes + start + schedule.wish.members + 5 * u32::try_from(flags).unwrap_or(0)
}
