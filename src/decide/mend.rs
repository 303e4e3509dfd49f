//! Mend the objects of a cluster that lives, where that restarts nothing.

use super::held;
use super::procedure::{About, Condition, Focus, Procedure, Row, Then};
use super::step::Act;
use crate::fleet::Ordinal;
use crate::state::ObjectKind;

pub(super) const MEND: Procedure = Procedure {
    name: "mend",
    title: "Services, ServiceAccount, PodDisruptionBudget, ConfigMap and the template are as Git says",
    source: "etcd-operations.md 2.8 #5, #6; design.md 1 (order 2)",
    subjects: |view| {
        if !view.is_born() {
            return Vec::new();
        }
        // An absent StatefulSet before all: until it is back, a pod that is lost stays lost.
        let gone = |kind: &ObjectKind| !view.kube.objects.contains_key(kind);
        let set = Some(ObjectKind::StatefulSet).filter(gone);
        set.into_iter()
            .chain(ObjectKind::ALL)
            .map(About::Object)
            .collect()
    },
    rows: &[
        Row {
            name: "template-held-by-controller",
            observed: "a field of the StatefulSet or of the members' files is not as Git says, and a controller holds it",
            step: "refuse",
            why: "whoever scales or restarts members beside us breaks every count that a guard was right about (G12)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| starts_processes(f.object()) && held::by_a_controller(f),
            then: held::refuse_held,
        },
        Row {
            name: "statefulset-absent",
            observed: "the cluster has lived, and its StatefulSet is gone",
            step: "create it over every ordinal that holds a member, a pod or a claim",
            why: "it adopts what runs and restarts nothing; with fewer replicas it would delete what it adopts, and without it a lost pod never returns (2.8 #1)",
            guards: &[],
            undo: "delete it with its pods orphaned",
            hides: false,
            when: |f| {
                let held = f.view.objects.held.is_some();
                f.object() == ObjectKind::StatefulSet && is_absent(f) && !held
            },
            then: create,
        },
        Row {
            name: "statefulset-absent-held",
            observed: "the cluster has lived, its StatefulSet is gone, and Git asks for a change that is not possible yet",
            step: "refuse",
            why: "made again from Git it would bring the change to whatever pod restarts first",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| f.object() == ObjectKind::StatefulSet && is_absent(f),
            then: super::change::held,
        },
        Row {
            name: "being-deleted",
            observed: "the object is being deleted",
            step: "wait until it is gone",
            why: "what is half gone can be neither mended nor replaced (2.8 #1)",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| {
                f.view
                    .kube
                    .objects
                    .get(&f.object())
                    .is_some_and(|o| o.deleting)
            },
            then: |f| Then::Wait(Condition::ObjectGone(f.object())),
        },
        Row {
            name: "replicas-low",
            observed: "replicas is below a voter's ordinal, or, without a member list, below a claim's",
            step: "raise replicas over it",
            why: "someone scaled the set down; its claims are kept, and without a quorum this is what brings it back (2.8 #1)",
            guards: &[],
            undo: "nothing to undo: it starts only what has a volume",
            hides: false,
            when: |f| is_set(f) && f.view.replicas() <= f.view.top_needed().map_or(0, |o| o.0),
            then: |f| f.view.top_needed().map_or(Then::Pass, |top| start(f, top)),
        },
        Row {
            name: "absent",
            observed: "the object is not there",
            step: "create it",
            why: "without it members cannot find each other, clients cannot find members, or evictions are unguarded",
            guards: &[],
            undo: "delete it",
            hides: false,
            when: is_absent,
            then: create,
        },
        Row {
            name: "held-by-controller",
            observed: "a field of an object that no process starts from is not as Git says, and a controller holds it",
            step: "refuse",
            why: "two actors on one field undo each other for ever (G12); a person's tool writes once, and its value is taken back",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| !starts_processes(f.object()) && held::by_a_controller(f),
            then: held::refuse_held,
        },
        Row {
            name: "differs",
            observed: "a field that we render is missing or has another value, and changing it restarts nothing",
            step: "server-side apply of that object; what a person's tool holds is taken over, field by field",
            why: "object repair comes before everything else, so that a fix in Git reaches a stuck member (2.8 #5)",
            guards: &[],
            undo: "apply the former document",
            hides: false,
            when: |f| !f.view.objects.mendable(f.object()).is_empty(),
            then: update,
        },
    ],
};

const fn starts_processes(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::ConfigMap | ObjectKind::StatefulSet)
}

fn is_set(f: &Focus) -> bool {
    f.object() == ObjectKind::StatefulSet && f.view.top_needed().is_some()
}

/// Shared with growing and the bootstrap: `replicas` up to this ordinal.
pub(super) fn start(f: &Focus, top: Ordinal) -> Then {
    f.view.kube.stateful_set.as_ref().map_or(Then::Pass, |set| {
        Then::act(Act::StartMember {
            ordinal: top,
            replicas: top.0 + 1,
            stateful_set: set.uid.clone(),
            resource_version: set.resource_version.clone(),
        })
    })
}

fn is_absent(f: &Focus) -> bool {
    !f.view.kube.objects.contains_key(&f.object())
}

/// Shared with the bootstrap: the same object, the same POST.
pub(super) fn create(f: &Focus) -> Then {
    let object = f.view.desired(f.object());
    Then::act(Act::CreateObject {
        object: object.key,
        body: object.body,
    })
}

/// Shared with the bootstrap: mends what a former, killed run made of another commit.
pub(super) fn update(f: &Focus) -> Then {
    let kind = f.object();
    let desired = f.view.desired(kind);
    let Some(live) = f.view.kube.objects.get(&kind) else {
        return Then::Pass;
    };
    let fields: Vec<String> = f
        .view
        .objects
        .mendable(kind)
        .iter()
        .map(|d| d.pointer.clone())
        .collect();
    Then::act(Act::UpdateObject {
        object: desired.key,
        uid: live.uid.clone(),
        body: desired.body,
        takes: held::takes(f.view, kind),
        fields,
    })
}
