//! Two things at once, where the first one's refusal must keep the second from being begun.

use reconcile::fleet::{EtcdVersion, TlsSecret};
use reconcile::model;
use reconcile::state::{MemberId, ObjectKind};

use super::cases::{Case, changed, claim, nothing_yet, object, status};
use crate::world::{Event, World};

/// Git wants two members more besides.
fn and_grow(mut world: World) -> World {
    world.spec.members += 2;
    world
}

fn another_minor(world: &mut World) {
    world.spec.version = EtcdVersion::new(3, 7, 3);
    world.spec.image = "registry.example/etcd:v3.7.3".into();
}

fn tls_on(world: &mut World) {
    world.spec.tls.client = Some(TlsSecret {
        secret_name: "orders-client-tls".into(),
        ca_secret_name: "orders-ca".into(),
    });
    model::provide_secrets(&mut world.truth, &world.spec);
}

pub(crate) const HIDDEN: &[Case] = &[
    ("two etcd clusters, and Git wants more members", || {
        and_grow(changed(3, |w| {
            status(w, 2).cluster_id = MemberId(0xbad);
        }))
    }),
    (
        "another cluster answers, and Git wants more members",
        || {
            and_grow(changed(1, |w| {
                let ledger = w.kube().ledger.as_mut().expect("a ledger");
                ledger.cluster_id = Some(MemberId(0xbad));
            }))
        },
    ),
    ("another minor version and more members", || {
        and_grow(changed(1, another_minor))
    }),
    ("an older minor version and more members", || {
        and_grow(changed(1, |w| {
            w.spec.version = EtcdVersion::new(3, 5, 35);
            w.spec.image = "registry.example/etcd:v3.5.35".into();
        }))
    }),
    ("a larger volume and more members", || {
        and_grow(changed(1, |w| {
            w.spec.storage.size = "2Gi".parse().expect("a size");
        }))
    }),
    ("a claim of another size, and more members", || {
        and_grow(changed(1, |w| {
            claim(w, 0).request = "2Gi".parse().expect("a size");
        }))
    }),
    ("pods one after the other, and more members", || {
        and_grow(changed(1, |w| {
            let set = object(w, ObjectKind::StatefulSet);
            set.content["spec"]["podManagementPolicy"] = "OrderedReady".into();
        }))
    }),
    ("TLS switched on, and more members", || {
        and_grow(changed(1, tls_on))
    }),
    ("StatefulSet deleted, and another minor version", || {
        changed(3, |w| {
            w.happen(Event::ObjectDeleted(ObjectKind::StatefulSet));
            another_minor(w);
        })
    }),
    (
        "StatefulSet and a claim deleted, and another minor version",
        || {
            changed(3, |w| {
                w.happen(Event::ClaimDeleted(1));
                w.happen(Event::ObjectDeleted(ObjectKind::StatefulSet));
                another_minor(w);
            })
        },
    ),
    (
        "StatefulSet deleted, a pod stuck, and another minor version",
        || {
            changed(3, |w| {
                w.happen(Event::Stuck(1));
                w.happen(Event::ObjectDeleted(ObjectKind::StatefulSet));
                another_minor(w);
            })
        },
    ),
    ("no quorum, and another minor version", || {
        changed(3, |w| {
            w.happen(Event::Stuck(1));
            w.happen(Event::Stuck(2));
            another_minor(w);
        })
    }),
    ("files and a Service lost before the birth", || {
        nothing_yet(|w| {
            w.run_acts(6);
            w.happen(Event::ObjectDeleted(ObjectKind::ConfigMap));
            w.happen(Event::ObjectDeleted(ObjectKind::ClientService));
        })
    }),
];
