//! Is this the cluster we think it is, and may we touch it at all?

use std::collections::{BTreeMap, BTreeSet};

use super::held;
use super::procedure::{About, Facts, Focus, Procedure, Row, Then};
use crate::fleet::Ordinal;
use crate::state::{Actor, MemberId};

pub(super) const IDENTITY: Procedure = Procedure {
    name: "identity",
    title: "what runs here is ours, is one cluster, and may be changed",
    source: "etcd-operations.md G12, G14, 2.8 #21; design.md 11",
    subjects: |_| vec![About::Cluster],
    rows: &[
        refusing(
            "suspended",
            "`suspend: true`",
            "a suspended cluster is looked at and left alone",
            |f| f.view.spec.suspend,
            |f| {
                Then::Defer(Facts {
                    code: "suspended",
                    found: format!("suspend is true for {}", f.view.spec.id),
                    unblock: "set suspend to false".into(),
                })
            },
        ),
        refusing(
            "namespace-absent",
            "the namespace does not exist",
            "a namespace belongs to whoever runs the Kubernetes cluster; a wrong name must not make one",
            |f| !f.view.kube.namespace_exists,
            |f| {
                refuse(
                    "namespace-absent",
                    format!("namespace {:?} does not exist", f.view.spec.namespace),
                    format!(
                        "create it (`kubectl create namespace {}`), or correct backend.statefulSet.namespace",
                        f.view.spec.namespace
                    ),
                )
            },
        ),
        refusing(
            "claimed-elsewhere",
            "an object of our name carries another cluster's id",
            "two desired clusters on the same objects would undo each other for ever",
            |f| !f.view.kube.claimed_by.is_empty(),
            |f| {
                refuse(
                    "claimed-elsewhere",
                    format!(
                        "found objects of {} that belong to: {}",
                        f.view.spec.id,
                        join(f.view.kube.claimed_by.values())
                    ),
                    format!(
                        "a cluster that moved in Git leaves its objects to its old id: rename one of the two; where the old one is gone for good, take its objects over (`reconcile import {} --adopt`)",
                        f.view.spec.id
                    ),
                )
            },
        ),
        refusing(
            "another-controller",
            "an object of our names is managed, owned or scaled by something else",
            "two actors on one cluster undo each other, and each one's guards count without the other (G12)",
            |f| !f.view.kube.actors.is_empty(),
            |f| {
                refuse(
                    "another-controller",
                    actors(f),
                    "one of the two must let go: delete the autoscaler, or take these objects out of what the other manages (and off its labels and annotations), then run again".into(),
                )
            },
        ),
        refusing(
            "foreign-object",
            "an object of our name is not ours",
            "someone else's object is never taken over unasked",
            |f| f.view.kube.objects.values().any(|o| !o.ours),
            |f| {
                refuse(
                    "foreign-object",
                    format!(
                        "found objects of our names that are not ours: {}",
                        foreign_objects(f)
                    ),
                    "rename the cluster (backend.statefulSet.name), or remove the objects named"
                        .into(),
                )
            },
        ),
        refusing(
            "secrets-absent",
            "a Secret that the spec names, or a key it must hold, is absent",
            "a pod that waits for a Secret holds its seat and never starts",
            |f| !missing_secrets(f).is_empty(),
            |f| {
                refuse(
                    "secrets-absent",
                    format!(
                        "namespace {:?} lacks {}",
                        f.view.spec.namespace,
                        missing_secrets(f).join(", ")
                    ),
                    "create the Secrets first; reconcile reads them and never writes one".into(),
                )
            },
        ),
        refusing(
            "split-brain",
            "members that answer belong to more than one etcd cluster",
            "each of them takes writes that the other never sees: whatever is done next loses one side's",
            |f| clusters_said(f).len() > 1,
            |f| {
                refuse(
                    "split-brain",
                    format!("found {} etcd clusters behind one name: {}", clusters_said(f).len(), who_says_what(f)),
                    "stop the clients, snapshot every member, and decide which cluster keeps the name; then stop the members of the other and remove their claims".into(),
                )
            },
        ),
        refusing(
            "another-cluster",
            "the etcd cluster ID is not the one the ledger notes",
            "one cluster ID per cluster for ever: another one means that data was lost or that this is split brain",
            |f| noted_and_found(f).is_some_and(|(noted, found)| noted != found),
            |f| {
                let (noted, found) = noted_and_found(f).unwrap_or_default();
                refuse(
                    "another-cluster",
                    format!("found etcd cluster {found}, expected {noted}"),
                    "stop here: find out which of the two holds the data before anything is changed".into(),
                )
            },
        ),
        refusing(
            "peer-tls-switched",
            "members are listed under our hosts with the other URL scheme",
            "peer URLs never change in a cluster's life",
            |f| {
                f.view
                    .foreign_members()
                    .any(|m| other_scheme(f, &m.peer_urls))
            },
            |f| {
                refuse(
                "not-yet-possible",
                format!("peer TLS of a running cluster: members are listed as {}", join(f.view.foreign_members().flat_map(|m| &m.peer_urls))),
                "put tls.peer back as it was; switching it on a running cluster is not yet possible".into(),
            )
            },
        ),
        refusing(
            "foreign-member",
            "the list holds a member whose URL belongs to no ordinal",
            "it is a migration under way or somebody's member, and must not be shrunk away (2.8 #21)",
            |f| f.view.foreign_members().next().is_some(),
            |f| {
                refuse(
                    "foreign-member",
                    format!(
                        "found members that no ordinal owns: {}",
                        join(f.view.foreign_members().flat_map(|m| &m.peer_urls))
                    ),
                    "finish the move it belongs to, or remove it by hand (`etcdctl member remove`)"
                        .into(),
                )
            },
        ),
    ],
};

