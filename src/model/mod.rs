//! How the world answers a step: Kubernetes' controllers, kubelet and etcd, as far as our steps meet them.
//!
//! Shared by `plan` (a copy of the observation), the sandbox (kept in a file) and the property tests. The model moves an
//! [`Observation`] itself, so that what it says is in the same words as what the live world says.

mod act;
mod controllers;
mod etcd;
#[cfg(test)]
pub(crate) mod example;
mod offline;
mod quota;
mod snapshot;

use jiff::{SignedDuration, Timestamp};

use crate::decide::{Act, Condition};
use crate::fleet::{ClusterId, ClusterSpec, Ordinal};
use crate::state::{Claim, Etcd, Kube, Ledger, ModificationState, Node, Observation, Reading, Uid};

pub use snapshot::{provide_store, take_snapshot};

/// Why the model would not do an act: the answer the real world would give.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// A precondition (UID, resourceVersion, member ID) does not hold.
    #[error("conflict: {0}")]
    Conflict(String),
    /// etcd's own words.
    #[error("etcdserver: {0}")]
    Etcd(&'static str),
}

/// A Kubernetes cluster that was read and in which nothing of this etcd cluster is.
pub fn empty(cluster: ClusterId, at: Timestamp) -> Observation {
    Observation {
        cluster,
        at,
        backup: None,
        past: None,
        kube: Reading::Known(Kube {
            cluster_uid: "model".into(),
            namespace_exists: true,
            objects: std::collections::BTreeMap::new(),
            stateful_set: None,
            pods: std::collections::BTreeMap::new(),
            claims: std::collections::BTreeMap::new(),
            copies: std::collections::BTreeMap::new(),
            member_files: std::collections::BTreeMap::new(),
            serving: std::collections::BTreeSet::new(),
            released_volumes: Reading::Known(Vec::new()),
            secrets: std::collections::BTreeMap::new(),
            certificates: std::collections::BTreeMap::new(),
            ledger: None,
            lock: None,
            claimed_by: std::collections::BTreeMap::new(),
            elsewhere: Reading::Known(Vec::new()),
            nodes: Reading::Known(std::collections::BTreeMap::from([(
                NODE.into(),
                model_node(),
            )])),
            storage_classes: Reading::Known(std::collections::BTreeMap::new()),
            attributes_classes: Reading::none_asked(),
            quotas: Reading::Known(Vec::new()),
            actors: Vec::new(),
            obstacles: std::collections::BTreeMap::new(),
        }),
        etcd: Etcd {
            membership: Reading::Unknown(NO_POD.into()),
            disagreement: None,
            barred: None,
            statuses: std::collections::BTreeMap::new(),
            alarms: Reading::Unknown(NO_POD.into()),
        },
    }
}

/// The one node that every pod of the model runs on.
const NODE: &str = "model";

const fn model_node() -> Node {
    Node {
        ready: true,
        since: None,
    }
}

const NO_POD: &str = "no pod to ask";

/// The Secrets that `spec` names, as somebody would have made them: the sandbox has no certificate authority.
pub fn provide_secrets(observed: &mut Observation, spec: &ClusterSpec) {
    let keys = |names: &[&str]| Some(names.iter().map(|&k| k.to_owned()).collect());
    let Some(kube) = observed.kube.known_mut() else {
        return;
    };
    for tls in spec.tls.client.iter().chain(&spec.tls.peer) {
        let pair = keys(&["ca.crt", "tls.crt", "tls.key"]);
        kube.secrets.insert(tls.secret_name.clone(), pair.clone());
        kube.secrets.insert(tls.ca_secret_name.clone(), pair);
    }
    if let Some(name) = &spec.access.client_cert_secret_name {
        let pair = keys(&["ca.crt", "tls.crt", "tls.key"]);
        kube.secrets.insert(name.clone(), pair);
    }
    if let Some(name) = &spec.access.credentials_secret_name {
        kube.secrets
            .insert(name.clone(), keys(&["username", "password"]));
    }
}

/// Does one act, with the preconditions the real world checks; nothing that follows by itself.
pub fn perform(
    observed: &mut Observation,
    spec: &ClusterSpec,
    act: &Act,
    ledger: &Ledger,
) -> Result<(), ModelError> {
    if let Some(kube) = observed.kube.known_mut() {
        kube.ledger = Some(ledger.clone());
    }
    let before = quota::count(observed, spec);
    act::perform(observed, spec, act)?;
    quota::recount(observed, spec, &before);
    Ok(())
}

