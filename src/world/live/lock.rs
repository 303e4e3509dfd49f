//! The lock: one Lease per cluster, so that one run at a time acts on it.
//!
//! Every change of it carries the resource version it was read at: of two that reach for it one gets a conflict.
//!
//! Taking it leaves the commit that it names: a run which is then refused as older, or which has no commit, must not
//! make the next one forget what was applied here. Ours is written when the run goes ahead.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Api;
use kube::api::PostParams;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::api::{passes, said};
use super::identity::Identity;
use super::names::{self, COMMIT_ANNOTATION};
use super::now;
use crate::fleet::ClusterSpec;
use crate::manifest::{FIELD_MANAGER, rbac};
use crate::state::Lock;
use crate::world;

/// How long a lock outlives its holder.
pub(super) const DURATION: Duration = Duration::from_secs(30);
const RENEW_EVERY: Duration = Duration::from_secs(7);
pub(super) const RETRY_EVERY: Duration = Duration::from_secs(1);
const CALL: Duration = Duration::from_secs(5);

/// Why the lock could not be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    #[error("Lease {name}: {message}")]
    Failed { name: String, message: String },
    /// The same, and it may pass.
    #[error("Lease {name}: {message}")]
    Away { name: String, message: String },
    #[error("Lease {name}: others take it again and again")]
    Lost { name: String },
    #[error(
        "found a Lease {name} without this cluster's labels, expected ours or none; look at it with `kubectl -n {namespace} get lease {name} -o yaml`"
    )]
    Foreign { namespace: String, name: String },
}

/// What asking for the lock brought.
pub enum Acquired {
    Held(Box<Held>),
    /// Still held by another when the time was up.
    HeldBy(Lock),
}

impl From<LockError> for world::LockError {
    fn from(error: LockError) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl From<Lock> for world::LockError {
    fn from(lock: Lock) -> Self {
        Self::Held {
            holder: lock.who().to_owned(),
            renewed: lock.renewed,
        }
    }
}

/// Asks for the cluster's lock until `timeout`.
pub async fn acquire(
    client: kube::Client,
    spec: &ClusterSpec,
    identity: &Identity,
    commit: Option<&str>,
    timeout: Duration,
    kept: world::Kept<'_>,
) -> Result<Acquired, LockError> {
    let asking = Asking {
        leases: Api::namespaced(client, &spec.namespace),
        spec,
        identity,
        commit,
    };
    let deadline = Instant::now() + timeout;
    let mut watched = Watched::default();
    loop {
        let brought = asking.once(&mut watched).await;
        if let Ok(Acquired::Held(held)) = brought {
            return Ok(Acquired::Held(held));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let worth_another = matches!(
            brought,
            Ok(_) | Err(LockError::Away { .. } | LockError::Lost { .. })
        );
        if left.is_zero() || !worth_another {
            return brought;
        }
        match brought {
            Ok(Acquired::HeldBy(lock)) => kept(&lock.into()),
            Err(error) => kept(&error.into()),
            Ok(Acquired::Held(_)) => {}
        }
        tokio::time::sleep(RETRY_EVERY.min(left)).await;
    }
}

/// What one run has seen of a lock that it waits for.
#[derive(Default)]
struct Watched {
    /// A version of the Lease, and since when it is the newest.
    unchanged: Option<(String, Instant)>,
    /// We reached for it and were not answered: if it is ours now, it is by that.
    reached_for: bool,
}

/// The cluster's Lease, if there is one; one that is not this cluster's is an error.
pub(super) async fn read(
    leases: &Api<Lease>,
    spec: &ClusterSpec,
) -> Result<Option<Lease>, LockError> {
    let found = within(leases.get_opt(&spec.name))
        .await
        .map_err(|unmade| unmade.of(spec))?;
    if let Some(lease) = &found {
        let object = json!({"metadata": {"labels": lease.metadata.labels}});
        if !names::is_ours(&object, spec) {
            return Err(LockError::Foreign {
                namespace: spec.namespace.clone(),
                name: spec.name.clone(),
            });
        }
    }
    Ok(found)
}

pub(super) fn failed(spec: &ClusterSpec, message: String) -> LockError {
    LockError::Failed {
        name: spec.name.clone(),
        message,
    }
}

struct Asking<'a> {
    leases: Api<Lease>,
    spec: &'a ClusterSpec,
    identity: &'a Identity,
    commit: Option<&'a str>,
}

impl Asking<'_> {
    async fn once(&self, watched: &mut Watched) -> Result<Acquired, LockError> {
        let lease = read(&self.leases, self.spec).await?;
        let sent = Instant::now();
        let taken = match &lease {
            None => self.create().await,
            Some(lease) if self.may_take(lease, watched) => self.take(lease).await,
            Some(_) => Err(self.lost()),
        };
        watched.reached_for |= matches!(taken, Err(LockError::Away { .. }));
        match (taken, lease.as_ref().and_then(of_lease)) {
            (Ok(taken), _) => {
                let held = self.hold(taken, lease.as_ref(), sent);
                Ok(Acquired::Held(Box::new(held)))
            }
            (Err(LockError::Lost { .. }), Some(holder)) => Ok(Acquired::HeldBy(holder)),
            (Err(error), _) => Err(error),
        }
    }

