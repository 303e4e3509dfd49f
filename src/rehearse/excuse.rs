//! Where a story may end in a refusal: I5 asks for a name, this asks for a reason as well.

use super::event::Event;
use super::laws::{Violation, broken};
use super::play::Play;
use super::run::End;
use crate::apply::Ending;
use crate::decide::{quorum, tolerance};
use crate::fleet::MigrationStrategy;

/// A size below the log's, whatever the database has.
const NO_ROOM: u64 = 384 * 1_000_000;

/// An end that nothing in the story explains.
pub(super) fn unexcused(play: &Play, end: &End) -> Option<Violation> {
    match end {
        End::InSync => None,
        End::Refused(notes) => {
            let odd = notes.iter().find(|(_, code)| !is_excused(play, code))?;
            broken(
                "I5",
                format!(
                    "refused for good: {} ({}), which nothing in the story explains",
                    odd.1, odd.0
                ),
            )
        }
        End::Deferred => broken("I5", "deferred, with nothing to wait for"),
        other => broken("I5", format!("with faults stopped the story ends: {other}")),
    }
}

/// A run that was shown all there is, and to which nothing happened but that less was seen, does what was approved.
pub(super) fn exceeded(shown: Option<u32>, play: &Play, ending: &Ending) -> Option<Violation> {
    match ending {
        Ending::NotApproved(what) if shown == Some(play.changes) => broken(
            "I5",
            format!("not approved, with nothing new to be seen: {what}"),
        ),
        _ => None,
    }
}

fn is_excused(play: &Play, code: &str) -> bool {
    let spec = play.spec();
    let (voters, intact) = play.stage.could_vote();
    let born = play.stage.is_born();
    match code {
        // Too few voters are left with their data, or can run at all.
        "quorum-unknown" => born && intact < quorum(voters),
        // One member less than Git asks for would be one too few.
        "quorum-tolerance" => {
            let left = tolerance(
                spec.members.saturating_sub(1) as usize,
                spec.members as usize,
            );
            left < i64::from(spec.policy.min_tolerance) || !play.stage.has_quorum()
        }
        // One or two members cannot be restarted without an outage that nobody allowed.
        "downtime" => spec.members < 3,
        // What nobody can know: whether a member ever started on the files that were lost.
        "files-lost" | "left-behind" | "released-volumes" => !born,
        "cannot-be-born" => {
            let gone = [Event::NodeLost(0), Event::DiskDead(0)];
            let lost = gone.into_iter().any(|event| play.happened(event));
            // One may have been born, and nobody has seen it.
            lost && (!born || intact < quorum(voters))
        }
        // Its disk died when its member was stopped: there was no other copy but the snapshot.
        "old-volume-gone" => play.happened(Event::DiskDead(0)),
        // Git asks for what there is no room for, or for a way that takes three members.
        "no-room" => spec.storage.size.value() < NO_ROOM,
        "in-place-needs-three" => {
            let way = spec.storage.migration.strategy;
            spec.members < 3 && way == MigrationStrategy::InPlace
        }
        "foreign-member" => play.happened(Event::StrangerJoins),
        // A volume that was emptied behind its claim is proven to nobody.
        "member-down" | "all-healthy" => play.stage.hinders_any() || play.happened(Event::Wiped(0)),
        _ => false,
    }
}
