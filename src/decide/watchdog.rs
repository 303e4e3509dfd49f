//! A learner that does not come, told from one that only takes its time.

use jiff::SignedDuration;

use super::procedure::Focus;
use super::view::IN_SYNC_LAG;

/// Without having started.
const START: SignedDuration = SignedDuration::from_mins(15);
/// Started, and still not in sync: as long as the engine waits for it.
const CATCH_UP: SignedDuration = SignedDuration::from_mins(30);

/// It was added long enough ago and has not got there. At lag 0 nothing is wrong (2.8 #11), and at two voters with one
/// down nothing may be given up (2.8 #13).
pub(super) fn expired(f: &Focus) -> bool {
    let seat = f.seat();
    let Some(added) = seat.record.and_then(|r| r.added_at) else {
        return false;
    };
    let age = f.view.now().duration_since(added);
    let (Some(member), true) = (seat.member, seat.is_learner()) else {
        return false;
    };
    let down = f.view.voter_count() == 2 && f.view.healthy_count() < 2;
    if down {
        return false;
    }
    match f.view.evidence.probes(member.id).last() {
        Some(probe) if seat.answers() => age >= CATCH_UP && probe.lag > IN_SYNC_LAG,
        _ => age >= START && !seat.answers(),
    }
}
