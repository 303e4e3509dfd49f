//! Volumes that are not of the attributes that Git says.

use reconcile::state::{
    Attributes, ClaimPhase, Modification, ModificationState, Reading, StorageClass,
};

use crate::cases::{Case, changed, claim, on_the_way};
use crate::world::{Event, World};

const FIRST: &str = "silver";
const OTHER: &str = "gold";

fn want(world: &mut World) {
    world.spec.storage.attributes_class_name = Some(OTHER.into());
    class(world, Some("model"));
}

fn want_larger(world: &mut World) {
    storage_class(world, "model");
    for ordinal in 0..3 {
        claim(world, ordinal).class_name = Some("other".into());
    }
    world.spec.storage.size = "2Gi".parse().expect("a size");
}

fn and_grow(world: &mut World) {
    world.spec.members += 2;
}

/// The class is of this driver; `None`: there is none of that name.
fn class(world: &mut World, driver: Option<&str>) {
    let classes = world.kube().attributes_classes.known_mut();
    classes
        .expect("known")
        .insert(OTHER.into(), driver.map(str::to_owned));
}

/// What a claim asks for, what its volume has, and how far its driver is.
fn attributes(
    world: &mut World,
    ordinal: u32,
    asked: &str,
    current: Option<&str>,
    state: Option<(&str, ModificationState)>,
) {
    claim(world, ordinal).attributes = Attributes {
        asked: Some(asked.into()),
        current: current.map(str::to_owned),
        modification: state.map(|(target, state)| Modification {
            target: target.into(),
            state,
        }),
    };
}

fn infeasible(world: &mut World, ordinal: u32) {
    let no = Some((OTHER, ModificationState::Infeasible));
    attributes(world, ordinal, OTHER, None, no);
    claim(world, ordinal).resize = Some("ModifyVolumeError: no such tier".into());
}

fn storage_class(world: &mut World, provisioner: &str) {
    world.spec.storage.class_name = Some("other".into());
    let class = StorageClass {
        provisioner: provisioner.into(),
        expands: true,
        binds_at_once: false,
    };
    let classes = world.kube().storage_classes.known_mut();
    classes.expect("known").insert("other".into(), Some(class));
}

pub(crate) const ATTRIBUTES: &[Case] = &[
    ("other attributes", || changed(3, want)),
    ("other attributes, the leader first in line", || {
        changed(3, |w| {
            want(w);
            w.happen(Event::LeaderMoves(1));
        })
    }),
    ("attributes that Git says nothing of", || {
        changed(3, |w| attributes(w, 1, FIRST, Some(FIRST), None))
    }),
    ("attributes from the birth on, and more members", || {
        let mut world = World::empty(1);
        want(&mut world);
        world.run();
        and_grow(&mut world);
        world
    }),
    ("other attributes and a larger volume", || {
        changed(3, |w| {
            want(w);
            want_larger(w);
        })
    }),
    ("other attributes and another class", || {
        changed(3, |w| {
            want(w);
            storage_class(w, "model");
        })
    }),
    ("other attributes of another driver's class", || {
        changed(3, |w| {
            want(w);
            storage_class(w, "other.csi");
            class(w, Some("other.csi"));
        })
    }),
    (
        "another class of another driver than its attributes",
        || {
            changed(3, |w| {
                want(w);
                storage_class(w, "other.csi");
            })
        },
    ),
    ("other attributes, a claim that is not bound", || {
        changed(3, |w| {
            want(w);
            let claim = claim(w, 1);
            (claim.phase, claim.volume) = (ClaimPhase::Pending, None);
        })
    }),
    ("other attributes, a claim that goes", || {
        changed(3, |w| {
            want(w);
            claim(w, 1).deleting = true;
        })
    }),
    ("a volume that is being modified", || {
        changed(3, |w| {
            want(w);
            let begun = Some((OTHER, ModificationState::InProgress));
            attributes(w, 2, OTHER, None, begun);
        })
    }),
    ("a modification that nobody has begun", || {
        changed(1, |w| {
            want(w);
            attributes(w, 0, OTHER, None, None);
        })
    }),
    ("attributes set back while a volume is modified", || {
        changed(1, |w| {
            want(w);
            let begun = Some((FIRST, ModificationState::InProgress));
            attributes(w, 0, OTHER, Some(OTHER), begun);
        })
    }),
    ("attributes that a driver does not give", || {
        changed(3, |w| {
            want(w);
            infeasible(w, 1);
        })
    }),
    (
        "attributes that a driver did not give, and now others",
        || {
            changed(3, |w| {
                want(w);
                infeasible(w, 1);
                w.spec.storage.attributes_class_name = Some(FIRST.into());
            })
        },
    ),
    ("attributes asked for after others were not given", || {
        changed(1, |w| {
            want(w);
            let no = Some((FIRST, ModificationState::Infeasible));
            attributes(w, 0, OTHER, None, no);
        })
    }),
    (
        "attributes that a driver does not give, and more members",
        || {
            changed(3, |w| {
                want(w);
                infeasible(w, 1);
                w.spec.members = 5;
            })
        },
    ),
    ("attributes that are not there, and more members", || {
        changed(1, |w| {
            want(w);
            and_grow(w);
            class(w, None);
        })
    }),
    ("attributes that cannot be read, and more members", || {
        changed(1, |w| {
            want(w);
            and_grow(w);
            w.kube().attributes_classes = Reading::Unknown("forbidden".into());
        })
    }),
    ("attributes of another driver, and more members", || {
        changed(1, |w| {
            want(w);
            and_grow(w);
            class(w, Some("other.csi"));
        })
    }),
    ("attributes of a volume that is of no driver", || {
        changed(3, |w| {
            want(w);
            let volume = claim(w, 2).volume.as_mut();
            volume
                .and_then(Reading::known_mut)
                .expect("a volume")
                .driver = None;
        })
    }),
    ("other attributes, a volume that cannot be read", || {
        changed(3, |w| {
            want(w);
            claim(w, 1).volume = Some(Reading::Unknown("forbidden".into()));
        })
    }),
    ("other attributes while a member is added", || {
        let mut world = on_the_way(1, 3, 3);
        want(&mut world);
        world
    }),
    ("other attributes, and a member that stays down", || {
        changed(3, |w| {
            want(w);
            w.happen(Event::Stuck(2));
        })
    }),
    ("attributes on their way, and a larger volume", || {
        changed(3, |w| {
            want(w);
            want_larger(w);
            let begun = Some((OTHER, ModificationState::Pending));
            attributes(w, 2, OTHER, None, begun);
        })
    }),
];
