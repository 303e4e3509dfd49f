//! P1: a new cluster, where nothing of one has ever been.

use super::guard;
use super::held;
use super::mend::{create, start, update};
use super::procedure::{About, Condition, Facts, Focus, Procedure, Row, Then};
use crate::fleet::Ordinal;
use crate::state::{MemberFile, ObjectKind, Reading};

pub(super) const BOOTSTRAP: Procedure = Procedure {
    name: "bootstrap",
    title: "a new cluster is born with all its members at once",
    source: "etcd-operations.md P1, 2.8 #3; design.md 11",
    subjects: |view| {
        if view.is_born() {
            return Vec::new();
        }
        let objects = ObjectKind::ALL.into_iter().map(About::Object);
        std::iter::once(About::Cluster)
            .chain(objects)
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
                f.view.kube.stateful_set.is_none()
                    && !(f.view.kube.claims.is_empty() && f.view.kube.pods.is_empty())
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
            when: |f| matches!(f.about, About::Object(kind) if !f.view.kube.objects.contains_key(&kind)),
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
            observed: "an object that an earlier run made differs from Git, and no process has started",
            step: "server-side apply of that object",
            why: "a run that was killed may have been of another commit",
            guards: &[],
            undo: "apply the former document",
            hides: false,
            when: |f| matches!(f.about, About::Object(kind) if unborn_set(f) && !f.view.objects.mendable(kind).is_empty()),
            then: update,
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
    let births =
        files.filter(|text| matches!(MemberFile::parse(text), Ok(MemberFile::Bootstrap { .. })));
    u32::try_from(births.count()).unwrap_or(u32::MAX)
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