    /// Another has it, or was faster.
    fn lost(&self) -> LockError {
        LockError::Lost {
            name: self.spec.name.clone(),
        }
    }

    /// Free, its holder known to be dead, or seen unchanged for as long as it lasts by our own clock: what the holder's
    /// clock wrote says nothing, however old it looks from here.
    fn may_take(&self, lease: &Lease, watched: &mut Watched) -> bool {
        let Some(lock) = of_lease(lease) else {
            return true;
        };
        if watched.reached_for && lock.holder == self.identity.to_string() {
            return true;
        }
        if Identity::parse(&lock.holder).is_some_and(|holder| holder.is_dead(self.identity)) {
            return true;
        }
        let lasts = Duration::from_secs(lock.duration.into());
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        match &watched.unchanged {
            Some((seen, since)) if *seen == version => since.elapsed() > lasts,
            _ => {
                watched.unchanged = Some((version, Instant::now()));
                false
            }
        }
    }

    async fn create(&self) -> Result<Lease, LockError> {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.spec.name, "labels": names::labels(self.spec)},
        });
        let mut lease: Lease =
            serde_json::from_value(lease).map_err(|error| failed(self.spec, error.to_string()))?;
        self.write_holder(&mut lease);
        self.settled(within(self.leases.create(&params(), &lease)).await)
    }

    async fn take(&self, lease: &Lease) -> Result<Lease, LockError> {
        let mut lease = lease.clone();
        self.write_holder(&mut lease);
        self.settled(within(self.leases.replace(&self.spec.name, &params(), &lease)).await)
    }

    fn write_holder(&self, lease: &mut Lease) {
        let before = lease.spec.take().unwrap_or_default();
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.identity.to_string()),
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: Some(MicroTime(now())),
            renew_time: Some(MicroTime(now())),
            lease_transitions: Some(before.lease_transitions.unwrap_or(0) + 1),
            ..LeaseSpec::default()
        });
    }

    fn settled(&self, outcome: Result<Lease, Unmade>) -> Result<Lease, LockError> {
        outcome.map_err(|unmade| match unmade.why {
            Why::Conflict => self.lost(),
            _ => unmade.of(self.spec),
        })
    }

    fn hold(&self, taken: Lease, before: Option<&Lease>, sent: Instant) -> Held {
        let state = Arc::new(Mutex::new(State {
            lease: taken,
            until: Until::from(sent),
            records: None,
        }));
        let writing = Arc::default();
        let renewing = tokio::spawn(renew(
            self.leases.clone(),
            self.spec.name.clone(),
            state.clone(),
            Arc::clone(&writing),
        ));
        Held {
            commit: self.commit.map(str::to_owned),
            writing,
            leases: self.leases.clone(),
            name: self.spec.name.clone(),
            previous_commit: before.and_then(commit),
            state,
            renewing,
        }
    }
}

