//! The only member on its way to another volume while it is stopped.

use jiff::SignedDuration;
use reconcile::fleet::{MigrationStrategy, Ordinal};
use reconcile::state::{ClaimPhase, Contents, Copying, PodPhase, Reading};

use crate::cases::{Case, changed, claim, status};
use crate::storage::{class, of_a_class, quota};
use crate::world::{End, World};

const SEAT: Ordinal = Ordinal(0);

/// Git names another class, and that the only member is stopped for it.
fn asked() -> World {
    let mut world = of_a_class(1);
    world.spec.storage.class_name = Some("gp3-enc".into());
    world.spec.storage.migration.strategy = MigrationStrategy::Offline;
    world.spec.storage.migration.copy_image = Some("registry.example/busybox:1.37".into());
    world.spec.policy.allow_downtime = true;
    world
}

/// Right after this act; controllers have done what is theirs.
fn after(verb: &str) -> World {
    let mut world = right_after(verb);
    world.pass();
    world
}

fn right_after(verb: &str) -> World {
    let mut world = asked();
    let begun = world.told.len();
    let done = |w: &World| w.told[begun..].iter().any(|told| told.starts_with(verb));
    while !done(&world) {
        assert_eq!(world.run_acts(1), None, "{}", world.tale());
    }
    world
}

fn with(mut world: World, change: impl FnOnce(&mut World)) -> World {
    change(&mut world);
    world
}

fn copying(world: &mut World) -> &mut Copying {
    world.kube().copies.get_mut(&SEAT).expect("a copy")
}

fn scale(world: &mut World, replicas: u32) {
    let set = world.kube().stateful_set.as_mut();
    set.expect("a StatefulSet").replicas = replicas;
}

fn forget_set(world: &mut World) {
    let kind = reconcile::state::ObjectKind::StatefulSet;
    world.kube().objects.remove(&kind);
    world.kube().stateful_set = None;
}

fn lose_volume(world: &mut World) {
    let claim = claim(world, 0);
    claim.phase = ClaimPhase::Lost;
    claim.contents = Some(Contents::Empty);
}

