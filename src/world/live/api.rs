//! Reading from one API server: consistent, paged, retried until the deadline, and honest about why not.

use std::fmt;
use std::panic::resume_unwind;
use std::time::Duration;

use bytes::Bytes;
use http::{Request as HttpRequest, header};
use http_body_util::BodyExt as _;
use kube::api::ListParams;
use kube::client::{AuthError, Body};
use kube::core::{Request, Status};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::cause::{Handshake, chain, find, handshake};
use super::items::Item;
use super::resource::Resource;
use crate::manifest::rbac;
use crate::world::json;

/// Why something could not be read, in words that fit "not known: …". Each begins with the fault's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ReadError {
    #[error("{0}")]
    Forbidden(String),
    #[error(
        "credentials-rejected: found that the API server does not accept our credentials to {what} ({message}), expected ones that are valid; they may have expired: log in again, or mend this context's user in the kubeconfig"
    )]
    Unauthorized { what: String, message: String },
    #[error(
        "credentials-failed: found no credentials to {what} ({message}), expected this context's user to yield some; mend the user in the kubeconfig"
    )]
    Credentials { what: String, message: String },
    #[error("object-unreadable: {what}: {message}")]
    Failed { what: String, message: String },
    #[error(
        "api-refused: found that the API server refuses to {what} ({message}), expected it to answer; is it Kubernetes 1.33 or newer?"
    )]
    Refused { what: String, message: String },
    #[error(
        "api-untrusted: found a TLS handshake with the API server that fails ({message}), expected the certificate that this context's kubeconfig trusts; mend `server` or `certificate-authority-data` there"
    )]
    Untrusted { message: String },
    #[error(
        "api-away: found no answer from the API server before the deadline when asked to {what}{last}, expected one; see that it runs and can be reached from here"
    )]
    Deadline { what: String, last: String },
    #[error(
        "api-throttled: found the API server too busy until the deadline when asked to {what}{last}, expected an answer; run again when it has less to do"
    )]
    Throttled { what: String, last: String },
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
    items: Option<Vec<Item>>,
}

#[derive(Default, Deserialize)]
struct PageMeta {
    #[serde(rename = "continue")]
    token: Option<String>,
}

/// How much of each object a LIST shows.
#[derive(Clone, Copy)]
pub(super) enum Shown {
    Whole,
    /// `PartialObjectMetadata`: the rest is not even sent.
    Metadata,
}

