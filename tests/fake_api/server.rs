//! An API server of a hundred lines: objects by path, resource versions, and failures on demand.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::ACCEPT;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use reconcile::fleet::ClusterSpec;
use reconcile::manifest::rbac::Mode;
use serde_json::{Value, json};

use super::fixture;
use super::rights::{Attributes, Roles};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// The form that is asked for.
    pub(crate) accept: String,
    pub(crate) body: Value,
}

struct Inner {
    /// What the fleet's documents say, and which identity asks: they make the roles.
    specs: Vec<ClusterSpec>,
    mode: Mode,
    roles: Roles,
    /// Who imports administers the namespace, and needs more than either identity has.
    administers: bool,
    allowed: Vec<Attributes>,
    denied: Vec<String>,
    objects: BTreeMap<String, Value>,
    seen: Vec<Seen>,
    failures: Vec<(String, String, u16, usize)>,
    /// Seconds of `Retry-After`, and how often still.
    throttled: (u64, usize),
    /// Continue tokens that are still to be called expired.
    expired: usize,
    conflicts: BTreeMap<String, (String, String)>,
    page: usize,
    version: u64,
}

pub(crate) struct Server {
    inner: Arc<Mutex<Inner>>,
    /// The test's own handle: when it goes, nothing may have been denied.
    guards: bool,
}

impl Clone for Server {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            guards: false,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.guards && !std::thread::panicking() {
            let denied = self.inner().denied.clone();
            assert!(denied.is_empty(), "no line of the table: {denied:#?}");
        }
    }
}

type Answer = Result<Value, (u16, Value)>;

impl Server {
    /// Empty but for its namespaces. It lets in who may look at the cluster of the fixture.
    pub(crate) fn new() -> Self {
        let mut server = Self::unguarded();
        server.guards = true;
        server
    }

    /// For a test that is denied something on purpose.
    pub(crate) fn unguarded() -> Self {
        let (specs, mode) = (vec![fixture::spec()], Mode::Check);
        let inner = Arc::new(Mutex::new(Inner {
            roles: Roles::of(&specs, mode),
            specs,
            mode,
            administers: false,
            allowed: Vec::new(),
            denied: Vec::new(),
            objects: BTreeMap::new(),
            seen: Vec::new(),
            failures: Vec::new(),
            throttled: (0, 0),
            expired: 0,
            conflicts: BTreeMap::new(),
            page: usize::MAX,
            version: 100,
        }));
        let server = Self {
            inner,
            guards: false,
        };
        for (name, uid) in [("kube-system", "the-cluster"), ("etcd", "n")] {
            server.put(
                &format!("/api/v1/namespaces/{name}"),
                json!({"metadata": {"name": name, "uid": uid}}),
            );
        }
        server
    }

    pub(crate) fn client(&self) -> kube::Client {
        let app = Router::new().fallback(answer).with_state(self.clone());
        kube::Client::new(app, "default")
    }

