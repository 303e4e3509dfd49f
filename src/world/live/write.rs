//! Writing to one API server: every request once, bound to what was observed, and a plain word about what became of it.

use std::time::Duration;

use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{self as meta, DeleteOptions, ObjectMeta};
use kube::api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions};
use kube::core::Request;
use serde_json::{Value, json};

use super::api::said;
use super::resource::Resource;
use crate::manifest::FIELD_MANAGER;
use crate::manifest::rbac::{Verb, Wanted, forbidden};
use crate::state::Uid;
use crate::world::PerformError;

/// One object to be written.
#[derive(Clone)]
pub(super) struct Writer<'a> {
    pub(super) client: kube::Client,
    pub(super) resource: Resource,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
    pub(super) deadline: Duration,
}

/// No object has it: the first write to an empty store makes 2. On a server-side apply it means "only if absent".
const NEVER: &str = "1";

impl Writer<'_> {
    /// Creates it by server-side apply, so that every field is ours as later applies know it: fields of a POST belong
    /// to another manager of the same name (operation `Update`), would conflict with our own applies, and could never
    /// be given up. The impossible resource version makes the server refuse where the name is taken.
    pub(super) async fn create(&self, mut body: Value) -> Result<(), PerformError> {
        body["metadata"]["resourceVersion"] = NEVER.into();
        match self.apply(&body, false).await {
            Err(Failure::Api(status)) if status.code == 409 => {
                Err(PerformError::Refused(self.taken()))
            }
            outcome => outcome.map_err(|failure| self.outcome(&failure)),
        }
    }

    fn taken(&self) -> String {
        let (kind, name) = (self.resource.kind(), self.name);
        format!(
            "found a {kind} {name} that this plan did not see, expected none; look at it with `kubectl -n {} get {} {name} -o yaml --show-managed-fields`",
            self.namespace,
            kind.to_lowercase(),
        )
    }

    /// Server-side apply of a complete body to exactly this object.
    pub(super) async fn update(
        &self,
        mut body: Value,
        uid: &Uid,
        force: bool,
    ) -> Result<(), PerformError> {
        body["metadata"]["uid"] = uid.0.clone().into();
        self.apply(&body, force)
            .await
            .map_err(|failure| self.outcome(&failure))
    }

    pub(super) async fn apply(&self, body: &Value, force: bool) -> Result<(), Failure> {
        let mut params = PatchParams::apply(FIELD_MANAGER);
        if force {
            params = params.force();
        }
        self.patch(&params, &Patch::Apply(body)).await
    }

    /// JSON merge patch of a few fields, bound to the object's UID: the server refuses to change that.
    pub(super) async fn merge(&self, mut patch: Value, uid: &Uid) -> Result<(), PerformError> {
        patch["metadata"]["uid"] = uid.0.clone().into();
        let params = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        self.patch(&params, &Patch::Merge(&patch))
            .await
            .map_err(|failure| self.outcome(&failure))
    }

    /// PUT of the whole object as it was read and changed: bound to the UID and the resource version in it.
    pub(super) async fn replace(&self, body: &Value) -> Result<(), PerformError> {
        let params = PostParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PostParams::default()
        };
        let request = serde_json::to_vec(body)
            .map_err(|error| error.to_string())
            .and_then(|body| {
                let request = Request::new(self.resource.path(self.namespace));
                let request = request.replace(self.name, &params, body);
                request.map_err(|error| error.to_string())
            });
        let request = request.map_err(PerformError::Refused)?;
        let sent = self.send(request, Verb::Update, "").await;
        sent.map_err(|failure| self.outcome(&failure))
    }

    /// Gone already is success.
    pub(super) async fn delete(&self, uid: &Uid, how: Deletion) -> Result<(), PerformError> {
        let params = match how {
            Deletion::Graceful => DeleteParams::background(),
            Deletion::Forced => DeleteParams::background().grace_period(0),
            Deletion::Orphaning => DeleteParams::orphan(),
        };
        let params = params.preconditions(bound_to(uid));
        let request = Request::new(self.resource.path(self.namespace))
            .delete(self.name, &params)
            .map_err(|error| PerformError::Refused(error.to_string()))?;
        match self.send(request, Verb::Delete, "").await {
            Err(Failure::Api(status)) if status.code == 404 => Ok(()),
            outcome => outcome.map_err(|failure| self.outcome(&failure)),
        }
    }

    /// By the eviction API: the server weighs it against the PodDisruptionBudget in the same moment. Gone already is
    /// success.
    pub(super) async fn evict(&self, uid: &Uid) -> Result<(), PerformError> {
        // Not kube's own `evict`: it names its options `delete_options`, which no server knows, and the UID would bind nothing.
        let eviction = Eviction {
            metadata: ObjectMeta {
                name: Some(self.name.to_owned()),
                ..ObjectMeta::default()
            },
            delete_options: Some(DeleteOptions {
                preconditions: Some(meta::Preconditions {
                    uid: Some(uid.0.clone()),
                    resource_version: None,
                }),
                ..DeleteOptions::default()
            }),
        };
        let body = serde_json::to_vec(&eviction);
        let body = body.map_err(|error| PerformError::Refused(error.to_string()))?;
        let request = Request::new(self.resource.path(self.namespace))
            .create_subresource("eviction", self.name, &PostParams::default(), body)
            .map_err(|error| PerformError::Refused(error.to_string()))?;
        match self.send(request, Verb::Create, "/eviction").await {
            Err(Failure::Api(status)) if status.code == 404 => Ok(()),
            // The budget's own answer, and not that the server is busy.
            Err(Failure::Api(status)) if status.code == 429 => Err(PerformError::HeldBack(
                format!("{} {}: {}", self.resource.kind(), self.name, status.message),
            )),
            outcome => outcome.map_err(|failure| self.outcome(&failure)),
        }
    }

    async fn patch(&self, params: &PatchParams, patch: &Patch<&Value>) -> Result<(), Failure> {
        let request = Request::new(self.resource.path(self.namespace))
            .patch(self.name, params, patch)
            .map_err(|error| Failure::Unsent(error.to_string()))?;
        self.send(request, Verb::Patch, "").await
    }

    async fn send(
        &self,
        request: http::Request<Vec<u8>>,
        verb: Verb,
        subresource: &str,
    ) -> Result<(), Failure> {
        let sent = self.client.request::<Value>(request);
        match tokio::time::timeout(self.deadline, sent).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
                let wanted = Wanted {
                    verb,
                    group: self.resource.group(),
                    resource: &format!("{}{subresource}", self.resource.plural()),
                    namespace: if self.resource.namespaced() {
                        self.namespace
                    } else {
                        ""
                    },
                    name: self.name,
                };
                Err(Failure::Forbidden(forbidden(&wanted, &status.message)))
            }
            Ok(Err(kube::Error::Api(status))) => Err(Failure::Api(status)),
            Ok(Err(error)) => Err(Failure::Wire(said(&error))),
            Err(_) => Err(Failure::Wire(format!(
                "no answer within {} s",
                self.deadline.as_secs()
            ))),
        }
    }

    pub(super) fn outcome(&self, failure: &Failure) -> PerformError {
        let what = format!("{} {}", self.resource.kind(), self.name);
        match failure {
            Failure::Unsent(why) => PerformError::Refused(format!("{what}: {why}")),
            Failure::Wire(why) => PerformError::Unknown(format!("{what}: {why}")),
            Failure::Forbidden(why) => PerformError::Refused(why.clone()),
            Failure::Api(status) => from_status(&what, status),
        }
    }
}