/// The lock while it is ours. Renewed in the background; given back by [`Held::release`], or when dropped.
pub struct Held {
    leases: Api<Lease>,
    name: String,
    commit: Option<String>,
    previous_commit: Option<String>,
    state: Arc<Mutex<State>>,
    /// One renewal at a time: two would conflict with each other.
    writing: Arc<tokio::sync::Mutex<()>>,
    renewing: JoinHandle<()>,
}

struct State {
    lease: Lease,
    until: Until,
    /// The commit that every renewal from now on writes.
    records: Option<String>,
}

/// By two clocks: the monotonic one stands still while a laptop sleeps, the wall clock may be set back.
#[derive(Clone, Copy)]
struct Until {
    monotonic: Instant,
    wall: Timestamp,
}

impl Until {
    /// Counted from before the renewal was sent: the server cannot have counted from earlier.
    fn from(sent: Instant) -> Self {
        let left = DURATION.saturating_sub(sent.elapsed());
        Self {
            monotonic: Instant::now() + left,
            wall: now() + left,
        }
    }

    fn remaining(self) -> Duration {
        let wall = Duration::try_from(self.wall.duration_since(now())).unwrap_or_default();
        self.monotonic
            .saturating_duration_since(Instant::now())
            .min(wall)
    }
}

impl Held {
    /// For how long the lock is surely ours still. Zero once it is lost.
    pub fn remaining(&self) -> Duration {
        locked(&self.state).until.remaining()
    }

    /// The commit of the run that held it before, whenever that was.
    pub fn previous_commit(&self) -> Option<&str> {
        self.previous_commit.as_deref()
    }

    /// Writes this run's commit for the next one to find; a run without one leaves what is there. If the server does
    /// not take it now, each renewal tries again.
    pub async fn record_commit(&self) {
        let Some(commit) = &self.commit else { return };
        locked(&self.state).records = Some(commit.clone());
        let _one_at_a_time = self.writing.lock().await;
        if self.remaining().is_zero() {
            return;
        }
        if let Err(unmade) = renew_once(&self.leases, &self.name, &self.state).await {
            tracing::warn!(
                lease = self.name,
                error = unmade.message,
                "the commit was not recorded yet; the next renewal does"
            );
        }
    }

    /// Gives it back, so that the next run need not wait.
    pub async fn release(self) {
        self.renewing.abort();
        give_back(self.leases.clone(), self.name.clone(), self.state.clone()).await;
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.renewing.abort();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(give_back(
                self.leases.clone(),
                self.name.clone(),
                self.state.clone(),
            ));
        }
    }
}