/// Lets as much time pass as a wait for `condition` looks between two observations, and what follows by itself come about.
pub fn advance(observed: &mut Observation, spec: &ClusterSpec, condition: Condition) {
    pass(observed, spec, look_after(spec, condition));
}

/// What passes before it is worth looking at a wait again.
pub fn look_after(spec: &ClusterSpec, condition: Condition) -> SignedDuration {
    match condition {
        Condition::Stable => {
            let timeout = i64::try_from(spec.etcd.election_timeout_ms).unwrap_or(i64::MAX);
            SignedDuration::from_millis(timeout.saturating_mul(10))
        }
        _ => SignedDuration::from_secs(1),
    }
}

/// Lets `span` pass.
pub fn pass(observed: &mut Observation, spec: &ClusterSpec, span: SignedDuration) {
    pass_hindered(observed, spec, span, &Unhindered);
}

/// What keeps the world from going its usual way; by itself nothing does.
pub trait Hinders {
    /// Why the pod of an ordinal cannot run, in the kubelet's or the scheduler's words: an image that cannot be pulled,
    /// a volume that is gone, a node that is.
    fn pod(&self, _: &Kube, _: Ordinal) -> Option<String> {
        None
    }

    /// Whether the class of this claim has a volume for it. `None`: a new one gets its volume at once, and one that was
    /// found without goes on waiting, for nobody here knows what its provisioner waits for.
    fn has_room(&self, _: &Claim) -> Option<bool> {
        None
    }

    /// The driver does not give this claim what it asks for beyond what it has.
    fn is_stunted(&self, _: &Claim) -> bool {
        false
    }

    /// What the driver makes of the attributes that this claim asks for; `None`: it gives them.
    fn modification(&self, _: &Claim) -> Option<ModificationState> {
        None
    }

    /// The reclaim policy of the volume that this claim's class gives it.
    fn reclaim_policy(&self, _: &Claim) -> &'static str {
        "Delete"
    }
}

struct Unhindered;

impl Hinders for Unhindered {}

/// Lets `span` pass in a world in which not everything goes as it should.
pub fn pass_hindered(
    observed: &mut Observation,
    spec: &ClusterSpec,
    span: SignedDuration,
    hinders: &dyn Hinders,
) {
    observed.at = observed.at.checked_add(span).unwrap_or(observed.at);
    controllers::settle(observed, spec, hinders);
}

/// A volume has the UID of the claim it was made for, and a name that tells it.
fn volume_name(uid: &Uid) -> String {
    format!("{VOLUME}{uid}")
}

/// The other way round.
pub fn volume_uid(name: &str) -> Uid {
    Uid(name.strip_prefix(VOLUME).unwrap_or(name).to_owned())
}

const VOLUME: &str = "pv-";

/// A UID that this world has not given out before.
fn fresh_uid(observed: &mut Observation) -> Uid {
    let past = observed.past.get_or_insert_default();
    if let Some(kube) = observed.kube.known() {
        let objects = kube.objects.values().map(|o| &o.uid);
        let pods = kube.pods.values().map(|p| &p.uid);
        let claims = kube.claims.values().map(|c| &c.uid);
        let lent = kube
            .copies
            .values()
            .filter_map(|c| Some(&c.claim.as_ref()?.uid));
        let used = objects.chain(pods).chain(claims).chain(lent);
        let number = |uid: &Uid| uid.0.strip_prefix("model-")?.parse::<u64>().ok();
        let next = used.filter_map(number).max().map_or(0, |n| n + 1);
        past.next_uid = past.next_uid.max(next);
    }
    let uid = Uid(format!("model-{}", past.next_uid));
    past.next_uid += 1;
    uid
}

/// Keeps how far the processes that run have come, for those that start when none of them does.
pub fn remember(observed: &mut Observation) {
    let past = observed.past.get_or_insert_default();
    for status in observed.etcd.statuses.values().filter_map(Reading::known) {
        past.term = past.term.max(status.term);
        past.index = past.index.max(status.index);
        past.revision = past.revision.max(status.revision);
    }
}