    /// On a port of loopback, for as long as the test's runtime lives.
    pub(crate) async fn serve(&self) -> String {
        let app = Router::new().fallback(answer).with_state(self.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback");
        let address = listener.local_addr().expect("bound");
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .expect("no test panics while it holds this")
    }

    /// The fleet's documents name this cluster.
    pub(crate) fn knows(&self, spec: &ClusterSpec) {
        let mut inner = self.inner();
        if !inner.specs.contains(spec) {
            inner.specs.push(spec.clone());
            inner.roles = Roles::of(&inner.specs, inner.mode);
        }
    }

    /// From now on it is the other identity that asks.
    pub(crate) fn let_apply(&self) {
        let mut inner = self.inner();
        inner.mode = Mode::Apply;
        inner.roles = Roles::of(&inner.specs, inner.mode);
    }

    /// From now on it is an administrator who asks.
    pub(crate) fn let_administer(&self) {
        self.inner().administers = true;
    }

    /// All that was asked and allowed.
    pub(crate) fn allowed(&self) -> Vec<Attributes> {
        self.inner().allowed.clone()
    }

    pub(crate) fn put(&self, path: &str, object: Value) {
        self.inner().objects.insert(path.to_owned(), object);
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        self.inner().objects[path].clone()
    }

    pub(crate) fn page_by(&self, size: usize) {
        self.inner().page = size;
    }

    /// The next `times` requests are answered as API Priority and Fairness does: in plain text.
    pub(crate) fn throttle(&self, retry_after: u64, times: usize) {
        self.inner().throttled = (retry_after, times);
    }

    /// The next `times` continue tokens have expired.
    pub(crate) fn expire(&self, times: usize) {
        self.inner().expired = times;
    }

    /// The next `times` requests of this kind fail; an empty path: any.
    pub(crate) fn fail(&self, method: &str, path: &str, code: u16, times: usize) {
        let failure = (method.to_owned(), path.to_owned(), code, times);
        self.inner().failures.push(failure);
    }

    /// Applies to this object conflict unless they are forced.
    pub(crate) fn conflict(&self, path: &str, field: &str, manager: &str) {
        let conflict = (field.to_owned(), manager.to_owned());
        self.inner().conflicts.insert(path.to_owned(), conflict);
    }

    /// What came of this kind; an empty path: any.
    pub(crate) fn requests(&self, method: &str, path: &str) -> Vec<Seen> {
        let inner = self.inner();
        let matching = inner
            .seen
            .iter()
            .filter(|r| r.method == method && (path.is_empty() || r.path == path));
        matching.cloned().collect()
    }

    /// All that was to change something, in order.
    pub(crate) fn writes(&self) -> Vec<Seen> {
        let inner = self.inner();
        let writing = inner.seen.iter().filter(|r| r.method != "GET");
        writing.cloned().collect()
    }
}

async fn answer(State(server): State<Server>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a small body");
    let seen = Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        accept: accept(&parts).to_owned(),
        body: serde_json::from_slice(&bytes).unwrap_or_default(),
    };
    let mut inner = server.inner();
    inner.seen.push(seen.clone());
    if let (seconds, times @ 1..) = inner.throttled {
        inner.throttled.1 = times - 1;
        return Response::builder()
            .status(StatusCode::TOO_MANY_REQUESTS)
            .header("retry-after", seconds.to_string())
            .body(Body::from("Too many requests, please try again later.\n"))
            .expect("a response");
    }
    let asked = Attributes::of(&parts, inner.objects.contains_key(&seen.path));
    let failed = inner
        .authorize(&asked)
        .or_else(|| inner.failure(&seen, &asked));
    let answer = failed.map_or_else(|| inner.handle(&parts.method, &seen), Err);
    let (code, body) = match answer {
        Ok(body) => (200, shown(&parts, body)),
        Err(failed) => failed,
    };
    Response::builder()
        .status(StatusCode::from_u16(code).expect("a real code"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .expect("a response")
}

fn accept(asked: &Parts) -> &str {
    let accept = asked.headers.get(ACCEPT);
    accept.and_then(|v| v.to_str().ok()).unwrap_or_default()
}

/// What of a list was asked for.
fn shown(asked: &Parts, mut body: Value) -> Value {
    if accept(asked).contains("as=PartialObjectMetadataList") {
        let kind = ("meta.k8s.io/v1", "PartialObjectMetadata");
        for item in body["items"].as_array_mut().into_iter().flatten() {
            let metadata = item["metadata"].take();
            *item = json!({"apiVersion": kind.0, "kind": kind.1, "metadata": metadata});
        }
    }
    body
}

fn status(code: u16, reason: &str, message: &str) -> (u16, Value) {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message
    });
    (code, body)
}

impl Inner {
    fn authorize(&mut self, asked: &[Attributes]) -> Option<(u16, Value)> {
        if self.administers {
            return None;
        }
        for attributes in asked {
            if !self.roles.allow(attributes) {
                let denial = attributes.denial(&self.roles.user);
                self.denied.push(denial.clone());
                return Some(status(403, "Forbidden", &denial));
            }
            self.allowed.push(attributes.clone());
        }
        None
    }

    fn failure(&mut self, seen: &Seen, asked: &[Attributes]) -> Option<(u16, Value)> {
        let (_, _, code, left) = self.failures.iter_mut().find(|(method, path, _, left)| {
            *method == seen.method && (path.is_empty() || *path == seen.path) && *left > 0
        })?;
        *left -= 1;
        if *code == 403 {
            let denial = asked[0].denial(&self.roles.user);
            return Some(status(403, "Forbidden", &denial));
        }
        Some(status(*code, "Test", "as the test asked"))
    }

