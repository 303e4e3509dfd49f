//! Reading from one API server: consistent, paged, retried until the deadline, and honest about why not.

use std::time::Duration;

use kube::api::ListParams;
use kube::core::Request;
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;

use super::etcd::chain;
use super::resource::Resource;

/// Why something could not be read, in words that fit "not known: …".
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    #[error(
        "{what}: forbidden ({message}); the role that `reconcile render --rbac check` prints allows it"
    )]
    Forbidden { what: String, message: String },
    #[error("{what}: the API server does not accept our credentials ({message})")]
    Unauthorized { what: String, message: String },
    #[error("{what}: {message}")]
    Failed { what: String, message: String },
    #[error("{what}: no answer before the deadline{last}")]
    Deadline { what: String, last: String },
}

/// A client with the deadline of one observation.
#[derive(Clone)]
pub(super) struct Api {
    pub(super) client: kube::Client,
    pub(super) deadline: Instant,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    metadata: PageMeta,
    // `null` is how Go writes an empty list.
    items: Option<Vec<Value>>,
}

#[derive(Default, Deserialize)]
struct PageMeta {
    #[serde(rename = "continue")]
    token: Option<String>,
}

const PAGE: u32 = 500;
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);
/// The continue token has expired: begin again.
const GONE: u16 = 410;

impl Api {
    pub(super) async fn get(
        &self,
        resource: Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, ReadError> {
        let what = format!("get {} {name}", resource.kind());
        let request = Request::new(resource.path(namespace));
        let outcome = self
            .retried(&what, || async {
                let request = request
                    .get(name, &kube::api::GetParams::default())
                    .map_err(kube::Error::BuildRequest)?;
                match self.client.request::<Value>(request).await {
                    Ok(object) => Ok(Some(object)),
                    Err(kube::Error::Api(status)) if status.code == 404 => Ok(None),
                    Err(error) => Err(error),
                }
            })
            .await?;
        Ok(outcome.map(|object| typed(resource, object)))
    }

    /// All pages. No `resourceVersion`: the answer is as new as the request.
    pub(super) async fn list(
        &self,
        resource: Resource,
        namespace: &str,
        selector: &str,
    ) -> Result<Vec<Value>, ReadError> {
        let place = match namespace {
            "" => "all namespaces".to_owned(),
            namespace => namespace.to_owned(),
        };
        let what = format!("list {}s in {place}", resource.kind());
        let request = Request::new(resource.path(namespace));
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut params = ListParams::default().labels(selector).limit(PAGE);
            if let Some(token) = &token {
                params = params.continue_token(token);
            }
            let page = self
                .retried(&what, || async {
                    let request = request.list(&params).map_err(kube::Error::BuildRequest)?;
                    match self.client.request::<Page>(request).await {
                        Err(kube::Error::Api(status)) if status.code == GONE && token.is_some() => {
                            Ok(None)
                        }
                        page => page.map(Some),
                    }
                })
                .await?;
            let Some(page) = page else {
                items.clear();
                token = None;
                continue;
            };
            items.extend(page.items.into_iter().flatten());
            token = page.metadata.token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(items
                    .into_iter()
                    .map(|object| typed(resource, object))
                    .collect());
            }
        }
    }

    async fn retried<T, F, R>(&self, what: &str, read: F) -> Result<T, ReadError>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, kube::Error>>,
    {
        let mut backoff = FIRST_BACKOFF;
        let mut last = String::new();
        loop {
            let error = match tokio::time::timeout_at(self.deadline, read()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => error,
                Err(_) => return Err(too_late(what, &last)),
            };
            let Some(pause) = worth_another(&error, backoff) else {
                return Err(refused(what, &error));
            };
            last = format!("; last: {}", said(&error));
            tracing::debug!(what, error = %said(&error), ?pause, "read again");
            if Instant::now() + pause >= self.deadline {
                return Err(too_late(what, &last));
            }
            tokio::time::sleep(pause).await;
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }
}

fn too_late(what: &str, last: &str) -> ReadError {
    ReadError::Deadline {
        what: what.to_owned(),
        last: last.to_owned(),
    }
}

/// A list's items leave out what the list itself says.
fn typed(resource: Resource, mut object: Value) -> Value {
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), resource.api_version().into());
        map.insert("kind".into(), resource.kind().into());
    }
    object
}

/// How long to wait before this read is tried again; `None`: it would only fail again.
fn worth_another(error: &kube::Error, backoff: Duration) -> Option<Duration> {
    match error {
        kube::Error::Api(status) => {
            let asked = status
                .details
                .as_ref()
                .map_or(0, |details| details.retry_after_seconds);
            let asked = Duration::from_secs(asked.into());
            [429, 500, 502, 503, 504]
                .contains(&status.code)
                .then(|| backoff.max(asked))
        }
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
            Some(backoff)
        }
        _ => None,
    }
}

fn refused(what: &str, error: &kube::Error) -> ReadError {
    let (what, message) = (what.to_owned(), said(error));
    match error {
        kube::Error::Api(status) if status.code == 403 => ReadError::Forbidden { what, message },
        kube::Error::Api(status) if status.code == 401 => ReadError::Unauthorized { what, message },
        _ => ReadError::Failed { what, message },
    }
}

/// The API server's own sentence, or the whole chain of a failed connection.
pub(super) fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.message.is_empty() => {
            format!("HTTP {} {}", status.code, status.reason)
        }
        kube::Error::Api(status) => status.message.clone(),
        other => chain(other),
    }
}