const PAGE: u32 = 500;
/// A body of so many bytes takes longer to parse than to hand to another thread.
const LARGE: usize = 32 * 1024;
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
        let asked = Asked {
            resource,
            namespace,
            name,
        };
        let request = Request::new(resource.path(namespace));
        let outcome = self
            .retried(&asked, || async {
                let request = request
                    .get(name, &kube::api::GetParams::default())
                    .map_err(kube::Error::BuildRequest)?;
                match self.ask::<Value>(request).await {
                    Ok(object) => Ok(Some(object)),
                    Err(Unread {
                        error: kube::Error::Api(status),
                        ..
                    }) if status.code == 404 => Ok(None),
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
        let params = ListParams::default().labels(selector);
        self.pages(resource, namespace, params, Shown::Whole).await
    }

    /// Events whose fields are these.
    pub(super) async fn events(
        &self,
        namespace: &str,
        fields: &str,
    ) -> Result<Vec<Value>, ReadError> {
        let params = ListParams::default().fields(fields);
        self.pages(Resource::Event, namespace, params, Shown::Whole)
            .await
    }

    /// As much of each object as is asked for.
    pub(super) async fn pages(
        &self,
        resource: Resource,
        namespace: &str,
        select: ListParams,
        shown: Shown,
    ) -> Result<Vec<Value>, ReadError> {
        let asked = Asked {
            resource,
            namespace,
            name: "",
        };
        let request = Request::new(resource.path(namespace));
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let mut params = select.clone().limit(PAGE);
            if let Some(token) = &token {
                params = params.continue_token(token);
            }
            let page = self
                .retried(&asked, || async {
                    let request = match shown {
                        Shown::Whole => request.list(&params),
                        Shown::Metadata => request.list_metadata(&params),
                    };
                    let request = request.map_err(kube::Error::BuildRequest)?;
                    match self.ask::<Page>(request).await {
                        Err(Unread {
                            error: kube::Error::Api(status),
                            ..
                        }) if status.code == GONE && token.is_some() => Ok(None),
                        page => page.map(Some),
                    }
                })
                .await?;
            let Some(page) = page else {
                if Instant::now() >= self.deadline {
                    let last = "; last: its list expired before it was read to the end";
                    return Err(too_late(&asked, last.to_owned(), None));
                }
                items.clear();
                token = None;
                continue;
            };
            items.extend(page.items.into_iter().flatten());
            token = page.metadata.token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(items
                    .into_iter()
                    .map(|Item(object)| typed(resource, object))
                    .collect());
            }
        }
    }

    /// In a task of its own, which ends with the look that asks: a handshake is work, and so is an answer that comes
    /// compressed, and whoever waits for many would do all of it on one core.
    async fn ask<T: DeserializeOwned + Send + 'static>(
        &self,
        request: HttpRequest<Vec<u8>>,
    ) -> Result<T, Unread> {
        let mut task = JoinSet::new();
        task.spawn(answer(self.client.clone(), request).in_current_span());
        let ended = task.join_next().await.expect("a task was spawned");
        ended.unwrap_or_else(|died| match died.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(cut_off) => Err(kube::Error::Service(cut_off.into()).into()),
        })
    }

    async fn retried<T, F, R>(&self, asked: &Asked<'_>, read: F) -> Result<T, ReadError>
    where
        F: Fn() -> R,
        R: Future<Output = Result<T, Unread>>,
    {
        let mut backoff = FIRST_BACKOFF;
        let (mut last, mut code) = (String::new(), None);
        loop {
            let unread = match tokio::time::timeout_at(self.deadline, read()).await {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(unread)) => unread,
                Err(_) => return Err(too_late(asked, last, code)),
            };
            let Some(pause) = unread.worth_another(backoff) else {
                return Err(unread.refused(asked));
            };
            last = unread.last();
            code = unread.code();
            tracing::debug!(what = %asked, last, ?pause, "read again");
            if Instant::now() + pause >= self.deadline {
                return Err(too_late(asked, last, code));
            }
            tokio::time::sleep(pause).await;
            backoff = (backoff * 2).min(LONGEST_BACKOFF);
        }
    }
}

/// What kube's own `request` does, but that it keeps `Retry-After`: a busy API server says so there and nowhere else.
async fn answer<T: DeserializeOwned + Send + 'static>(
    client: kube::Client,
    request: HttpRequest<Vec<u8>>,
) -> Result<T, Unread> {
    let (path, begun) = (request.uri().path().to_owned(), Instant::now());
    let answer = client.send(request.map(Body::from)).await?;
    let code = answer.status();
    tracing::debug!(path, status = code.as_u16(), after = ?begun.elapsed(), "read");
    let after = answer.headers().get(header::RETRY_AFTER);
    let retry_after = after
        .and_then(|after| after.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let body = answer.into_body().collect().await?.to_bytes();
    if code.is_success() {
        return Ok(parsed(body).await.map_err(kube::Error::SerdeError)?);
    }
    let status = serde_json::from_slice::<Status>(&body).unwrap_or_else(|_| {
        // A proxy's page, or API Priority and Fairness, which answers in plain text.
        let text = String::from_utf8_lossy(&body);
        let first = text.lines().next().unwrap_or_default();
        let first = first.trim().trim_end_matches('.');
        Status::failure(first, code.canonical_reason().unwrap_or_default()).with_code(code.as_u16())
    });
    Err(Unread {
        error: kube::Error::Api(status.boxed()),
        retry_after,
    })
}

/// Lists of a fleet are megabytes: they are parsed beside each other, while the next are still on the wire. By no more
/// threads than there are cores, for each that parses keeps memory of its own.
async fn parsed<T: DeserializeOwned + Send + 'static>(body: Bytes) -> serde_json::Result<T> {
    if body.len() < LARGE {
        return json::read(&body);
    }
    let (done, parsed) = oneshot::channel();
    rayon::spawn(move || {
        // Whoever does not wait any more has no use for it.
        let _ = done.send(json::read(&body));
    });
    let parsed = parsed.await;
    parsed.unwrap_or_else(|died| Err(serde::de::Error::custom(died)))
}

