//! From contexts and specs to observations: all that can be shared is read once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::panic::resume_unwind;
use std::sync::{Mutex, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use futures::future::join_all;
use futures::{FutureExt as _, StreamExt as _};
use jiff::Timestamp;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::time::Instant;

use super::api::Api;
use super::census::{self, Census};
use super::claims::Volumes;
use super::classes::Classes;
use super::contexts::Opened;
use super::etcd;
use super::gather::{self, Namespace};
use super::nodes::Nodes;
use super::secret::Scrubber;
use super::secrets::{self, Secrets};
use super::{Live, names, now};
use crate::fleet::ClusterSpec;
use crate::state::{Etcd, Kube, Observation, Reading, Sighting, Sightings};

/// Clusters whose members are asked at the same time.
const CLUSTERS_AT_ONCE: usize = 32;

/// What all clusters of one context share.
struct Shared {
    api: Api,
    opened: Opened,
    cluster_uid: String,
    namespaces: BTreeMap<String, Result<Namespace, String>>,
    secrets: BTreeMap<String, Secrets>,
    volumes: Volumes,
    nodes: Nodes,
    census: Census,
    classes: Classes,
}

impl Shared {
    fn context(&self) -> gather::Context<'_> {
        gather::Context {
            api: &self.api,
            cluster_uid: &self.cluster_uid,
            volumes: &self.volumes,
            nodes: &self.nodes,
            census: &self.census,
            classes: &self.classes,
        }
    }
}

/// What was listed of large contexts: thousands of trees. To take them down is work, which a command that looks once and
/// ends is spared: they stay until somebody looks again.
#[derive(Default)]
pub(super) struct Lists(Mutex<Vec<Shared>>);

impl Lists {
    fn keep(&self, shared: Shared) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(shared);
    }

    /// Nobody waits until they are gone.
    fn let_go(&self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::take(&mut *kept);
        if !old.is_empty() {
            rayon::spawn(move || drop(old));
        }
    }
}

/// A context and the clusters there.
type InContext<'a> = (&'a str, Vec<&'a ClusterSpec>);

impl Live {
    /// One observation per spec, in order. All clusters of one context and namespace share the LISTs.
    pub async fn observe_each(&self, specs: &[&ClusterSpec]) -> Vec<Observation> {
        self.lists.let_go();
        let mut contexts: BTreeMap<&str, Vec<&ClusterSpec>> = BTreeMap::new();
        for spec in specs {
            contexts.entry(&spec.id.context).or_default().push(spec);
        }
        let threads = Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread;
        let (large, small): (Vec<_>, Vec<_>) = contexts
            .into_iter()
            .partition(|(_, specs)| threads && specs.len() > CLUSTERS_AT_ONCE);
        let found = if large.is_empty() {
            self.observe_contexts(&small).await
        } else {
            tokio::task::block_in_place(|| self.observe_on_all_cores(&large, &small))
        };
        let mut found: BTreeMap<_, _> = found
            .into_iter()
            .map(|observation| (observation.cluster.clone(), observation))
            .collect();
        specs
            .iter()
            .filter_map(|spec| found.remove(&spec.id))
            .collect()
    }

    /// What of the fleet is in each of these contexts.
    pub(super) async fn sight(&self, fleet: &str, contexts: &[&str]) -> Sightings {
        let looks = contexts.iter().map(|context| async move {
            let seen = match self.sight_in(fleet, context).await {
                Ok(seen) => Reading::Known(seen),
                Err(why) => Reading::Unknown(why),
            };
            ((*context).to_owned(), seen)
        });
        join_all(looks).await.into_iter().collect()
    }

    async fn sight_in(&self, fleet: &str, context: &str) -> Result<Vec<Sighting>, String> {
        let deadline = Instant::now() + self.options.read_timeout;
        let opened = self.contexts.open(context, deadline).await;
        let api = Api {
            client: opened.map_err(|error| error.to_string())?.client,
            deadline,
        };
        let (cluster_uid, seen) = tokio::join!(
            self.contexts.cluster_uid(context, &api),
            census::take(&api, fleet, context)
        );
        cluster_uid.map_err(|error| error.to_string())?;
        seen.map_err(|error| error.to_string())
    }

