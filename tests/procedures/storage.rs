//! Volumes that are not of the class or size that Git says.

use jiff::SignedDuration;
use reconcile::fleet::{EtcdVersion, MigrationStrategy};
use reconcile::state::{Backup, Limit, Quota, Reading, ReleasedVolume, StorageClass, Uid};

use crate::cases::{Case, changed, claim};
use crate::world::{End, World};

const FIRST: &str = "gp3";
const OTHER: &str = "gp3-enc";

fn want_class(world: &mut World) {
    world.spec.storage.class_name = Some(OTHER.into());
}

fn want_size(world: &mut World, size: &str) {
    world.spec.storage.size = size.parse().expect("a size");
}

/// The class is there, and lets volumes grow or not; `None`: there is none of that name.
pub(crate) fn class(world: &mut World, name: &str, expands: Option<bool>) {
    let class = expands.map(|expands| StorageClass {
        provisioner: "model".into(),
        expands,
        binds_at_once: false,
    });
    let classes = world.kube().storage_classes.known_mut();
    classes.expect("known").insert(name.into(), class);
}

/// A quota of the namespace; what is used is ours alone.
pub(crate) fn quota(world: &mut World, resource: &str, hard: &str, used: &str) {
    let quantity = |text: &str| text.parse().expect("a quantity");
    let limit = Limit {
        hard: quantity(hard),
        used: quantity(used),
    };
    world.kube().quotas = Reading::Known(vec![Quota {
        name: "team".into(),
        limits: [(resource.to_owned(), limit)].into(),
    }]);
}

/// Git names another class, and the namespace may have no claim more.
fn crowded(members: u32, change: impl FnOnce(&mut World)) -> World {
    changed(members, |w| {
        want_class(w);
        let count = members.to_string();
        quota(w, "persistentvolumeclaims", &count, &count);
        change(w);
    })
}

/// What a quota leaves, and what follows from it.
pub(crate) const ROOM: &[Case] = &[
    ("another class, and no claim more", || crowded(3, |_| {})),
    ("another class, and no pod more", || {
        changed(3, |w| {
            want_class(w);
            quota(w, "count/pods", "3", "3");
        })
    }),
    ("another class, and a claim more", || {
        changed(3, |w| {
            want_class(w);
            quota(w, "persistentvolumeclaims", "4", "3");
        })
    }),
    ("another class by surge, and no claim more", || {
        crowded(3, |w| {
            w.spec.storage.migration.strategy = MigrationStrategy::Surge;
        })
    }),
    ("another class, one member, and no claim more", || {
        crowded(1, |_| {})
    }),
    (
        "another class, a tolerance to keep, and no claim more",
        || crowded(3, |w| w.spec.policy.min_tolerance = 1),
    ),
    ("another class of which there may be one claim", || {
        changed(3, |w| {
            want_class(w);
            let of = format!("{OTHER}.storageclass.storage.k8s.io/persistentvolumeclaims");
            quota(w, &of, "1", "0");
        })
    }),
    ("another class, and quotas that cannot be read", || {
        changed(3, |w| {
            want_class(w);
            w.kube().quotas = Reading::Unknown("forbidden".into());
        })
    }),
    (
        "smaller volumes, and no byte more until one has moved",
        || {
            changed(3, |w| {
                want_size(w, "900Mi");
                quota(w, "requests.storage", "3Gi", "3Gi");
            })
        },
    ),
    ("larger volumes, and no byte more", || {
        changed(3, |w| {
            want_larger(w, true);
            quota(w, "requests.storage", "3Gi", "3Gi");
        })
    }),
    ("begun in place, and then there is room", || {
        let mut world = crowded(3, |_| {});
        let moved = |w: &World| w.told.iter().any(|line| line.contains("promote"));
        while !moved(&world) {
            assert_eq!(world.run_acts(1), None, "{}", world.tale());
        }
        quota(&mut world, "persistentvolumeclaims", "9", "3");
        world
    }),
    ("a claim that was given up and is still counted", || {
        let mut world = crowded(3, |_| {});
        let left = |w: &World| {
            let told = w.told.last().map(String::as_str);
            told == Some("release-claim member 2")
        };
        while !left(&world) {
            assert_eq!(world.run_acts(1), None, "{}", world.tale());
        }
        quota(&mut world, "persistentvolumeclaims", "3", "4");
        world
    }),
    ("begun by surge, and then there is no room", || {
        let mut world = on_the_way_to_a_class(5);
        let list = |w: &World| w.truth.etcd.membership.known().map(|m| m.members.len());
        while list(&world) != Some(4) {
            assert_eq!(world.run_acts(1), None, "{}", world.tale());
        }
        quota(&mut world, "persistentvolumeclaims", "3", "3");
        world
    }),
    ("more members, and no claim more", || {
        changed(3, |w| {
            w.spec.members = 5;
            quota(w, "persistentvolumeclaims", "4", "3");
        })
    }),
    ("more members, and their claims", || {
        changed(3, |w| {
            w.spec.members = 5;
            quota(w, "persistentvolumeclaims", "5", "3");
        })
    }),
];

/// Three members on volumes of a class that lets them grow or not.
fn want_larger(world: &mut World, expands: bool) {
    let name = if expands { "grows" } else { "fixed" };
    world.spec.storage.class_name = Some(name.into());
    for ordinal in 0..3 {
        claim(world, ordinal).class_name = Some(name.into());
    }
    class(world, name, Some(expands));
    want_size(world, "2Gi");
}