fn locked(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Only while it is ours: once lost it may be another's.
async fn give_back(leases: Api<Lease>, name: String, state: Arc<Mutex<State>>) {
    let mut lease = {
        let mut state = locked(&state);
        if state.until.remaining().is_zero() {
            return;
        }
        state.until = lost();
        state.lease.clone()
    };
    if let Some(spec) = &mut lease.spec {
        spec.holder_identity = None;
    }
    if let Err(unmade) = within(leases.replace(&name, &params(), &lease)).await {
        tracing::warn!(
            lease = name,
            error = unmade.message,
            "the lock was not given back; it expires"
        );
    }
}

fn lost() -> Until {
    Until {
        monotonic: Instant::now(),
        wall: Timestamp::UNIX_EPOCH,
    }
}

async fn renew_once(leases: &Api<Lease>, name: &str, state: &Mutex<State>) -> Result<(), Unmade> {
    let mut lease = {
        let state = locked(state);
        let mut lease = state.lease.clone();
        if let Some(commit) = &state.records {
            let annotations = lease.metadata.annotations.get_or_insert_default();
            annotations.insert(COMMIT_ANNOTATION.to_owned(), commit.clone());
        }
        lease
    };
    if let Some(spec) = &mut lease.spec {
        spec.renew_time = Some(MicroTime(now()));
    }
    let sent = Instant::now();
    let renewed = within(leases.replace(name, &params(), &lease)).await?;
    let mut state = locked(state);
    state.lease = renewed;
    state.until = Until::from(sent);
    Ok(())
}

async fn renew(
    leases: Api<Lease>,
    name: String,
    state: Arc<Mutex<State>>,
    writing: Arc<tokio::sync::Mutex<()>>,
) {
    let mut pause = RENEW_EVERY;
    loop {
        tokio::time::sleep(pause).await;
        let _one_at_a_time = writing.lock().await;
        match renew_once(&leases, &name, &state).await {
            Ok(()) => pause = RENEW_EVERY,
            Err(Unmade {
                why: Why::Conflict | Why::Gone,
                message: error,
            }) => {
                // Our own renewal may have been lost on its way back; then the lease is ours, one version on.
                let ours = locked(&state).lease.clone();
                let Some(found) = adopt(&leases, &name, &ours).await else {
                    tracing::warn!(lease = name, error, "the lock is lost");
                    locked(&state).until = lost();
                    return;
                };
                locked(&state).lease = found;
                pause = RETRY_EVERY;
            }
            Err(Unmade { message: error, .. }) => {
                tracing::warn!(lease = name, error, "the lock was not renewed");
                pause = RETRY_EVERY;
            }
        }
    }
}

/// The lease as it is now, if it is ours still.
async fn adopt(leases: &Api<Lease>, name: &str, ours: &Lease) -> Option<Lease> {
    let found = within(leases.get(name)).await.ok()?;
    let holder = |lease: &Lease| lease.spec.as_ref()?.holder_identity.clone();
    let same = found.metadata.uid == ours.metadata.uid && holder(&found) == holder(ours);
    same.then_some(found)
}

/// Why a call about a Lease brought nothing.
#[derive(Debug)]
pub(super) struct Unmade {
    pub(super) why: Why,
    pub(super) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Conflict,
    Gone,
    /// No answer, or a server that is not itself just now: what was asked for may have been done.
    Away,
    Refused,
}

impl Unmade {
    pub(super) fn of(self, spec: &ClusterSpec) -> LockError {
        let (name, message) = (spec.name.clone(), self.message);
        match self.why {
            Why::Away => LockError::Away { name, message },
            _ => LockError::Failed { name, message },
        }
    }

    fn from_error(error: &kube::Error) -> Self {
        let code = match error {
            kube::Error::Api(status) => Some(status.code),
            _ => None,
        };
        let told = match error {
            kube::Error::Api(status) if status.code == 403 => rbac::told(&status.message),
            _ => None,
        };
        Self {
            why: match code {
                Some(409) => Why::Conflict,
                Some(404) => Why::Gone,
                _ if passes(error) => Why::Away,
                _ => Why::Refused,
            },
            message: told.unwrap_or_else(|| said(error)),
        }
    }
}

pub(super) async fn within<T>(
    call: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, Unmade> {
    match tokio::time::timeout(CALL, call).await {
        Ok(outcome) => outcome.map_err(|error| Unmade::from_error(&error)),
        Err(_) => Err(Unmade {
            why: Why::Away,
            message: format!("no answer within {} s", CALL.as_secs()),
        }),
    }
}

pub(super) fn params() -> PostParams {
    PostParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PostParams::default()
    }
}

/// How long a lock is watched at most before its holder counts as gone: it renews several times within.
pub(super) fn lasts(lock: &Lock) -> Duration {
    Duration::from_secs(lock.duration.into()).min(DURATION)
}

/// Who holds this Lease; `None`: nobody, or it cannot be told.
pub(super) fn lock(object: &Value) -> Option<Lock> {
    of_lease(&serde_json::from_value(object.clone()).ok()?)
}

pub(super) fn of_lease(lease: &Lease) -> Option<Lock> {
    let spec = lease.spec.as_ref()?;
    let renewed = spec.renew_time.as_ref().or(spec.acquire_time.as_ref())?;
    Some(Lock {
        holder: spec
            .holder_identity
            .clone()
            .filter(|holder| !holder.is_empty())?,
        acquired: spec.acquire_time.as_ref().map(|time| time.0),
        renewed: renewed.0,
        duration: u32::try_from(spec.lease_duration_seconds?).ok()?,
        commit: commit(lease),
    })
}

fn commit(lease: &Lease) -> Option<String> {
    let annotations = lease.metadata.annotations.as_ref()?;
    annotations.get(COMMIT_ANNOTATION).cloned()
}