    async fn observe_contexts(&self, contexts: &[InContext<'_>]) -> Vec<Observation> {
        let looks = contexts.iter().map(|(context, specs)| async move {
            match self.share(context, specs).await {
                Ok(shared) => self.observe_some(specs, &shared, CLUSTERS_AT_ONCE).await,
                Err(why) => all_unread(specs, &why),
            }
        });
        join_all(looks).await.into_iter().flatten().collect()
    }

    /// What was listed of many clusters is megabytes, and to take them apart is work. Each large context has a thread
    /// of its own, so that none waits for another's.
    fn observe_on_all_cores(
        &self,
        large: &[InContext<'_>],
        small: &[InContext<'_>],
    ) -> Vec<Observation> {
        let runtime = &Handle::current();
        let mut groups: Vec<_> = large.chunks(1).collect();
        groups.extend((!small.is_empty()).then_some(small));
        let found = beside(&groups, |group| match group {
            [(context, specs)] if specs.len() > CLUSTERS_AT_ONCE => {
                match runtime.block_on(self.share(context, specs)) {
                    Ok(shared) => {
                        let found = self.take_apart(specs, &shared, runtime);
                        self.lists.keep(shared);
                        found
                    }
                    Err(why) => all_unread(specs, &why),
                }
            }
            contexts => runtime.block_on(self.observe_contexts(contexts)),
        });
        found.into_iter().flatten().collect()
    }

    fn take_apart(
        &self,
        specs: &[&ClusterSpec],
        shared: &Shared,
        runtime: &Handle,
    ) -> Vec<Observation> {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
        let at_once = CLUSTERS_AT_ONCE.div_ceil(threads);
        let parts: Vec<_> = specs.chunks(specs.len().div_ceil(threads)).collect();
        let found = beside(&parts, |part| {
            runtime.block_on(self.observe_some(part, shared, at_once))
        });
        found.into_iter().flatten().collect()
    }

    #[tracing::instrument(level = "debug", skip_all, fields(context = specs.first().map(|s| s.id.context.as_str()), clusters = specs.len()))]
    async fn observe_some(
        &self,
        specs: &[&ClusterSpec],
        shared: &Shared,
        at_once: usize,
    ) -> Vec<Observation> {
        let clusters: Vec<_> = specs
            .iter()
            .map(|spec| self.observe_one(spec, shared).boxed())
            .collect();
        futures::stream::iter(clusters)
            .buffer_unordered(at_once)
            .collect()
            .await
    }

    #[tracing::instrument(level = "debug", skip_all, fields(context, clusters = specs.len()))]
    async fn share(&self, context: &str, specs: &[&ClusterSpec]) -> Result<Shared, String> {
        let deadline = Instant::now() + self.options.read_timeout;
        let opened = self
            .contexts
            .open(context, deadline)
            .await
            .map_err(|error| error.to_string())?;
        let api = Api {
            client: opened.client.clone(),
            deadline,
        };
        let mut by_namespace: BTreeMap<&str, Vec<&ClusterSpec>> = BTreeMap::new();
        for spec in specs {
            by_namespace.entry(&spec.namespace).or_default().push(spec);
        }
        let (classes, nodes) = (Classes::default(), Nodes::default());
        let reads = by_namespace.iter().map(|(namespace, specs)| {
            let (api, nodes) = (&api, &nodes);
            async move {
                let selector = selector(specs);
                tokio::join!(
                    Namespace::read(api, (namespace, specs), &selector, nodes),
                    gather::secrets(api, namespace, specs)
                )
            }
        });
        // At once, for each of them waits for the wire.
        let (cluster_uid, reads, listed, ()) = tokio::join!(
            self.contexts.cluster_uid(context, &api),
            join_all(reads),
            Volumes::list(&api),
            classes.prepare(&api)
        );
        let cluster_uid = cluster_uid.map_err(|error| error.to_string())?;
        let (mut namespaces, mut secrets) = (BTreeMap::new(), BTreeMap::new());
        for (namespace, (lists, values)) in by_namespace.keys().zip(reads) {
            let lists = lists.map_err(|error| error.to_string());
            namespaces.insert((*namespace).to_owned(), lists);
            secrets.insert((*namespace).to_owned(), values);
        }
        let bound = bound_volumes(specs, &namespaces);
        let volumes = match listed {
            // Claims may have been listed later, and be bound to what was made in between.
            Ok(volumes) => {
                let more = match volumes.and(&api, bound).await {
                    Cow::Owned(more) => Some(more),
                    Cow::Borrowed(_) => None,
                };
                more.unwrap_or(volumes)
            }
            Err(error) => Volumes::each(&api, bound, error).await,
        };
        Ok(Shared {
            api,
            opened,
            cluster_uid,
            namespaces,
            secrets,
            volumes,
            nodes,
            census: Census::default(),
            classes,
        })
    }

    #[tracing::instrument(level = "debug", skip_all, fields(cluster = %spec.id))]
    async fn observe_one(&self, spec: &ClusterSpec, shared: &Shared) -> Observation {
        let secrets = &shared.secrets[&spec.namespace];
        let scrubber = secrets::scrubber(spec, secrets);
        let (mut observation, backup) = tokio::join!(
            self.observe_running(spec, shared, secrets),
            self.backup(spec, secrets)
        );
        observation.backup = backup;
        scrubbed(observation, &scrubber)
    }

    async fn observe_running(
        &self,
        spec: &ClusterSpec,
        shared: &Shared,
        secrets: &Secrets,
    ) -> Observation {
        let kube = match &shared.namespaces[&spec.namespace] {
            Err(why) => Err(why.clone()),
            Ok(namespace) => gather::kube(&shared.context(), spec, namespace, secrets)
                .await
                .map_err(|error| error.to_string()),
        };
        let kube = match kube {
            Err(why) => return unread(spec, now(), &why),
            Ok(kube) => kube,
        };
        self.looked(spec, &kube).await;
        let etcd = self.ask_members(spec, &kube, shared, secrets).await;
        Observation {
            cluster: spec.id.clone(),
            at: now(),
            kube: Reading::Known(kube),
            etcd,
            backup: None,
            past: None,
        }
    }

    async fn ask_members(
        &self,
        spec: &ClusterSpec,
        kube: &Kube,
        shared: &Shared,
        secrets: &Secrets,
    ) -> Etcd {
        let seats = self
            .seats(
                spec,
                kube,
                &shared.opened,
                secrets,
                self.options.etcd_timeout,
            )
            .await;
        let etcd = etcd::read(&seats, self.options.etcd_timeout).await;
        self.keep(spec, seats, &etcd).await;
        etcd
    }
}

/// Of one cluster alone where only one is asked for.
fn selector(specs: &[&ClusterSpec]) -> String {
    match specs {
        [spec] => names::cluster_selector(spec),
        _ => specs
            .first()
            .map(|spec| names::fleet_selector(spec))
            .unwrap_or_default(),
    }
}

fn bound_volumes(
    specs: &[&ClusterSpec],
    namespaces: &BTreeMap<String, Result<Namespace, String>>,
) -> BTreeSet<String> {
    let bound = specs.iter().filter_map(|spec| {
        let namespace = namespaces.get(&spec.namespace)?.as_ref().ok()?;
        Some(namespace.bound_volumes(spec))
    });
    bound.flatten().collect()
}

/// Looks at all of them at once, at the first by this very thread: each other one keeps memory of its own.
fn beside<T: Sync, U: Send>(all: &[T], look: impl Fn(&T) -> U + Sync) -> Vec<U> {
    let Some((first, others)) = all.split_first() else {
        return Vec::new();
    };
    let look = &look;
    std::thread::scope(|scope| {
        let others: Vec<_> = others
            .iter()
            .map(|one| scope.spawn(move || look(one)))
            .collect();
        let mut seen = vec![look(first)];
        let others = others.into_iter().map(ScopedJoinHandle::join);
        seen.extend(others.map(|seen| seen.unwrap_or_else(|died| resume_unwind(died))));
        seen
    })
}

fn all_unread(specs: &[&ClusterSpec], why: &str) -> Vec<Observation> {
    let at = now();
    specs.iter().map(|spec| unread(spec, at, why)).collect()
}

fn unread(spec: &ClusterSpec, at: Timestamp, why: &str) -> Observation {
    let no_pods = || format!("the pods are not known: {why}");
    Observation {
        cluster: spec.id.clone(),
        at,
        backup: None,
        past: None,
        kube: Reading::Unknown(why.to_owned()),
        etcd: Etcd {
            membership: Reading::Unknown(no_pods()),
            disagreement: None,
            barred: None,
            statuses: BTreeMap::new(),
            alarms: Reading::Unknown(no_pods()),
        },
    }
}

/// Every string that is kept, whatever it came from: an error, a log line, a member's file.
fn scrubbed(observation: Observation, scrubber: &Scrubber) -> Observation {
    if scrubber.is_empty() {
        return observation;
    }
    let Ok(mut value) = serde_json::to_value(&observation) else {
        return observation;
    };
    scrubber.value(&mut value);
    match serde_json::from_value(value) {
        Ok(clean) => clean,
        // A secret that is also part of a name or a number: nothing of the record can be kept.
        Err(_) => Observation {
            kube: Reading::Unknown(
                "a Secret's value is part of this cluster's names; the record cannot be shown"
                    .to_owned(),
            ),
            etcd: Etcd {
                membership: Reading::Unknown("see above".to_owned()),
                disagreement: None,
                barred: None,
                statuses: BTreeMap::new(),
                alarms: Reading::Unknown("see above".to_owned()),
            },
            backup: None,
            past: None,
            ..observation
        },
    }
}

/// How long reads may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// For all reads of one context in one observation.
    pub read_timeout: Duration,
    /// For each call to a member.
    pub etcd_timeout: Duration,
    /// For a membership change, and for a write to the API server.
    pub act_timeout: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            read_timeout: Duration::from_secs(15),
            etcd_timeout: Duration::from_secs(5),
            act_timeout: Duration::from_secs(10),
        }
    }
}
