//! Another fleet's cluster becomes ours, at a person's word: labels and stamps are written, no process is touched.
//!
//! The lock is taken over first: from then on the other fleet's runs are refused. The StatefulSet is last: what a killed
//! adoption has left is found by what it still says.

use std::time::Duration;

use serde_json::Value;

use super::api::Api;
use super::lock;
use super::names::{self, COMMIT_ANNOTATION};
use super::resource::Resource;
use super::write::Writer;
use super::{Live, now};
use crate::fleet::ClusterSpec;
use crate::import::{NotOurs, Owner, moved};
use crate::state::{Lock, Uid};
use crate::world::PerformError;

/// In this order.
const TAKEN: [Resource; 8] = [
    Resource::Lease,
    Resource::Claim,
    Resource::Pod,
    Resource::ServiceAccount,
    Resource::Service,
    Resource::PodDisruptionBudget,
    Resource::ConfigMap,
    Resource::StatefulSet,
];

/// What stands in the way.
#[derive(Debug, thiserror::Error)]
pub enum AdoptionError {
    #[error("{0}")]
    Unread(String),
    #[error("found no StatefulSet {namespace}/{name}, expected a cluster that runs")]
    Absent { namespace: String, name: String },
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    #[error("found {found}, expected that nothing else acts on it")]
    Acted { found: String, found_by: String },
    #[error("found its lock held by {} since {}, expected nobody at work", .0.who(), .0.renewed)]
    Held(Box<Lock>),
    #[error(
        "{what}: {source}; {done} of {of} objects are taken over, the rest is as it was: run this again"
    )]
    Write {
        what: String,
        done: usize,
        of: usize,
        source: PerformError,
    },
}

/// A cluster that can be taken over, and from whom.
pub struct Adoption {
    api: Api,
    spec: ClusterSpec,
    owner: Owner,
    objects: Vec<(Resource, Value)>,
    deadline: Duration,
}

impl Live {
    /// `None`: it is this cluster's already.
    pub async fn adoption(&self, spec: &ClusterSpec) -> Result<Option<Adoption>, AdoptionError> {
        let unread = AdoptionError::Unread;
        let (context, namespace) = (&spec.id.context, &spec.namespace);
        let api = self.reader(context).await.map_err(unread)?;
        let set = api.get(Resource::StatefulSet, namespace, &spec.name).await;
        let set = set.map_err(|error| unread(error.to_string()))?;
        let set = set.ok_or_else(|| AdoptionError::Absent {
            namespace: namespace.clone(),
            name: spec.name.clone(),
        })?;
        self.nobody_acts(spec).await?;
        let owner = Owner::giving(&set, spec)?;
        if owner == Owner::wanted(spec) {
            return Ok(None);
        }
        let mut objects = Vec::new();
        for resource in TAKEN {
            let found = api.list(resource, namespace, &owner.selector()).await;
            let found = found.map_err(|error| unread(error.to_string()))?;
            objects.extend(found.into_iter().map(|object| (resource, object)));
        }
        for (resource, object) in &objects {
            if *resource == Resource::Lease {
                self.nobody_holds(spec, object).await?;
            }
        }
        Ok(Some(Adoption {
            // Watching a lock takes longer than a read may.
            api: self.reader(context).await.map_err(unread)?,
            spec: spec.clone(),
            owner,
            objects,
            deadline: self.options.act_timeout,
        }))
    }

    /// Free, or past its time by its holder's clock and unchanged for as long as it lasts by ours: a clock that is behind
    /// makes nobody dead.
    async fn nobody_holds(&self, spec: &ClusterSpec, lease: &Value) -> Result<(), AdoptionError> {
        let Some(lock) = lock::lock(lease) else {
            return Ok(());
        };
        if lock.is_expired(now()) {
            tokio::time::sleep(lock::lasts(&lock)).await;
            let unread = AdoptionError::Unread;
            let api = self.reader(&spec.id.context).await.map_err(unread)?;
            let name = names::name(lease);
            let again = api.get(Resource::Lease, &spec.namespace, name).await;
            let again = again.map_err(|error| unread(error.to_string()))?;
            if again.is_none_or(|again| again == *lease) {
                return Ok(());
            }
        }
        Err(AdoptionError::Held(Box::new(lock)))
    }

    /// An autoscaler, an owner, a GitOps tool: whose objects these are is not a person's word to change.
    pub async fn nobody_acts(&self, spec: &ClusterSpec) -> Result<(), AdoptionError> {
        let observed = self.observe_each(&[spec]).await.remove(0);
        let Some(kube) = observed.kube.known() else {
            let why = observed.kube.why_unknown().unwrap_or_default();
            return Err(AdoptionError::Unread(why.to_owned()));
        };
        match kube.actors.first() {
            None => Ok(()),
            Some(actor) => Err(AdoptionError::Acted {
                found: format!(
                    "that {} acts on {}/{}",
                    actor.name,
                    actor.on.kind(),
                    spec.name
                ),
                found_by: actor.name.clone(),
            }),
        }
    }
}

impl Adoption {
    /// Whose it is.
    pub const fn owner(&self) -> &Owner {
        &self.owner
    }

    /// `Pod orders-0`, in the order in which they are taken over.
    pub fn objects(&self) -> impl Iterator<Item = String> {
        self.objects
            .iter()
            .map(|(resource, object)| said(*resource, object))
    }

    /// Each write is bound to the object as it was read: one that has moved since ends it, and it can be run again.
    pub async fn take(self) -> Result<usize, AdoptionError> {
        let of = self.objects.len();
        for (done, (resource, object)) in self.objects.iter().enumerate() {
            let patch = moved(object, &self.spec, &self.owner);
            let writer = Writer {
                client: self.api.client.clone(),
                resource: *resource,
                namespace: &self.spec.namespace,
                name: names::name(object),
                deadline: self.deadline,
            };
            let uid = Uid(names::text(object, "uid").to_owned());
            let written = match resource {
                // A lock is replaced whenever it is written, and whoever may apply may do that.
                Resource::Lease => writer.replace(&handed_over(object, &patch)).await,
                _ => writer.merge(patch, &uid).await,
            };
            written.map_err(|source| AdoptionError::Write {
                what: said(*resource, object),
                done,
                of,
                source,
            })?;
        }
        Ok(of)
    }
}

/// The lock with its new labels, and nobody's: a run of the old fleet that comes back, late as it is, must not find itself
/// in it and go on. A commit of another repository is neither older nor newer than ours.
fn handed_over(lease: &Value, patch: &Value) -> Value {
    let mut lease = lease.clone();
    let labels = patch.pointer("/metadata/labels").and_then(Value::as_object);
    for (label, value) in labels.into_iter().flatten() {
        lease["metadata"]["labels"][label] = value.clone();
    }
    let annotations = lease.pointer_mut("/metadata/annotations");
    if let Some(annotations) = annotations.and_then(Value::as_object_mut) {
        annotations.remove(COMMIT_ANNOTATION);
    }
    let spec = lease.get_mut("spec").and_then(Value::as_object_mut);
    if let Some(spec) = spec {
        spec.remove("holderIdentity");
    }
    lease
}

fn said(resource: Resource, object: &Value) -> String {
    format!("{} {}", resource.kind(), names::name(object))
}
