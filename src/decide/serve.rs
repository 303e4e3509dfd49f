//! Put back what a killed run left drained.

use super::leave;
use super::procedure::{About, Procedure, Row, Then};
use super::step::Act;

pub(super) const SERVE: Procedure = Procedure {
    name: "serve",
    title: "every member serves clients, but the one about to leave",
    source: "etcd-operations.md 2.8 #18",
    subjects: |view| {
        view.seats()
            .filter(|s| s.pod.is_some_and(|p| !p.serving_label && !p.deleting))
            .map(|s| About::Seat(s.ordinal))
            .collect()
    },
    rows: &[
        Row {
            name: "next-victim",
            observed: "the drained pod is the member that leaves or restarts next and nothing refuses that, or it belongs to no member any more, or no list says so and Git does not want it",
            step: "leave it drained",
            why: "drained twice is two interruptions for its clients",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| {
                let seat = f.seat();
                // A process that was just removed answers for a moment, and lists disagree: that is no reason to send
                // clients to it.
                let removed = match f.view.membership() {
                    Some(_) => !seat.is_listed() || (seat.is_learner() && !seat.answers()),
                    None => !seat.wanted,
                };
                let next = f.view.leaving().filter(|(next, _)| *next == seat.ordinal);
                removed || next.is_some_and(|(_, why)| !leave::is_refused(f, why))
            },
            then: |_| Then::Pass,
        },
        Row {
            name: "drained",
            observed: "a pod of ours lacks the serving label and is not the next to leave, or may not leave",
            step: "put it back into the client Service",
            why: "a run that was killed after draining must not leave the Service empty",
            guards: &[],
            undo: "drain it again",
            hides: false,
            when: |_| true,
            then: |f| {
                let seat = f.seat();
                seat.pod.map_or(Then::Pass, |pod| {
                    Then::act(Act::Undrain {
                        ordinal: seat.ordinal,
                        pod: pod.uid.clone(),
                    })
                })
            },
        },
    ],
};
