//! One act on the live world. The ledger is written first; then exactly the act, once.
//!
//! One ownership story: every field of our objects is ours by server-side apply of complete bodies. An act that changes
//! one field of an object (a member's file, `replicas`) applies *what we own of it as it is*, read at that moment, with
//! that field replaced: nothing else of what Git wants can come along with it, and nothing we own is given up. Forced,
//! for that field may be another's by now (`kubectl scale`, `kubectl edit`), and taking it back is what the act is.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::Live;
use super::api::{Api, ReadError};
use super::etcd::{MembershipAct, Seats};
use super::fields;
use super::names::{self, text};
use super::objects::{self, our_fields};
use super::resource::Resource;
use super::seats::Look;
use super::write::{Deletion, Writer, identity};
use crate::decide::{Act, RestartBy};
use crate::fleet::pointer::unescaped;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::manifest;
use crate::state::{
    Content, ETCD_CLUSTER_ANNOTATION, Ledger, ObjectKey, ObjectKind, SERVING_LABEL, Uid,
};
use crate::world::PerformError;

/// One act's surroundings.
pub(super) struct Doing<'a> {
    pub(super) client: kube::Client,
    pub(super) spec: &'a ClusterSpec,
    deadline: Duration,
    pub(super) look: Look,
}

impl Live {
    #[tracing::instrument(level = "info", skip_all, fields(cluster = %spec.id, act = act.verb()))]
    pub(super) async fn do_act(
        &self,
        spec: &ClusterSpec,
        act: &Act,
        ledger: &Ledger,
    ) -> Result<(), PerformError> {
        let opened = self
            .contexts
            .open(&spec.id.context, Instant::now() + self.options.act_timeout)
            .await
            .map_err(|error| PerformError::NotDone(error.to_string()))?;
        let doing = Doing {
            client: opened.client,
            spec,
            deadline: self.options.act_timeout,
            look: self.last_look(spec).await.ok_or_else(|| {
                PerformError::NotDone(format!("{} was not observed before", spec.id))
            })?,
        };
        doing.write_ledger(ledger).await?;
        self.wrote_ledger(spec, ledger).await;
        if matches!(act, Act::TakeSnapshot) {
            let taken = Box::pin(self.take_snapshot(spec, &|_| ())).await;
            return taken.map(|_| ()).map_err(|error| (&error).into());
        }
        if let Some(change) = membership(act) {
            let seats = self.seats_for(spec).await?;
            return change.perform(&seats, doing.deadline).await;
        }
        doing.kube_act(act).await
    }

    async fn seats_for(&self, spec: &ClusterSpec) -> Result<std::sync::Arc<Seats>, PerformError> {
        if let Some(seats) = self.last_seats(spec).await {
            return Ok(seats);
        }
        self.observe_each(&[spec]).await;
        self.last_seats(spec)
            .await
            .ok_or_else(|| PerformError::NotDone("the members' pods cannot be read".to_owned()))
    }
}

/// The acts that go to etcd.
fn membership(act: &Act) -> Option<MembershipAct> {
    Some(match act {
        Act::AddLearner { peer_url, .. } => MembershipAct::AddLearner {
            peer_url: peer_url.clone(),
        },
        Act::Promote { member, .. } => MembershipAct::Promote { member: *member },
        Act::RemoveMember { member, .. } => MembershipAct::Remove { member: *member },
        Act::MoveLeader {
            from, transferee, ..
        } => MembershipAct::MoveLeader {
            from: *from,
            transferee: *transferee,
        },
        _ => return None,
    })
}

/// A server-side apply of a complete body, and what it is about.
struct Update<'a> {
    object: &'a ObjectKey,
    uid: &'a Uid,
    body: &'a Content,
    /// JSON pointers of what differs.
    fields: &'a [String],
    /// Those of them that are taken from persons' tools.
    takes: &'a [String],
}

impl Update<'_> {
    /// A merge patch without the keys of `data` that differ and that the body does not have.
    fn keys_to_remove(&self) -> Option<Value> {
        let keys: Map<String, Value> = self
            .fields
            .iter()
            .filter(|field| self.body.pointer(field).is_none())
            .filter_map(|field| field.strip_prefix("/data/"))
            .map(|key| (unescaped(key).into_owned(), Value::Null))
            .collect();
        (!keys.is_empty()).then(|| json!({"data": keys}))
    }
}

