//! Moments in a cluster's life, each with a name.

use jiff::SignedDuration;
use reconcile::fleet::{EtcdVersion, Ordinal, TlsSecret};
use reconcile::model;
use reconcile::state::{
    Actor, Alarm, AlarmKind, Claim, ClaimPhase, Contents, FieldManager, LiveObject, Member,
    MemberId, MemberStatus, ObjectKind, Pod, Reading, ReleasedVolume, Uid,
};
use serde_json::json;

use crate::world::{End, Event, Part, World};

/// A cluster in sync, and a run that knows nothing.
pub(crate) fn grown(members: u32) -> World {
    let mut world = World::empty(members);
    assert_eq!(world.run(), End::InSync, "{}", world.tale());
    world.pass();
    world.forget();
    world
}

/// A cluster in sync that then changes hands.
pub(crate) fn changed(members: u32, change: impl FnOnce(&mut World)) -> World {
    let mut world = grown(members);
    change(&mut world);
    world
}

pub(crate) fn nothing_yet(change: impl FnOnce(&mut World)) -> World {
    let mut world = World::empty(3);
    change(&mut world);
    world
}

/// So many acts of the way to another size.
pub(crate) fn on_the_way(from: u32, to: u32, acts: usize) -> World {
    changed(from, |w| {
        w.spec.members = to;
        assert_eq!(w.run_acts(acts), None, "{}", w.tale());
    })
}

pub(crate) fn members(world: &mut World) -> &mut Vec<Member> {
    let list = world.truth.etcd.membership.known_mut();
    &mut list.expect("a list").members
}

/// Its node is gone, and its pod waits there to end.
fn strand(world: &mut World, ordinal: u32) {
    world.truth.etcd.statuses.remove(&Ordinal(ordinal));
    let pod = pod(world, ordinal);
    pod.deleting = true;
    pod.node = Some("dead".into());
}

pub(crate) fn status(world: &mut World, ordinal: u32) -> &mut MemberStatus {
    let status = world.truth.etcd.statuses.get_mut(&Ordinal(ordinal));
    status.and_then(Reading::known_mut).expect("it answers")
}

pub(crate) fn pod(world: &mut World, ordinal: u32) -> &mut Pod {
    let pod = world.kube().pods.get_mut(&Ordinal(ordinal));
    pod.expect("a pod")
}

pub(crate) fn claim(world: &mut World, ordinal: u32) -> &mut Claim {
    let claim = world.kube().claims.get_mut(&Ordinal(ordinal));
    claim.expect("a claim")
}

pub(crate) fn object(world: &mut World, kind: ObjectKind) -> &mut LiveObject {
    world.kube().objects.get_mut(&kind).expect("an object")
}

/// A label of it is another, and Argo CD put it there.
pub(crate) fn held_by_argo(world: &mut World, kind: ObjectKind) {
    let live = object(world, kind);
    live.content["metadata"]["labels"]["app.kubernetes.io/component"] = json!("theirs");
    live.managers.push(FieldManager {
        name: "argocd-controller".into(),
        time: None,
        fields: ["/metadata/labels/app.kubernetes.io~1component".to_owned()].into(),
    });
}

/// The list no longer has the member of this seat, by someone's hand.
pub(crate) fn removed_by_hand(world: &mut World, ordinal: u32) {
    let host = format!("//orders-{ordinal}.");
    members(world).retain(|m| !m.peer_urls.iter().any(|u| u.contains(&host)));
    world.truth.etcd.statuses.remove(&Ordinal(ordinal));
}