pub(crate) const OFFLINE: &[Case] = &[
    ("offline", asked),
    ("offline, with a snapshot", || after("take-snapshot")),
    ("offline, and nobody allows downtime", || {
        with(asked(), |w| w.spec.policy.allow_downtime = false)
    }),
    (
        "offline, and a claim more only while its own is gone",
        || {
            with(asked(), |w| {
                quota(w, "persistentvolumeclaims", "1", "1");
            })
        },
    ),
    ("offline, and a claim more", || {
        with(asked(), |w| {
            quota(w, "persistentvolumeclaims", "2", "1");
        })
    }),
    ("offline: its pod is ending", || right_after("halt-member")),
    ("offline: stopped", || after("halt-member")),
    ("offline: stopped, and Git goes back", || {
        with(after("halt-member"), |w| {
            w.spec.storage.class_name = Some("gp3".into());
        })
    }),
    ("offline: stopped, and its volume is not kept", || {
        with(after("halt-member"), |w| {
            let volume = claim(w, 0).volume.as_mut();
            let volume = volume.and_then(Reading::known_mut).expect("a volume");
            volume.reclaim_policy = "Delete".into();
        })
    }),
    ("offline: stopped, and its volume is gone", || {
        with(after("halt-member"), lose_volume)
    }),
    ("offline: its claim is going", || {
        right_after("release-claim")
    }),
    ("offline: its claim is given up", || after("release-claim")),
    (
        "offline: its claim is given up, and volumes cannot be read",
        || {
            with(after("release-claim"), |w| {
                w.kube().released_volumes = Reading::Unknown("forbidden".into());
            })
        },
    ),
    (
        "offline: its claim is given up, and its volume is gone",
        || {
            with(after("release-claim"), |w| {
                w.kube().released_volumes = Reading::Known(Vec::new());
            })
        },
    ),
    (
        "offline: its claim is given up, and the class is not there",
        || with(after("release-claim"), |w| class(w, "gp3-enc", None)),
    ),
    ("offline: stopped, and the class is not there", || {
        with(after("halt-member"), |w| class(w, "gp3-enc", None))
    }),
    (
        "offline: a new claim without a volume, and Git goes back",
        || {
            with(after("make-claim"), |w| {
                w.spec.storage.class_name = Some("gp3".into());
            })
        },
    ),
    ("offline: a new claim", || after("make-claim")),
    ("offline: a new claim whose volume is gone", || {
        with(after("make-claim"), |w| {
            claim(w, 0).phase = ClaimPhase::Lost;
        })
    }),
    ("offline: the volume waits to be bound", || {
        let mut world = after("make-claim");
        let released = world.kube().released_volumes.clone();
        assert_eq!(world.run_acts(1), None, "{}", world.tale());
        let name = world.spec.copy_claim_name(SEAT);
        world.kube().released_volumes = released;
        let released = world.kube().released_volumes.known_mut();
        for volume in released.expect("known") {
            volume.claim.clone_from(&name);
            volume.since = None;
        }
        let claim = copying(&mut world).claim.as_mut();
        claim.expect("a claim").bound = false;
        world
    }),
    ("offline: both claims", || after("lend-volume")),
    (
        "offline: both claims, and somebody starts the member",
        || with(after("lend-volume"), |w| scale(w, 1)),
    ),
    ("offline: a pod, and no StatefulSet", || {
        let mut world = after("lend-volume");
        scale(&mut world, 1);
        world.pass();
        forget_set(&mut world);
        world
    }),
    ("offline: copying", || right_after("copy-data")),
    ("offline: copying, and the new claim is another one", || {
        with(right_after("copy-data"), |w| {
            claim(w, 0).uid.0.push_str("-other");
        })
    }),
    ("offline: copying, and the pod was evicted", || {
        with(right_after("copy-data"), |w| {
            let pod = copying(w).pod.as_mut();
            pod.expect("a pod").phase = PodPhase::Failed;
        })
    }),
    ("offline: an image that is not there", || {
        with(right_after("copy-data"), |w| {
            let pod = copying(w).pod.as_mut().expect("a pod");
            pod.waiting = Some("ImagePullBackOff: not found".into());
        })
    }),
    (
        "offline: an image that is not there, and Git names another",
        || {
            with(right_after("copy-data"), |w| {
                let pod = copying(w).pod.as_mut().expect("a pod");
                pod.waiting = Some("ImagePullBackOff: not found".into());
                w.spec.storage.migration.copy_image = Some("registry.example/busybox:1.38".into());
            })
        },
    ),
    ("offline: copied", || after("copy-data")),
    ("offline: copied, and no StatefulSet", || {
        with(after("copy-data"), forget_set)
    }),
    ("offline: running on the copy", || after("start-member")),
    ("offline: running on a copy that knows less", || {
        with(after("start-member"), |w| status(w, 0).revision = 0)
    }),
    (
        "offline: copied and started, and the new volume is gone",
        || {
            with(after("start-member"), |w| {
                lose_volume(w);
                w.truth.etcd.statuses.clear();
            })
        },
    ),
    (
        "offline: done, and its old volume was kept long enough",
        || {
            let mut world = asked();
            assert_eq!(world.run(), End::InSync, "{}", world.tale());
            world.pass();
            let day = SignedDuration::from_hours(24);
            world.spec.storage.migration.keep_old_volumes = Some(day);
            world.truth.at += day;
            world
        },
    ),
    ("offline: a mark of another time, and three members", || {
        let mark = after("halt-member").kube().ledger.clone();
        let mark = mark.expect("a ledger").seats[&SEAT].offline.clone();
        changed(3, |w| {
            let ledger = w.kube().ledger.as_mut().expect("a ledger");
            ledger.seats.entry(SEAT).or_default().offline = mark;
            scale(w, 0);
            w.kube().pods.clear();
            w.truth.etcd.statuses.clear();
        })
    }),
    ("offline: a copy of nobody", || {
        with(after("lend-volume"), |w| {
            let ledger = w.kube().ledger.as_mut().expect("a ledger");
            ledger.seats.get_mut(&SEAT).expect("a seat").offline = None;
        })
    }),
];
