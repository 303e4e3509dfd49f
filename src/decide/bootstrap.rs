//! P1: a new cluster, where nothing of one has ever been.

use super::guard;
use super::held;
use super::mend::{create, start, update};
use super::procedure::{About, Condition, Facts, Focus, Procedure, Row, Then};
use super::step::Act;
use super::view::quorum;
use crate::fleet::Ordinal;
use crate::state::{ClaimPhase, MemberFile, ObjectKind, Reading};

pub(super) const BOOTSTRAP: Procedure = Procedure {
    name: "bootstrap",
    title: "a new cluster is born with all its members at once",
    source: "etcd-operations.md P1, 2.8 #3; design.md 11",
    subjects: |view| {
        if view.is_born() {
            return Vec::new();
        }
        let objects = ObjectKind::ALL.into_iter().map(About::Object);
        let seats = view.seats().map(|s| About::Seat(s.ordinal));
        // What forbids a birth before the first object; once the set is there, mending comes first (2.8 #5).
        let unborn = view.kube.stateful_set.is_none();
        let first = Some(About::Cluster).filter(|_| unborn);
        first
            .into_iter()
            .chain(objects)
            .chain(seats.filter(|_| !unborn))
            .chain([About::Cluster])
            .collect()
    },
    rows: &[
        Row {
            name: "left-behind",
            observed: "no StatefulSet, but claims or pods of its names",
            step: "refuse",
            why: "data of an earlier cluster may be on them; adopting or restoring it is a decision, not a default",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                f.about == About::Cluster
                    && unborn_set(f)
                    && !(f.view.kube.claims.is_empty() && f.view.kube.pods.is_empty())
                    && !never_bound(f)
            },
            then: |f| {
                let names = f
                    .view
                    .kube
                    .claims
                    .keys()
                    .map(|o| f.view.spec.claim_name(*o));
                let pods = f.view.kube.pods.keys().map(|o| f.view.spec.pod_name(*o));
                refuse(
                    "left-behind",
                    format!(
                        "found without a StatefulSet: {}",
                        names.chain(pods).collect::<Vec<_>>().join(", ")
                    ),
                    "restore the StatefulSet they belong to, or delete them (their volumes set to Retain first)",
                )
            },
        },
        Row {
            name: "lives-elsewhere",
            observed: "nothing notes that the cluster has lived here, and objects elsewhere carry its id",
            step: "refuse",
            why: "its data is there: a second cluster of the same id would be born empty beside it (design.md 11)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| matches!(&f.view.kube.elsewhere, Reading::Known(found) if !found.is_empty()),
            then: |f| {
                let found = f.view.kube.elsewhere.known().map_or(&[][..], Vec::as_slice);
                refuse(
                    "lives-elsewhere",
                    format!(
                        "{} lives elsewhere already: found {}",
                        f.view.spec.id,
                        found.join(", ")
                    ),
                    "put its namespace and name in Git back to where it lives, or give the new cluster another name; if what was found is left of a cluster that is given up, delete it",
                )
            },
        },
        Row {
            name: "elsewhere-unreadable",
            observed: "no StatefulSet, nothing notes that the cluster has lived, and other namespaces cannot be read",
            step: "refuse",
            why: "the cluster may live under another name or in another namespace, and what cannot be read is not taken for empty",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| unborn_set(f) && f.view.kube.elsewhere.known().is_none(),
            then: |f| {
                refuse(
                    "elsewhere-unreadable",
                    format!(
                        "whether {} lives elsewhere cannot be read: {}",
                        f.view.spec.id,
                        f.view
                            .kube
                            .elsewhere
                            .why_unknown()
                            .unwrap_or("no reason given")
                    ),
                    "allow `list statefulsets` and `list configmaps` in all namespaces: bootstrapping needs to know that no cluster of this id is left anywhere",
                )
            },
        },
        Row {
            name: "pods-going",
            observed: "no StatefulSet; pods of one that was deleted before any claim of it was bound",
            step: "wait until they are gone",
            why: "a claim goes only after the pod that mounts it",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.about == About::Cluster && unborn_set(f) && first_pod(f).is_some(),
            then: |f| first_pod(f).map_or(Then::Pass, |o| Then::Wait(Condition::PodGone(o))),
        },
        Row {
            name: "claims-never-bound",
            observed: "no StatefulSet; claims that were never bound",
            step: "delete them, one by one, each bound to its UID",
            why: "they ask for a class that Git does not say any more, and nothing was ever on them",
            guards: &[],
            undo: "nothing to undo: they never had a volume",
            hides: false,
            when: |f| f.about == About::Cluster && unborn_set(f) && !f.view.kube.claims.is_empty(),
            then: release_unbound,
        },
        Row {
            name: "volumes-unreadable",
            observed: "no StatefulSet, and the volumes cannot be read",
            step: "refuse",
            why: "a Released volume of ours would prove an earlier life (2.8 #3)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| unborn_set(f) && f.view.kube.released_volumes.known().is_none(),
            then: |f| {
                refuse(
                    "volumes-unreadable",
                    format!(
                        "the volumes cannot be read: {}",
                        f.view
                            .kube
                            .released_volumes
                            .why_unknown()
                            .unwrap_or("no reason given")
                    ),
                    "allow `list persistentvolumes`: bootstrapping needs to know that none is left of an earlier life",
                )
            },
        },
        Row {
            name: "released-volumes",
            observed: "no StatefulSet, and Released volumes whose claim was ours",
            step: "refuse",
            why: "an earlier cluster's data is on them; being born again would bury it (kopeio/etcd-manager#299)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                unborn_set(f)
                    && matches!(&f.view.kube.released_volumes, Reading::Known(v) if !v.is_empty())
            },
            then: |f| {
                let volumes = f
                    .view
                    .kube
                    .released_volumes
                    .known()
                    .map_or(&[][..], Vec::as_slice);
                let names: Vec<String> = volumes
                    .iter()
                    .map(|v| format!("{} (was {})", v.name, v.claim))
                    .collect();
                refuse(
                    "released-volumes",
                    format!("found volumes of an earlier life: {}", names.join(", ")),
                    "restore from them, or delete them if their data is not wanted",
                )
            },
        },
        Row {
            name: "object-absent",
            observed: "nothing is left of an earlier life, and an object is not there",
            step: "create it; the StatefulSet last",
            why: "files, Services and the PodDisruptionBudget must be there before the first process starts",
            guards: &[&guard::UNPROTECTED],
            undo: "delete it: nothing of value is there yet",
            hides: false,
            when: |f| matches!(f.about, About::Object(kind) if is_absent(f, kind)),
            then: create,
        },
        Row {
            name: "held-by-controller",
            observed: "an object that is there differs from Git, no process has started, and a controller holds the field",
            step: "refuse",
            why: "two actors on one field undo each other for ever (G12)",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| {
                matches!(f.about, About::Object(_)) && unborn_set(f) && held::by_a_controller(f)
            },
            then: held::refuse_held,
        },
        Row {
            name: "object-differs",
            observed: "an object that an earlier run made differs from Git, and the cluster is not born yet",
            step: "server-side apply of that object",
            why: "a run that was killed may have been of another commit",
            guards: &[],
            undo: "apply the former document",
            hides: false,
            when: |f| matches!(f.about, About::Object(kind) if !f.view.objects.mendable(kind).is_empty()),
            then: update,
        },
        Row {
            name: "old-template",
            observed: "the cluster is not born yet, and a pod that cannot start is older than the template",
            step: "delete the pod, bound to its UID",
            why: "a template mended in Git reaches a pod only when it is made again (2.8 #5)",
            guards: &[],
            undo: "nothing to undo: its process was not running",
            hides: false,
            when: |f| {
                let About::Seat(ordinal) = f.about else {
                    return false;
                };
                let seat = f.view.seat(ordinal);
                let stuck = seat.pod.is_some_and(|p| p.is_stuck() && !p.deleting);
                stuck && seat.status.is_none() && f.view.is_old(seat)
            },
            then: |f| super::repair::delete_pod(f, f.seat().ordinal),
        },
        Row {
            name: "class-mistyped",
            observed: "the StatefulSet differs from Git where it cannot change, and no claim of it was ever bound",
            step: "delete it with its pods; it is made again",
            why: "a class that does not exist never binds, and the mended one reaches no claim that is there (2.8 #5)",
            guards: &[&guard::UNPROTECTED],
            undo: "nothing to undo: nothing of value is there yet",
            hides: false,
            when: |f| f.about == About::Cluster && is_immutable(f) && never_bound(f),
            then: delete_set,
        },
        Row {
            name: "immutable",
            observed: "the StatefulSet differs from Git where it cannot change, and a claim of it is bound",
            step: "refuse",
            why: "a member may have started on that claim: a wipe is a person's decision",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| f.about == About::Cluster && is_immutable(f),
            then: super::change::immutable,
        },
        Row {
            name: "scaled-down",
            observed: "the StatefulSet is there with fewer replicas than the files name members",
            step: "raise replicas to all of them",
            why: "someone scaled it; fewer than a quorum of the static list are never born",
            guards: &[],
            undo: "delete it: nothing of value is there yet",
            hides: false,
            when: |f| {
                f.about == About::Cluster && set_is_there(f) && f.view.replicas() < to_be_born(f)
            },
            then: |f| start(f, Ordinal(to_be_born(f).saturating_sub(1))),
        },
        Row {
            name: "files-lost",
            observed: "the StatefulSet is there, no member answers, and no file gives birth",
            step: "refuse",
            why: "a lost ConfigMap is made again poisoned, for a member may have started; one that has not can never start on it",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| f.about == About::Cluster && set_is_there(f) && to_be_born(f) == 0,
            then: |f| {
                refuse(
                    "files-lost",
                    format!(
                        "StatefulSet {:?} is there, nothing says that a cluster ever lived, and no member's file gives birth to one",
                        f.view.spec.name
                    ),
                    "bring its pods back if a member has ever started; else delete the StatefulSet, its pods and its claims, then run again",
                )
            },
        },
        Row {
            name: "cannot-start",
            observed: "the StatefulSet is there, no quorum has answered yet, and the nodes or volumes of so many members are gone that the others are no quorum",
            step: "refuse, with what is gone",
            why: "a member may have been born and written to before anyone saw it: to give its volume up, or to end its pod unheard, is a person's decision",
            guards: &[],
            undo: "",
            hides: true,
            when: |f| f.about == About::Cluster && set_is_there(f) && are_too_few(f),
            then: |f| {
                refuse(
                    "cannot-be-born",
                    format!(
                        "too few of the first members can start: {}",
                        kept_back(f).join("; ")
                    ),
                    "bring the nodes and volumes back; if they are gone for good and no client ever wrote, delete the StatefulSet, its pods (`--force` where the node is gone) and its claims, then run again",
                )
            },
        },
        Row {
            name: "starting",
            observed: "the StatefulSet is there, and no quorum has answered yet",
            step: "wait for a quorum",
            why: "all members are born together from one static list and one token",
            guards: &[],
            undo: "",
            hides: false,
            when: |f| f.about == About::Cluster && set_is_there(f),
            then: |_| Then::Wait(Condition::Quorum),
        },
    ],
};

