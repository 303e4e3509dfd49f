//! P2: grow by one voter at a time, as a learner first.

use super::guard;
use super::mend::start;
use super::procedure::{About, Condition, Focus, Procedure, Row, Then};
use super::step::{Act, FileLife};
use super::view::Seat;
use crate::manifest::member_file;
use crate::state::{Member, MemberFile, ObjectKind};

pub(super) const GROW: Procedure = Procedure {
    name: "grow",
    title: "every ordinal that Git wants has a voter",
    source: "etcd-operations.md P2, G5, G6, 2.7",
    // One at a time: the learner on its way, else the lowest vacancy.
    subjects: |view| {
        if view.membership().is_none() {
            return Vec::new();
        }
        let wanted = || view.seats().filter(|s| s.wanted);
        let next = wanted()
            .find(|s| s.is_learner())
            .or_else(|| wanted().find(|s| !s.is_listed()));
        next.map(|s| About::Seat(s.ordinal)).into_iter().collect()
    },
    rows: &[
        Row {
            name: "not-listed",
            observed: "Git wants the ordinal, and its URL is not in the list",
            step: "add it as a learner",
            why: "a voter that never starts would count against quorum (etcd-io/etcd#7820)",
            guards: &[
                &guard::ONE_LIST,
                &guard::NO_LEARNER,
                &guard::ALL_HEALTHY,
                &guard::SEAT_EMPTY,
                &guard::STABLE,
            ],
            undo: "remove the learner: quorum is not touched",
            hides: false,
            when: |f| !f.seat().is_listed(),
            then: |f| {
                let ordinal = f.seat().ordinal;
                Then::act(Act::AddLearner {
                    ordinal,
                    peer_url: f.view.spec.peer_url(ordinal),
                })
            },
        },
        Row {
            name: "file-not-written",
            observed: "the learner has not started, and its file is not exactly the live member list",
            step: "write its file: `existing` and the live list with itself",
            why: "on an empty directory the list must equal the live one, or etcd exits (2.6)",
            guards: &[&guard::ONE_LIST],
            undo: "nothing to undo: the file is read only by a member that starts",
            hides: false,
            when: |f| !has_started(f.seat()) && f.seat().file != Some(join_life(f)),
            then: write_join,
        },
        Row {
            name: "not-started",
            observed: "the learner is listed, its file is written, and replicas does not reach its ordinal",
            step: "raise replicas to this ordinal",
            why: "its claim and pod are made fresh by the StatefulSet",
            guards: &[&guard::ONE_LIST],
            undo: "remove the learner, then lower replicas",
            hides: false,
            when: |f| f.view.replicas() <= f.seat().ordinal.0,
            then: |f| start(f, f.seat().ordinal),
        },
        Row {
            name: "starting",
            observed: "its pod is made, and its client port does not answer yet",
            step: "wait until it answers",
            why: "Ready is not serving: the client port may come up seconds later (2.7)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.seat().status.is_none(),
            then: |f| Then::Wait(Condition::Started(f.seat().ordinal)),
        },
        Row {
            name: "catching-up",
            observed: "the learner answers, and three probes within 1,000 entries are not yet had",
            step: "wait until it has caught up",
            why: "etcd's own rule promotes 10 % behind, and even a dead learner (G6)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| !f.view.is_in_sync(f.seat()),
            then: |f| Then::Wait(Condition::InSync(f.seat().ordinal)),
        },
        Row {
            name: "in-sync",
            observed: "the learner has caught up and answers on its own client port",
            step: "promote it",
            why: "serve, then promote: planned work then costs clients 0.2 s (2.7)",
            guards: &[&guard::ONE_LIST, &guard::IN_SYNC, &guard::QUORUM_TOLERANCE],
            undo: "shrink by one",
            hides: false,
            when: |f| f.seat().is_learner(),
            then: |f| {
                let seat = f.seat();
                seat.member.map_or(Then::Pass, |m| {
                    Then::act(Act::Promote {
                        ordinal: seat.ordinal,
                        member: m.id,
                    })
                })
            },
        },
    ],
};

fn has_started(seat: &Seat) -> bool {
    seat.status.is_some() || seat.member.is_some_and(Member::has_started)
}

/// The live list as the joiner must see it: a member that has not started has no name yet, so its seat gives it.
fn join_text(f: &Focus) -> String {
    let spec = f.view.spec;
    let members: Vec<(String, String)> = f
        .view
        .seats()
        .filter(|s| s.is_listed())
        .map(|s| (spec.pod_name(s.ordinal), spec.peer_url(s.ordinal)))
        .collect();
    member_file::join(spec, f.seat().ordinal, &members)
}

fn join_life(f: &Focus) -> MemberFile {
    MemberFile::parse(&join_text(f)).expect("a file we render has its membership keys")
}

fn write_join(f: &Focus) -> Then {
    let ordinal = f.seat().ordinal;
    let Some(live) = f.view.kube.objects.get(&ObjectKind::ConfigMap) else {
        return Then::Pass;
    };
    Then::act(Act::WriteMemberFile {
        ordinal,
        life: FileLife::Join,
        uid: live.uid.clone(),
        object: f.view.objects.desired(ObjectKind::ConfigMap).key.clone(),
        text: join_text(f),
    })
}