const fn refusing(
    name: &'static str,
    observed: &'static str,
    why: &'static str,
    when: fn(&Focus) -> bool,
    then: fn(&Focus) -> Then,
) -> Row {
    Row {
        name,
        observed,
        step: "refuse",
        why,
        guards: &[],
        undo: "",
        when,
        then,
        hides: true,
    }
}

fn refuse(code: &'static str, found: String, unblock: String) -> Then {
    Then::Refuse(Facts {
        code,
        found,
        unblock,
    })
}

fn join<'a>(items: impl Iterator<Item = &'a String>) -> String {
    items
        .map(String::as_str)
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect::<Vec<_>>()
        .join(", ")
}

fn foreign_objects(f: &Focus) -> String {
    let foreign = f.view.kube.objects.iter().filter(|(_, o)| !o.ours);
    let names: Vec<String> = foreign
        .map(|(kind, _)| f.view.object_key(*kind).to_string())
        .collect();
    names.join(", ")
}

/// `HorizontalPodAutoscaler etcd/orders on StatefulSet/orders since … (17 h)`, for each.
fn actors(f: &Focus) -> String {
    let one = |actor: &Actor| {
        let object = f.view.object_key(actor.on);
        let since = held::since(f.view.now(), actor.since);
        format!("{} acts on {object}{since}", actor.name)
    };
    let all: Vec<String> = f.view.kube.actors.iter().map(one).collect();
    all.join("; ")
}

/// Each etcd cluster that a member names, and the seats that name it.
fn clusters_said(f: &Focus) -> BTreeMap<MemberId, Vec<Ordinal>> {
    let mut said: BTreeMap<MemberId, Vec<Ordinal>> = BTreeMap::new();
    for (ordinal, status) in &f.view.observed.etcd.statuses {
        if let Some(status) = status.known() {
            said.entry(status.cluster_id).or_default().push(*ordinal);
        }
    }
    said
}

fn who_says_what(f: &Focus) -> String {
    let noted = f.view.kube.ledger.as_ref().and_then(|l| l.cluster_id);
    let one = |(id, seats): (MemberId, Vec<Ordinal>)| {
        let seats: Vec<String> = seats.iter().map(ToString::to_string).collect();
        let members = if seats.len() == 1 {
            "member"
        } else {
            "members"
        };
        let ours = if noted == Some(id) {
            ", the one that the ledger notes"
        } else {
            ""
        };
        format!("{id} by {members} {}{ours}", seats.join(", "))
    };
    let all: Vec<String> = clusters_said(f).into_iter().map(one).collect();
    all.join("; ")
}

fn noted_and_found(f: &Focus) -> Option<(String, String)> {
    let noted = f.view.kube.ledger.as_ref()?.cluster_id?;
    let found = f.view.membership()?.cluster_id;
    Some((noted.to_string(), found.to_string()))
}

fn other_scheme(f: &Focus, urls: &[String]) -> bool {
    urls.iter().any(|url| {
        let swapped = match url.split_once("://") {
            Some(("http", rest)) => format!("https://{rest}"),
            Some((_, rest)) => format!("http://{rest}"),
            None => return false,
        };
        f.view.spec.ordinal_of_peer_url(&swapped).is_some()
    })
}

/// `secret` or `secret key`, for each that the spec needs and the namespace lacks.
fn missing_secrets(f: &Focus) -> Vec<String> {
    let spec = f.view.spec;
    let pairs = spec.tls.client.iter().chain(&spec.tls.peer).flat_map(|t| {
        [
            (&t.secret_name, "tls.crt"),
            (&t.secret_name, "tls.key"),
            (&t.ca_secret_name, "ca.crt"),
        ]
    });
    let client = spec.access.client_cert_secret_name.iter();
    let login = spec.access.credentials_secret_name.iter();
    pairs
        .chain(client.flat_map(|s| [(s, "tls.crt"), (s, "tls.key")]))
        .chain(login.flat_map(|s| [(s, "username"), (s, "password")]))
        .filter_map(|(secret, key)| match f.view.kube.secrets.get(secret) {
            Some(Some(keys)) if keys.contains(key) => None,
            Some(Some(_)) => Some(format!("key {key:?} of Secret {secret:?}")),
            Some(None) | None => Some(format!("Secret {secret:?}")),
        })
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect()
}