fn set_is_there(f: &Focus) -> bool {
    f.view.kube.stateful_set.is_some()
}

/// Members that the files would give birth to.
fn to_be_born(f: &Focus) -> u32 {
    let files = f.view.kube.member_files.values();
    let births = files.filter(|f| matches!(f.life(), Some(MemberFile::Bootstrap { .. })));
    u32::try_from(births.count()).unwrap_or(u32::MAX)
}

/// What keeps members from being born, each in words.
fn kept_back(f: &Focus) -> Vec<String> {
    let seats = f.view.seats().filter(|s| s.in_set);
    let words = seats.filter_map(|s| {
        let why = f.view.keeps_from_birth(s)?;
        Some(format!("{}: {why}", f.view.spec.pod_name(s.ordinal)))
    });
    words.collect()
}

/// All are born together: those that can start must be a quorum of those that the files name.
fn are_too_few(f: &Focus) -> bool {
    let named = to_be_born(f) as usize;
    named.saturating_sub(kept_back(f).len()) < quorum(named)
}

/// Lost files are not made again while members may be starting on them: see `files-lost`.
fn is_absent(f: &Focus, kind: ObjectKind) -> bool {
    let files_lost = kind == ObjectKind::ConfigMap && set_is_there(f);
    !f.view.kube.objects.contains_key(&kind) && !files_lost
}