/// The same request may be answered another time.
pub(super) fn passes(error: &kube::Error) -> bool {
    let for_good = handshake(error).is_some() || find::<AuthError>(error).is_some();
    match error {
        kube::Error::Api(status) => [429, 500, 502, 503, 504].contains(&status.code),
        kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => {
            !for_good
        }
        _ => false,
    }
}

/// A read that failed, and when the API server wants it again.
struct Unread {
    error: kube::Error,
    retry_after: Option<Duration>,
}

impl<E: Into<kube::Error>> From<E> for Unread {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            retry_after: None,
        }
    }
}

impl Unread {
    fn code(&self) -> Option<u16> {
        match &self.error {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        }
    }

    /// How long to wait before this read is tried again; `None`: it would only fail again.
    fn worth_another(&self, backoff: Duration) -> Option<Duration> {
        let details = match &self.error {
            kube::Error::Api(status) => status.details.as_ref(),
            _ => None,
        };
        let asked = details.map_or(0, |details| details.retry_after_seconds);
        let asked = Duration::from_secs(asked.into()).max(self.retry_after.unwrap_or_default());
        passes(&self.error).then(|| backoff.max(asked))
    }

    fn last(&self) -> String {
        let code = self.code().map_or_else(String::new, |c| format!("{c} "));
        let asked = self.retry_after.map_or_else(String::new, |after| {
            format!(", come back in {} s", after.as_secs())
        });
        format!("; last: {code}{}{asked}", said(&self.error))
    }

    fn refused(&self, asked: &Asked) -> ReadError {
        let (what, message) = (asked.to_string(), said(&self.error));
        if let Some((kind, message)) = handshake(&self.error) {
            return match kind {
                Handshake::NotLetIn => ReadError::Unauthorized { what, message },
                _ => ReadError::Untrusted { message },
            };
        }
        if find::<AuthError>(&self.error).is_some() {
            return ReadError::Credentials { what, message };
        }
        match self.code() {
            Some(403) => ReadError::Forbidden(rbac::forbidden(&asked.wanted(), &message)),
            Some(401) => ReadError::Unauthorized { what, message },
            Some(_) => ReadError::Refused { what, message },
            None => ReadError::Failed { what, message },
        }
    }
}

fn too_late(asked: &Asked, last: String, code: Option<u16>) -> ReadError {
    let what = asked.to_string();
    match code {
        Some(429) => ReadError::Throttled { what, last },
        _ => ReadError::Deadline { what, last },
    }
}

/// One reading, as a role has it: `get pods/orders-0 in namespace etcd`. Without a name it is a list.
struct Asked<'a> {
    resource: Resource,
    namespace: &'a str,
    name: &'a str,
}

impl Asked<'_> {
    fn wanted(&self) -> rbac::Wanted<'_> {
        let namespaced = self.resource.namespaced();
        rbac::Wanted {
            verb: if self.name.is_empty() {
                rbac::Verb::List
            } else {
                rbac::Verb::Get
            },
            group: self.resource.group(),
            resource: self.resource.plural(),
            namespace: if namespaced { self.namespace } else { "" },
            name: self.name,
        }
    }
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.wanted())
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

/// The API server's own sentence, or the whole chain of a failed connection.
pub(super) fn said(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.message.is_empty() => {
            format!("HTTP {} {}", status.code, status.reason)
        }
        kube::Error::Api(status) => status.message.clone(),
        other => match (find::<AuthError>(other), other) {
            (Some(auth), _) => credentials(auth),
            (None, kube::Error::Service(error)) => chain(&**error),
            (None, other) => chain(other),
        },
    }
}

const LONGEST_LINE: usize = 200;

/// Never what an exec plugin printed: where it succeeds that is a token.
pub(super) fn credentials(error: &AuthError) -> String {
    match error {
        AuthError::AuthExecRun { out, .. } => {
            let text = String::from_utf8_lossy(&out.stderr);
            let line = text.lines().rfind(|line| !line.trim().is_empty());
            let line: String = line
                .unwrap_or_default()
                .trim()
                .chars()
                .take(LONGEST_LINE)
                .collect();
            let colon = if line.is_empty() { "" } else { ": " };
            format!("its exec plugin ended with {}{colon}{line}", out.status)
        }
        AuthError::AuthExecStart(why) => format!("its exec plugin cannot be started: {why}"),
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "what its exec plugin printed is no ExecCredential with a status".to_owned()
        }
        other => chain(other),
    }
}