impl Doing<'_> {
    async fn kube_act(&self, act: &Act) -> Result<(), PerformError> {
        match act {
            Act::CreateObject { object, body } => {
                self.writer(object.kind.into(), &object.name)
                    .create(body.tree())
                    .await
            }
            Act::UpdateObject {
                object,
                uid,
                body,
                fields,
                takes,
            } => {
                let update = Update {
                    object,
                    uid,
                    body,
                    fields,
                    takes,
                };
                self.update_object(&update).await
            }
            Act::WriteMemberFile {
                ordinal,
                object,
                uid,
                text,
                ..
            } => self.write_member_file(*ordinal, object, uid, text).await,
            Act::StartMember {
                replicas,
                stateful_set,
                resource_version,
                ..
            }
            | Act::StopMember {
                replicas,
                stateful_set,
                resource_version,
                ..
            }
            | Act::HaltMember {
                replicas,
                stateful_set,
                resource_version,
                ..
            } => self.scale(*replicas, stateful_set, resource_version).await,
            Act::RetainVolume { .. }
            | Act::ReleaseClaim { .. }
            | Act::ExpandClaim { .. }
            | Act::ModifyClaim { .. }
            | Act::DiscardVolume { .. } => self.volume_act(act).await,
            Act::MakeClaim { .. }
            | Act::LendVolume { .. }
            | Act::CopyData { .. }
            | Act::StopCopy { .. }
            | Act::ReturnVolume { .. } => self.copy_act(act).await,
            Act::DeleteObject {
                object,
                uid,
                orphan,
            } => {
                let how = if *orphan {
                    Deletion::Orphaning
                } else {
                    Deletion::Graceful
                };
                self.writer(object.kind.into(), &object.name)
                    .delete(uid, how)
                    .await
            }
            pods_or_members => self.pod_act(pods_or_members).await,
        }
    }

    async fn volume_act(&self, act: &Act) -> Result<(), PerformError> {
        match act {
            Act::RetainVolume {
                volume,
                uid,
                etcd_cluster,
                ..
            } => {
                let whose = etcd_cluster.map(|id| id.to_string());
                let patch = json!({
                    "metadata": {"annotations": {ETCD_CLUSTER_ANNOTATION: whose}},
                    "spec": {"persistentVolumeReclaimPolicy": "Retain"},
                });
                self.writer(Resource::Volume, volume)
                    .merge(patch, uid)
                    .await
            }
            Act::ExpandClaim {
                claim, uid, size, ..
            } => {
                let patch =
                    json!({"spec": {"resources": {"requests": {"storage": size.as_str()}}}});
                self.writer(Resource::Claim, claim).merge(patch, uid).await
            }
            Act::ModifyClaim {
                claim, uid, class, ..
            } => {
                let patch = json!({"spec": {"volumeAttributesClassName": class}});
                self.writer(Resource::Claim, claim).merge(patch, uid).await
            }
            // A volume that is Released and not Retain is deleted by its driver, and then the object.
            Act::DiscardVolume {
                volume,
                uid,
                resource_version,
                ..
            } => {
                // Bound to its version: somebody may take it into use meanwhile.
                let patch = json!({
                    "metadata": {"resourceVersion": resource_version},
                    "spec": {"persistentVolumeReclaimPolicy": "Delete"},
                });
                self.writer(Resource::Volume, volume)
                    .merge(patch, uid)
                    .await
            }
            Act::ReleaseClaim { claim, uid, .. } => {
                self.writer(Resource::Claim, claim)
                    .delete(uid, Deletion::Graceful)
                    .await
            }
            _ => Err(PerformError::Refused(format!(
                "`{}` is about no volume",
                act.verb()
            ))),
        }
    }

    async fn pod_act(&self, act: &Act) -> Result<(), PerformError> {
        match act {
            Act::Drain { ordinal, pod } => self.serve(*ordinal, pod, Value::Null).await,
            Act::Undrain { ordinal, pod } => self.serve(*ordinal, pod, "true".into()).await,
            Act::RestartMember {
                ordinal,
                pod,
                by: RestartBy::Eviction,
            } => {
                let name = self.spec.pod_name(*ordinal);
                self.writer(Resource::Pod, &name).evict(pod).await
            }
            Act::RestartMember { ordinal, pod, .. } => {
                self.delete_pod(*ordinal, pod, Deletion::Graceful).await
            }
            Act::DeletePod {
                ordinal,
                pod,
                force,
            } => {
                let how = if *force {
                    Deletion::Forced
                } else {
                    Deletion::Graceful
                };
                self.delete_pod(*ordinal, pod, how).await
            }
            _ => Err(PerformError::Refused(format!(
                "`{}` is etcd's to perform, not Kubernetes'",
                act.verb()
            ))),
        }
    }

    pub(super) fn writer<'a>(&'a self, resource: Resource, name: &'a str) -> Writer<'a> {
        Writer {
            client: self.client.clone(),
            resource,
            namespace: &self.spec.namespace,
            name,
            deadline: self.deadline,
        }
    }

    /// The body holds what was observed of the members (their files, how many run): it must not take back what has
    /// happened to them since. It is forced only where fields are to be taken over, and then takes exactly those.
    async fn update_object(&self, update: &Update<'_>) -> Result<(), PerformError> {
        let object = update.object;
        let live = self.live(object.kind, &object.name).await?;
        if let Some(what) = self.moved(update, &live) {
            return Err(PerformError::NotDone(format!(
                "{} {}: {what} moved since it was observed",
                object.kind.kind(),
                object.name
            )));
        }
        let mut body = update.body.tree();
        body["metadata"]["resourceVersion"] = text(&live, "resourceVersion").into();
        let writer = self.writer(object.kind.into(), &object.name);
        writer
            .update(body, update.uid, !update.takes.is_empty())
            .await?;
        // An apply gives up only what is ours: a key that another put into a map of ours is taken out by name.
        match update.keys_to_remove() {
            Some(patch) => writer.merge(patch, update.uid).await,
            None => Ok(()),
        }
    }

    /// What of the live object is not as it was when this update was decided on.
    fn moved(&self, update: &Update, live: &Value) -> Option<String> {
        let observed = match update.object.kind {
            ObjectKind::StatefulSet => {
                let replicas = |object: &Value| object.pointer("/spec/replicas").cloned();
                let wanted = replicas(update.body);
                (wanted.is_some() && wanted != replicas(live)).then_some("replicas")
            }
            ObjectKind::ConfigMap => (manifest::member_file::held(self.spec, names::data(live))
                != self.look.member_files)
                .then_some("the members' files"),
            _ => None,
        };
        if let Some(what) = observed {
            return Some(what.to_owned());
        }
        let now = objects::live_object(live, self.spec);
        manifest::differences(update.body.spot(), now.content.spot())
            .into_iter()
            .filter(|difference| !update.takes.contains(&difference.pointer))
            .find_map(|difference| {
                let holder = now.holder(&difference.pointer)?;
                Some(format!("{} (held by {})", difference.pointer, holder.name))
            })
    }

    async fn write_member_file(
        &self,
        ordinal: Ordinal,
        object: &ObjectKey,
        uid: &Uid,
        file: &str,
    ) -> Result<(), PerformError> {
        let live = self.live(object.kind, &object.name).await?;
        let mut body = self.owned(&live, object.kind, &object.name);
        body["data"][names::file_key(self.spec, ordinal)] = file.into();
        // Bound to what the other files were read from.
        body["metadata"]["resourceVersion"] = text(&live, "resourceVersion").into();
        self.writer(object.kind.into(), &object.name)
            .update(body, uid, true)
            .await
    }

    async fn scale(
        &self,
        replicas: u32,
        uid: &Uid,
        resource_version: &str,
    ) -> Result<(), PerformError> {
        let (kind, name) = (ObjectKind::StatefulSet, &self.spec.name);
        let live = self.live(kind, name).await?;
        let found = text(&live, "resourceVersion");
        if found != resource_version {
            return Err(PerformError::NotDone(format!(
                "found StatefulSet {name} at resource version {found}, expected {resource_version}: it has changed since it was observed"
            )));
        }
        let mut body = self.owned(&live, kind, name);
        body["spec"]["replicas"] = replicas.into();
        body["metadata"]["resourceVersion"] = resource_version.into();
        self.writer(kind.into(), name).update(body, uid, true).await
    }

    async fn delete_pod(
        &self,
        ordinal: Ordinal,
        pod: &Uid,
        how: Deletion,
    ) -> Result<(), PerformError> {
        self.writer(Resource::Pod, &self.spec.pod_name(ordinal))
            .delete(pod, how)
            .await
    }

    async fn serve(&self, ordinal: Ordinal, pod: &Uid, label: Value) -> Result<(), PerformError> {
        let patch = json!({"metadata": {"labels": {SERVING_LABEL: label}}});
        self.writer(Resource::Pod, &self.spec.pod_name(ordinal))
            .merge(patch, pod)
            .await
    }

    async fn live(&self, kind: ObjectKind, name: &str) -> Result<Value, PerformError> {
        self.read(kind.into(), name).await?.ok_or_else(|| {
            PerformError::NotDone(format!("found no {} {name}, expected one", kind.kind()))
        })
    }

    pub(super) async fn read(
        &self,
        resource: Resource,
        name: &str,
    ) -> Result<Option<Value>, PerformError> {
        let api = Api {
            client: self.client.clone(),
            deadline: Instant::now() + self.deadline,
        };
        let read = api.get(resource, &self.spec.namespace, name).await;
        read.map_err(|error| match error {
            // Another look would bring the same.
            ReadError::Forbidden(why) => PerformError::Refused(why),
            other => PerformError::NotDone(other.to_string()),
        })
    }

    /// The complete body of what we own of a live object.
    fn owned(&self, live: &Value, kind: ObjectKind, name: &str) -> Value {
        let mut body = identity(kind.into(), &self.spec.namespace, name);
        let owned = our_fields(live).map(|set| fields::extract(&set, live));
        if let Some(Value::Object(owned)) = owned {
            for (key, value) in owned {
                match (key.as_str(), value) {
                    ("metadata", Value::Object(metadata)) => {
                        for (field, value) in metadata {
                            body["metadata"][field] = value;
                        }
                    }
                    (_, value) => body[key] = value,
                }
            }
        }
        body
    }
}
