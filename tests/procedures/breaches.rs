//! Every guard, and moments at which it must not let its act through.

use reconcile::decide::About;
use reconcile::decide::guard::{self, Guard};
use reconcile::fleet::Ordinal;
use reconcile::state::{AlarmKind, Uid};

use crate::cases::{changed, claim, grown, on_the_way, pod, raise, removed_by_hand};
use crate::storage::quota;
use crate::world::{Event, Part, World};

/// A guard, and a moment at which it must not let its act through.
pub(crate) type Breach = (&'static str, &'static Guard, fn() -> World, About);

pub(crate) const TOP: About = About::Seat(Ordinal(2));

pub(crate) const BREACHES: &[Breach] = &[
    (
        "a voter has a corruption alarm",
        &guard::ALL_HEALTHY,
        || changed(3, |w| raise(w, AlarmKind::Corrupt)),
        TOP,
    ),
    (
        "no space left",
        &guard::NO_ALARM,
        || changed(3, |w| raise(w, AlarmKind::NoSpace)),
        TOP,
    ),
    (
        "alarms that cannot be read",
        &guard::NO_ALARM,
        || changed(3, |w| w.happen(Event::Blind(Part::Alarms))),
        TOP,
    ),
    (
        "a claim that goes",
        &guard::CLAIM_STEADY,
        || changed(3, |w| claim(w, 2).deleting = true),
        TOP,
    ),
    (
        "a claim that is another",
        &guard::CLAIM_STEADY,
        || changed(3, |w| claim(w, 2).uid = Uid("another".into())),
        TOP,
    ),
    (
        "another member is no endpoint yet",
        &guard::REST_SERVES,
        || {
            changed(3, |w| {
                w.kube().serving.remove(&Ordinal(0));
            })
        },
        TOP,
    ),
    (
        "downtime not allowed",
        &guard::DOWNTIME_ALLOWED,
        || grown(1),
        About::Seat(Ordinal(0)),
    ),
    (
        "two learners have failed",
        &guard::ATTEMPTS_LEFT,
        || {
            changed(3, |w| {
                let now = w.truth.at;
                let set = w.kube().stateful_set.as_ref().expect("a set");
                let stamp = set.stamp.clone();
                let ledger = w.kube().ledger.as_mut().expect("a ledger");
                let seat = ledger.seats.entry(Ordinal(2)).or_default();
                (seat.attempts, seat.added_at) = (2, Some(now));
                seat.stamp = stamp;
                seat.leaving = true;
            })
        },
        TOP,
    ),
    ("its own claim", &guard::EARLIER_LIFE, || grown(3), TOP),
    (
        "nobody has looked for long",
        &guard::STABLE,
        || grown(3),
        TOP,
    ),
    (
        "a learner is on its way",
        &guard::NO_LEARNER,
        || on_the_way(1, 3, 2),
        About::Seat(Ordinal(2)),
    ),
    (
        "a claim is left",
        &guard::SEAT_EMPTY,
        || changed(3, |w| removed_by_hand(w, 2)),
        TOP,
    ),
    (
        "no list",
        &guard::ONE_LIST,
        || changed(3, |w| w.happen(Event::Blind(Part::Membership))),
        TOP,
    ),
    (
        "no probe yet",
        &guard::IN_SYNC,
        || on_the_way(1, 3, 3),
        About::Seat(Ordinal(1)),
    ),
    (
        "one of three is down",
        &guard::QUORUM_TOLERANCE,
        || changed(3, |w| w.happen(Event::Stuck(1))),
        TOP,
    ),
    (
        "nobody else serves",
        &guard::SERVING_LEFT,
        || {
            changed(3, |w| {
                for ordinal in [0, 1] {
                    pod(w, ordinal).serving_label = false;
                }
                w.pass();
            })
        },
        TOP,
    ),
    (
        "nobody else serves yet",
        &guard::SERVING_LEFT,
        || changed(3, |w| w.kube().serving.clear()),
        TOP,
    ),
    (
        "more members than a quota leaves room for",
        &guard::ROOM,
        || {
            changed(3, |w| {
                w.spec.members = 4;
                quota(w, "count/persistentvolumeclaims", "3", "3");
            })
        },
        About::Seat(Ordinal(3)),
    ),
    (
        "protected in Git",
        &guard::UNPROTECTED,
        || changed(3, |w| w.spec.policy.protected = true),
        TOP,
    ),
    (
        "a volume that goes with its claim",
        &guard::VOLUME_RETAINED,
        || grown(3),
        TOP,
    ),
    (
        "a volume that cannot be read",
        &guard::VOLUME_RETAINED,
        || changed(3, |w| w.happen(Event::Blind(Part::Volumes))),
        TOP,
    ),
    ("listed", &guard::NOT_LISTED, || grown(3), TOP),
    (
        "a leader alone",
        &guard::LEADER_HAS_HEIR,
        || grown(1),
        About::Seat(Ordinal(0)),
    ),
    (
        "not on top",
        &guard::TOP_ONLY,
        || grown(3),
        About::Seat(Ordinal(1)),
    ),
];