    fn handle(&mut self, method: &Method, seen: &Seen) -> Answer {
        let existing = self.objects.get(&seen.path).cloned();
        match (method.as_str(), existing) {
            ("GET", Some(object)) => Ok(object),
            ("GET", None) if is_collection(&seen.path) => {
                if self.expired > 0 && seen.query.contains("continue=") {
                    self.expired -= 1;
                    return Err(status(410, "Expired", "the continue token has expired"));
                }
                Ok(self.list(seen))
            }
            ("POST", _) => {
                let name = seen.body["metadata"]["name"].as_str().unwrap_or_default();
                let path = format!("{}/{name}", seen.path);
                if self.objects.contains_key(&path) {
                    return Err(status(409, "AlreadyExists", "already exists"));
                }
                Ok(self.store(&path, seen.body.clone()))
            }
            ("PUT", Some(object)) => {
                precondition(&seen.body, &object)?;
                Ok(self.store(&seen.path, seen.body.clone()))
            }
            ("PATCH", existing) => self.patch(seen, existing.as_ref()),
            ("DELETE", Some(object)) => {
                self.objects.remove(&seen.path);
                Ok(object)
            }
            _ => Err(status(404, "NotFound", "not found")),
        }
    }

    fn patch(&mut self, seen: &Seen, existing: Option<&Value>) -> Answer {
        let mut object = existing
            .cloned()
            .unwrap_or_else(|| json!({"metadata": {"uid": "new", "resourceVersion": "2"}}));
        if existing.is_some() {
            precondition(&seen.body, &object)?;
        }
        if let Some((field, manager)) = self.conflicts.get(&seen.path)
            && !seen.query.contains("force=true")
        {
            let (code, mut body) = status(409, "Conflict", "Apply failed with 1 conflict");
            body["details"] = json!({"causes": [{
                "reason": "FieldManagerConflict", "field": field,
                "message": format!("conflict with \"{manager}\" using v1")
            }]});
            return Err((code, body));
        }
        let version = object["metadata"]["resourceVersion"].clone();
        merge(&mut object, &seen.body);
        // Kept still, so that a test can apply twice.
        object["metadata"]["resourceVersion"] = version;
        self.objects.insert(seen.path.clone(), object.clone());
        Ok(object)
    }

    fn store(&mut self, path: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        self.objects.insert(path.to_owned(), object.clone());
        object
    }

    fn list(&self, seen: &Seen) -> Value {
        let parameter = |name: &str| {
            let pairs = seen
                .query
                .split('&')
                .filter_map(|pair| pair.split_once('='));
            pairs
                .into_iter()
                .find(|(n, _)| *n == name)
                .map(|(_, v)| v.to_owned())
        };
        let selector = parameter("labelSelector").unwrap_or_default();
        let selector = selector
            .replace("%2F", "/")
            .replace("%3D", "=")
            .replace("%2C", ",");
        let items: Vec<&Value> = self
            .objects
            .iter()
            .filter(|(path, _)| is_in(path, &seen.path))
            .map(|(_, object)| object)
            .filter(|object| selected(object, &selector))
            .collect();
        let from: usize = parameter("continue")
            .and_then(|t| t.parse().ok())
            .unwrap_or(0);
        let to = from.saturating_add(self.page).min(items.len());
        let token = if to < items.len() {
            to.to_string()
        } else {
            String::new()
        };
        json!({"kind": "List", "metadata": {"continue": token}, "items": items[from..to]})
    }
}

/// An object's path below a collection's; one without a namespace holds those of all.
fn is_in(path: &str, collection: &str) -> bool {
    let Some((parent, _)) = path.rsplit_once('/') else {
        return false;
    };
    let everywhere = parent.split_once("/namespaces/").and_then(|(root, rest)| {
        let (_, plural) = rest.split_once('/')?;
        Some(format!("{root}/{plural}"))
    });
    parent == collection || everywhere.as_deref() == Some(collection)
}

fn is_collection(path: &str) -> bool {
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let root = if parts[0] == "api" { 2 } else { 3 };
    match parts.get(root..) {
        Some(["namespaces", _, rest @ ..] | rest) => rest.len() == 1,
        None => false,
    }
}

fn selected(object: &Value, selector: &str) -> bool {
    selector
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .all(|(key, value)| object["metadata"]["labels"][key] == value)
}

fn precondition(sent: &Value, object: &Value) -> Result<(), (u16, Value)> {
    for field in ["uid", "resourceVersion"] {
        let (sent, found) = (&sent["metadata"][field], &object["metadata"][field]);
        if !sent.is_null() && sent != found {
            return Err(status(409, "Conflict", "the object has been modified"));
        }
    }
    Ok(())
}

/// JSON merge patch.
pub(crate) fn merge(object: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *object = patch.clone();
        return;
    };
    if !object.is_object() {
        *object = json!({});
    }
    for (key, value) in patch {
        if value.is_null() {
            object.as_object_mut().expect("made one").remove(key);
        } else {
            merge(&mut object[key.as_str()], value);
        }
    }
}