/// What becomes of what an object owns or runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deletion {
    Graceful,
    /// Without the node's word that the process has ended.
    Forced,
    /// Dependents stay.
    Orphaning,
}

fn bound_to(uid: &Uid) -> Preconditions {
    Preconditions {
        uid: Some(uid.0.clone()),
        resource_version: None,
    }
}

/// Why a write brought no success.
pub(super) enum Failure {
    /// Never left.
    Unsent(String),
    /// Why, and the way out.
    Forbidden(String),
    Api(Box<kube::core::Status>),
    /// It may have arrived.
    Wire(String),
}

/// 4xx is a promise that nothing changed, 5xx is not.
fn from_status(what: &str, status: &kube::core::Status) -> PerformError {
    let conflicts = conflicts(status);
    let message = &status.message;
    match status.code {
        409 if !conflicts.is_empty() => PerformError::Refused(format!(
            "{what}: {}; expected these fields to be ours",
            conflicts.join(", ")
        )),
        // A precondition: the object is another one, or has moved since it was observed. Immutable metadata says the
        // same in other words.
        409 | 404 => PerformError::NotDone(format!("{what}: {message}")),
        422 if message.contains("metadata.uid") => {
            PerformError::NotDone(format!("{what}: {message}"))
        }
        429 => PerformError::NotDone(format!(
            "api-throttled: {what}: the API server is busy ({message})"
        )),
        401 => PerformError::Refused(format!(
            "credentials-rejected: found that the API server does not accept our credentials for {what} ({message}), expected ones that are valid; they may have expired: log in again and run again"
        )),
        code if code < 500 => PerformError::Refused(format!("{what}: {message}")),
        _ => PerformError::Unknown(format!("{what}: {message}")),
    }
}

/// `<field> is held by <manager>` for each conflict of a server-side apply.
fn conflicts(status: &kube::core::Status) -> Vec<String> {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    causes
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| {
            let manager = cause.message.trim_start_matches("conflict with ");
            format!("{} is held by {manager}", cause.field)
        })
        .collect()
}

/// A body that owns nothing but the object's identity.
pub(super) fn identity(resource: Resource, namespace: &str, name: &str) -> Value {
    json!({
        "apiVersion": resource.api_version(),
        "kind": resource.kind(),
        "metadata": {"name": name, "namespace": namespace},
    })
}