pub(crate) type Case = (&'static str, fn() -> World);

/// Somebody's doing, and what is not ours.
pub(crate) const STRANGE: &[Case] = &[
    ("suspended in Git", || {
        nothing_yet(|w| w.spec.suspend = true)
    }),
    ("no namespace", || {
        nothing_yet(|w| w.kube().namespace_exists = false)
    }),
    ("two clusters of one name", || {
        nothing_yet(|w| {
            w.kube()
                .claimed_by
                .insert(ObjectKind::ConfigMap, "prod/us-2/orders".into());
        })
    }),
    ("an autoscaler", || {
        changed(1, |w| {
            w.kube().actors.push(Actor {
                name: "HorizontalPodAutoscaler etcd/orders".into(),
                on: ObjectKind::StatefulSet,
                since: None,
            });
        })
    }),
    ("two etcd clusters behind one name", || {
        changed(3, |w| status(w, 2).cluster_id = MemberId(0xbad))
    }),
    ("it lives in another namespace", || {
        nothing_yet(|w| {
            let found = "StatefulSet etcd-old/orders".to_owned();
            w.kube().elsewhere = Reading::Known(vec![found]);
        })
    }),
    ("other namespaces may not be listed", || {
        nothing_yet(|w| w.kube().elsewhere = Reading::Unknown("forbidden".into()))
    }),
    ("a controller holds a Service's field", || {
        changed(1, |w| held_by_argo(w, ObjectKind::ClientService))
    }),
    ("a controller holds the template", || {
        changed(1, |w| held_by_argo(w, ObjectKind::StatefulSet))
    }),
    ("a controller holds a field before the birth", || {
        nothing_yet(|w| {
            w.run_acts(3);
            held_by_argo(w, ObjectKind::ServiceAccount);
        })
    }),
    ("someone's Service of our name", || {
        changed(1, |w| object(w, ObjectKind::ClientService).ours = false)
    }),
    ("no certificates", || {
        nothing_yet(|w| {
            w.spec.tls.client = Some(TlsSecret {
                secret_name: "orders-client-tls".into(),
                ca_secret_name: "orders-ca".into(),
            });
        })
    }),
    ("another cluster answers", || {
        changed(1, |w| {
            let ledger = w.kube().ledger.as_mut().expect("a ledger");
            ledger.cluster_id = Some(MemberId(0xbad));
        })
    }),
    ("peer TLS switched on in Git", || {
        changed(1, |w| {
            for url in members(w).iter_mut().flat_map(|m| &mut m.peer_urls) {
                *url = url.replace("http://", "https://");
            }
        })
    }),
    ("someone's member", || {
        changed(1, |w| {
            members(w).push(Member {
                id: MemberId(9),
                name: "guest".into(),
                peer_urls: vec!["http://guest:2380".into()],
                client_urls: Vec::new(),
                learner: true,
            });
        })
    }),
];

/// Objects and volumes that are gone, half gone or not as they were.
pub(crate) const OBJECTS: &[Case] = &[
    ("StatefulSet deleted", || {
        changed(3, |w| {
            w.happen(Event::ObjectDeleted(ObjectKind::StatefulSet));
        })
    }),
    (
        "StatefulSet deleted, and another minor version in Git",
        || {
            changed(3, |w| {
                w.happen(Event::ObjectDeleted(ObjectKind::StatefulSet));
                w.spec.version = EtcdVersion::new(3, 5, 35);
                w.spec.image = "registry.example/etcd:v3.5.35".into();
            })
        },
    ),
    ("Service being deleted", || {
        changed(1, |w| object(w, ObjectKind::PeerService).deleting = true)
    }),
    ("scaled down by hand", || {
        changed(3, |w| w.happen(Event::Scaled(2)))
    }),
    ("Service deleted", || {
        changed(1, |w| {
            w.happen(Event::ObjectDeleted(ObjectKind::ClientService));
        })
    }),
    ("budget edited", || {
        changed(3, |w| {
            w.happen(Event::ObjectEdited(ObjectKind::PodDisruptionBudget));
        })
    }),
    ("claims without a StatefulSet", || {
        let claims = grown(1).kube().claims.clone();
        nothing_yet(|w| w.kube().claims = claims)
    }),
    ("volumes that may not be listed", || {
        nothing_yet(|w| w.kube().released_volumes = Reading::Unknown("forbidden".into()))
    }),
    ("volumes of an earlier life", || {
        nothing_yet(|w| {
            w.kube().released_volumes = Reading::Known(vec![ReleasedVolume {
                name: "pv-7".into(),
                uid: Uid("pv-7".into()),
                since: None,
                resource_version: String::new(),
                etcd_cluster: None,
                contents: None,
                claim: "data-orders-0".into(),
            }]);
        })
    }),
    ("files lost before the birth", || {
        nothing_yet(|w| {
            w.run_acts(6);
            w.happen(Event::ObjectDeleted(ObjectKind::ConfigMap));
        })
    }),
    ("the node of one of three gone before the birth", || {
        unseen_birth(|w| strand(w, 2))
    }),
    ("the nodes of two of three gone before the birth", || {
        unseen_birth(|w| {
            strand(w, 1);
            strand(w, 2);
        })
    }),
    ("volumes of two of three gone before the birth", || {
        unseen_birth(|w| {
            for ordinal in [0, 2] {
                claim(w, ordinal).phase = ClaimPhase::Lost;
                let words = "Unschedulable: persistentvolumeclaim is Lost";
                pod(w, ordinal).waiting = Some(words.into());
            }
        })
    }),
    ("scaled to nothing before the birth", || {
        nothing_yet(|w| {
            w.run_acts(6);
            w.happen(Event::Scaled(0));
        })
    }),
    ("another commit takes the bootstrap over", || {
        nothing_yet(|w| {
            w.run_acts(5);
            w.happen(Event::Git(1));
        })
    }),
];

/// Git moved something that no table brings about yet.
pub(crate) const CHANGES: &[Case] = &[
    ("another image", || {
        changed(1, |w| w.spec.image = "registry.example/etcd:v3.6.17".into())
    }),
    ("pods one after the other", || {
        changed(1, |w| {
            object(w, ObjectKind::StatefulSet).content["spec"]["podManagementPolicy"] =
                json!("OrderedReady");
        })
    }),
    ("another election timeout", || {
        changed(1, |w| w.spec.etcd.election_timeout_ms = 2000)
    }),
    ("a larger volume", || {
        changed(1, |w| w.spec.storage.size = "2Gi".parse().expect("a size"))
    }),
    ("a claim of another size", || {
        changed(1, |w| claim(w, 0).request = "2Gi".parse().expect("a size"))
    }),
    ("a pod older than its template", || {
        changed(1, |w| pod(w, 0).stamp = Some("of last week".into()))
    }),
];

/// What is refused of Git, and how members come into what is not.
pub(crate) const ROLLS: &[Case] = &[
    ("another minor version", || {
        changed(1, |w| {
            w.spec.version = EtcdVersion::new(3, 7, 3);
            w.spec.image = "registry.example/etcd:v3.7.3".into();
        })
    }),
    ("an older minor version", || {
        changed(1, |w| {
            w.spec.version = EtcdVersion::new(3, 5, 35);
            w.spec.image = "registry.example/etcd:v3.5.35".into();
        })
    }),
    ("TLS switched on", || {
        changed(1, |w| {
            w.spec.tls.client = Some(TlsSecret {
                secret_name: "orders-client-tls".into(),
                ca_secret_name: "orders-ca".into(),
            });
            model::provide_secrets(&mut w.truth, &w.spec);
        })
    }),
    ("a quota of three, its leader in the middle", || {
        changed(3, |w| {
            w.happen(Event::LeaderMoves(1));
            w.spec.etcd.quota = Some("4Gi".parse().expect("a quota"));
        })
    }),
    ("a quota of one that may be down", || {
        changed(1, |w| {
            w.spec.policy.allow_downtime = true;
            w.spec.etcd.quota = Some("4Gi".parse().expect("a quota"));
        })
    }),
    ("a roll, an endpoint that lags", || {
        let mut world = changed(3, |w| {
            w.spec.etcd.quota = Some("4Gi".parse().expect("a quota"));
            w.run_acts(3);
        });
        world.kube().serving.insert(Ordinal(1));
        world
    }),
    ("a typo in the image at the birth, mended", || {
        nothing_yet(|w| {
            w.run_acts(6);
            w.pass();
            w.happen(Event::Stuck(0));
            w.happen(Event::Stuck(1));
            forget_birth(w);
            w.spec.image = "registry.example/mirror/etcd:v3.6.16".into();
        })
    }),
    ("a typo in the class at the birth, mended", || {
        unbound_birth()
    }),
    ("a typo in the class, and a claim that was bound", || {
        let mut world = unbound_birth();
        claim(&mut world, 1).phase = ClaimPhase::Bound;
        world
    }),
    ("a typo in the class, the set gone again", || {
        let mut world = unbound_birth();
        let pods = world.kube().pods.clone();
        world.run_acts(1);
        world.kube().pods = pods;
        world
    }),
];

/// All pods of the first members are there, and no process has come up.
fn unseen_birth(change: impl FnOnce(&mut World)) -> World {
    nothing_yet(|w| {
        w.run_acts(6);
        w.pass();
        forget_birth(w);
        change(w);
    })
}

/// As if no process had come up.
pub(crate) fn forget_birth(w: &mut World) {
    // A world of its own: the laws have seen a cluster in the other.
    let spec = w.spec.clone();
    *w = World::at(w.truth.clone(), spec.members);
    w.spec = spec;
    w.truth.etcd.membership = Reading::Unknown("no pod answers".into());
    w.truth.etcd.alarms = Reading::Unknown("no pod answers".into());
    w.truth.etcd.statuses.clear();
    w.kube().pods.values_mut().for_each(|p| {
        p.waiting = Some("ImagePullBackOff: no such image".into());
        p.ready = false;
    });
    w.kube()
        .claims
        .values_mut()
        .for_each(|c| c.contents = Some(Contents::Empty));
}

/// All claims wait for a class that does not exist; Git says another now.
pub(crate) fn unbound_birth() -> World {
    nothing_yet(|w| {
        w.spec.storage.class_name = Some("typo".into());
        w.run_acts(6);
        w.pass();
        forget_birth(w);
        w.kube().claims.values_mut().for_each(|c| {
            c.phase = ClaimPhase::Pending;
            c.volume = None;
        });
        w.spec.storage.class_name = Some("fast".into());
    })
}

/// From size to size, and killed on the way.
pub(crate) const STORIES: &[Case] = &[
    ("born", || World::empty(3)),
    ("grows", || changed(1, |w| w.spec.members = 3)),
    ("shrinks", || changed(3, |w| w.spec.members = 1)),
    ("shrinks a leader away", || {
        changed(3, |w| {
            w.happen(Event::LeaderMoves(2));
            w.spec.members = 1;
        })
    }),
    ("killed after a drain", || {
        let mut world = on_the_way(3, 1, 2);
        world.forget();
        world
    }),
    ("grows after a drain", || {
        let mut world = on_the_way(3, 1, 2);
        world.happen(Event::Git(3));
        world
    }),
    ("learner no longer wanted", || {
        let mut world = on_the_way(1, 3, 3);
        world.happen(Event::Git(1));
        world
    }),
    ("volume cannot be read", || {
        let mut world = changed(3, |w| {
            w.spec.members = 1;
            w.run_acts(4);
        });
        world.pass();
        world.happen(Event::Blind(Part::Volumes));
        world
    }),
];

/// Members that are down or gone.
pub(crate) const DOWN: &[Case] = &[
    ("one pod restarting", || {
        changed(3, |w| {
            w.kube().pods.remove(&Ordinal(1));
            w.truth.etcd.statuses.remove(&Ordinal(1));
        })
    }),
    ("one pod stuck", || {
        changed(3, |w| w.happen(Event::Stuck(1)))
    }),
    ("no quorum, pods restarting", || {
        changed(3, |w| {
            w.kube().pods.clear();
            w.truth.etcd.statuses.clear();
        })
    }),
    ("no quorum, pods stuck", || {
        changed(3, |w| {
            w.happen(Event::Stuck(1));
            w.happen(Event::Stuck(2));
        })
    }),
    ("a middle member removed by hand", || {
        changed(3, |w| removed_by_hand(w, 1))
    }),
    ("lists that stay apart", || {
        changed(3, |w| {
            w.truth.etcd.disagreement = Some("orders-0 lists 3, orders-1 lists 2".into());
            w.happen(Event::Blind(Part::Membership));
        })
    }),
    ("a claim deleted, and its pod with it", || {
        changed(3, |w| {
            w.happen(Event::ClaimDeleted(1));
            w.happen(Event::PodLost(1));
        })
    }),
    ("a claim deleted under its pod", || {
        changed(3, |w| {
            w.happen(Event::LeaderMoves(1));
            w.happen(Event::ClaimDeleted(1));
        })
    }),
    ("a claim deleted, and then its spare's", || {
        changed(1, |w| {
            w.happen(Event::ClaimDeleted(0));
            w.run_acts(5);
            w.happen(Event::ClaimDeleted(1));
        })
    }),
    ("a claim deleted, its pod on its way out", || {
        changed(3, |w| {
            w.happen(Event::ClaimDeleted(1));
            w.run_acts(7);
            pod(w, 1).deleting = true;
        })
    }),
    ("a replacement, an endpoint that lags", || {
        let mut world = changed(3, |w| {
            w.happen(Event::ClaimDeleted(1));
            w.run_acts(7);
        });
        world.kube().serving.insert(Ordinal(1));
        world
    }),
    ("a middle member removed, its volume unreadable", || {
        let mut world = changed(3, |w| {
            removed_by_hand(w, 1);
            w.run_acts(1);
        });
        world.happen(Event::Blind(Part::Volumes));
        world
    }),
    (
        "a middle member removed, its claim going, its volume unreadable",
        || {
            let mut world = changed(3, |w| {
                removed_by_hand(w, 1);
                w.run_acts(1);
                claim(w, 1).deleting = true;
            });
            world.happen(Event::Blind(Part::Volumes));
            world
        },
    ),
    ("a learner whose claim is deleted", || {
        let mut world = on_the_way(1, 3, 5);
        world.happen(Event::ClaimDeleted(1));
        world
    }),
    ("a learner that never starts", || {
        let mut world = stuck_learner();
        model::pass(&mut world.truth, &world.spec, SignedDuration::from_mins(16));
        world
    }),
    ("a learner with a bad image, mended", || {
        let mut world = stuck_learner();
        world.spec.image = "registry.example/mirror/etcd:v3.6.16".into();
        world
    }),
    ("an old claim still going", || {
        changed(3, |w| {
            removed_by_hand(w, 1);
            w.run_acts(5);
            w.kube().pods.remove(&Ordinal(1));
        })
    }),
    ("a bad image, a pod lost, mended", || {
        changed(3, |w| {
            w.happen(Event::Stuck(1));
            w.spec.image = "registry.example/mirror/etcd:v3.6.16".into();
        })
    }),
    ("a bad image, the quorum lost, mended", || {
        changed(3, |w| {
            w.happen(Event::Stuck(1));
            w.happen(Event::Stuck(2));
            w.spec.image = "registry.example/mirror/etcd:v3.6.16".into();
        })
    }),
    ("a node gone for good", || {
        changed(3, |w| {
            strand(w, 2);
            w.pass();
        })
    }),
    ("no space", || changed(3, |w| raise(w, AlarmKind::NoSpace))),
    ("corrupt", || changed(3, |w| raise(w, AlarmKind::Corrupt))),
];

/// Added, its pod made, and its process never ran.
pub(crate) fn stuck_learner() -> World {
    let mut world = on_the_way(1, 3, 4);
    world.pass();
    world.truth.etcd.statuses.remove(&Ordinal(1));
    let learner = members(&mut world).iter_mut().find(|m| m.learner);
    let learner = learner.expect("a learner");
    learner.name.clear();
    learner.client_urls.clear();
    claim(&mut world, 1).contents = Some(Contents::Empty);
    pod(&mut world, 1).waiting = Some("ImagePullBackOff: no such image".into());
    world
}

pub(crate) fn raise(world: &mut World, kind: AlarmKind) {
    let member = status(world, 1).member_id;
    world.truth.etcd.alarms = Reading::Known(vec![Alarm { member, kind }]);
}