pub(crate) const STORAGE: &[Case] = &[
    ("another class", || changed(3, want_class)),
    ("another class, one member", || changed(1, want_class)),
    ("another class, in place", || {
        changed(3, |w| {
            want_class(w);
            w.spec.storage.migration.strategy = MigrationStrategy::InPlace;
        })
    }),
    ("another class, in place, one member", || {
        changed(1, |w| {
            want_class(w);
            w.spec.storage.migration.strategy = MigrationStrategy::InPlace;
        })
    }),
    ("a class that is not there", || {
        changed(3, |w| {
            want_class(w);
            class(w, OTHER, None);
        })
    }),
    ("classes that cannot be read", || {
        changed(3, |w| {
            want_class(w);
            w.kube().storage_classes = Reading::Unknown("forbidden".into());
        })
    }),
    ("volumes kept already", || {
        changed(3, |w| {
            want_class(w);
            for ordinal in 0..3 {
                let volume = claim(w, ordinal).volume.as_mut();
                let volume = volume.and_then(Reading::known_mut).expect("a volume");
                volume.reclaim_policy = "Retain".into();
            }
        })
    }),
    ("another class, protected", || {
        changed(3, |w| {
            want_class(w);
            w.spec.policy.protected = true;
        })
    }),
    ("another class, and a store that cannot be read", || {
        changed(3, |w| {
            want_class(w);
            w.truth.backup = Some(Backup {
                store: w.spec.snapshots_place(),
                snapshots: Reading::Unknown("deadline exceeded".into()),
            });
        })
    }),
    ("another class, a volume that cannot be read", || {
        changed(3, |w| {
            want_class(w);
            claim(w, 1).volume = Some(Reading::Unknown("forbidden".into()));
        })
    }),
    ("another class and another minor version", || {
        changed(3, |w| {
            want_class(w);
            w.spec.version = EtcdVersion::new(3, 7, 3);
            w.spec.image = "registry.example/etcd:v3.7.3".into();
        })
    }),
    ("a smaller volume", || changed(3, |w| want_size(w, "900Mi"))),
    ("a volume without room", || {
        changed(3, |w| want_size(w, "300Mi"))
    }),
    ("a volume that cannot grow", || {
        changed(3, |w| {
            want_larger(w, false);
        })
    }),
    ("a volume that can grow", || {
        changed(3, |w| {
            want_larger(w, true);
        })
    }),
    ("a volume that grows", || {
        changed(1, |w| {
            claim(w, 0).capacity = Some("512Mi".parse().expect("a size"));
        })
    }),
    ("set back half way", || {
        let mut world = on_the_way_to_a_class(24);
        world.spec.storage.class_name = Some(FIRST.into());
        world
    }),
    ("a snapshot that grew old under a drained member", || {
        drained_for_a_while(|_| {})
    }),
    ("a drained member, and a store that went away", || {
        drained_for_a_while(|w| {
            let backup = w.truth.backup.as_mut().expect("a snapshot was taken");
            backup.snapshots = Reading::Unknown("deadline exceeded".into());
        })
    }),
    ("old volumes kept long enough", || {
        changed(3, |w| {
            w.spec.storage.migration.keep_old_volumes = Some(SignedDuration::from_hours(7 * 24));
            let day = SignedDuration::from_hours(24);
            let list = w.truth.etcd.membership.known();
            let ours = list.expect("a list").cluster_id;
            let left = |name: &str, days: i32| ReleasedVolume {
                name: name.into(),
                uid: Uid(name.into()),
                claim: "data-orders-1".into(),
                since: Some(w.truth.at - day * days),
                resource_version: String::new(),
                etcd_cluster: Some(ours),
                contents: None,
            };
            let mut volumes = vec![left("pv-young", 6), left("pv-old", 8), left("pv-oldest", 9)];
            volumes.push(ReleasedVolume {
                etcd_cluster: None,
                ..left("pv-of-nobody", 30)
            });
            volumes[0].claim = "data-orders-7".into();
            w.kube().released_volumes = Reading::Known(volumes);
        })
    }),
    ("a class that a webhook changes", || {
        let mut world = on_the_way_to_a_class(11);
        world.pass();
        claim(&mut world, 3).class_name = Some(FIRST.into());
        world
    }),
    ("a learner on a claim of a class that gives nothing", || {
        let mut world = of_a_class(1);
        world.spec.members = 3;
        world.spec.storage.class_name = Some("nothing".into());
        world.pass();
        assert_eq!(world.run_acts(7), None, "{}", world.tale());
        // Before its first volume: the model gives one only of a class that is there.
        class(&mut world, "nothing", None);
        world.pass();
        world.spec.storage.class_name = Some(FIRST.into());
        world
    }),
];

pub(crate) fn of_a_class(members: u32) -> World {
    let mut world = World::empty(members);
    world.spec.storage.class_name = Some(FIRST.into());
    assert_eq!(world.run(), End::InSync, "{}", world.tale());
    world
}

/// So many acts of the way from one class to another.
fn on_the_way_to_a_class(acts: usize) -> World {
    let mut world = of_a_class(3);
    want_class(&mut world);
    assert_eq!(world.run_acts(acts), None, "{}", world.tale());
    world
}

/// The first member that moves is drained, and then nobody came for longer than a snapshot is fresh.
fn drained_for_a_while(change: impl FnOnce(&mut World)) -> World {
    let mut world = on_the_way_to_a_class(13);
    assert!(world.tale().contains("drain"), "{}", world.tale());
    world.truth.at += SignedDuration::from_mins(20);
    change(&mut world);
    world
}