fn is_immutable(f: &Focus) -> bool {
    set_is_there(f) && !f.view.objects.immutable().is_empty()
}

/// Claims are there, and none of them ever had a volume.
fn never_bound(f: &Focus) -> bool {
    let claims = &f.view.kube.claims;
    let unbound = |c: &crate::state::Claim| c.phase == ClaimPhase::Pending && c.volume.is_none();
    !claims.is_empty() && claims.values().all(unbound)
}

fn first_pod(f: &Focus) -> Option<Ordinal> {
    f.view.kube.pods.keys().next().copied()
}

fn release_unbound(f: &Focus) -> Then {
    let Some((ordinal, claim)) = f.view.kube.claims.iter().next() else {
        return Then::Pass;
    };
    if claim.deleting {
        return Then::Wait(Condition::ClaimGone(*ordinal));
    }
    Then::act(Act::ReleaseClaim {
        ordinal: *ordinal,
        claim: f.view.spec.claim_name(*ordinal),
        uid: claim.uid.clone(),
    })
}

fn delete_set(f: &Focus) -> Then {
    let object = f.view.object_key(ObjectKind::StatefulSet);
    f.view.kube.stateful_set.as_ref().map_or(Then::Pass, |set| {
        Then::act(Act::DeleteObject {
            object,
            uid: set.uid.clone(),
            orphan: false,
        })
    })
}

fn unborn_set(f: &Focus) -> bool {
    f.view.kube.stateful_set.is_none()
}

fn refuse(code: &'static str, found: String, unblock: &str) -> Then {
    Then::Refuse(Facts {
        code,
        found,
        unblock: unblock.into(),
    })
}
