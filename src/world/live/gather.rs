//! The LISTs: one per kind and namespace, in parallel, shared by all clusters there.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::actors;
use super::api::{Api, ReadError};
use super::census::{self, Census};
use super::certificates;
use super::claims::{self, Volumes};
use super::classes::Classes;
use super::names;
use super::nodes::Nodes;
use super::objects;
use super::obstacles;
use super::pods;
use super::quotas;
use super::resource::Resource;
use super::secrets::{self, Secrets};
use crate::fleet::{ClusterSpec, Ordinal};
use crate::manifest;
use crate::state::{Kube, Ledger, MemberConfig, ObjectKind, Quota, Reading, StatefulSet};

const BY_NAME_AT_ONCE: usize = 8;

const LISTED: [Resource; 9] = [
    Resource::ServiceAccount,
    Resource::Service,
    Resource::ConfigMap,
    Resource::PodDisruptionBudget,
    Resource::StatefulSet,
    Resource::Pod,
    Resource::Claim,
    Resource::EndpointSlice,
    Resource::Lease,
];

/// What one namespace holds, by kind and cluster label.
pub(super) struct Namespace {
    exists: bool,
    lists: BTreeMap<Resource, BTreeMap<String, Vec<Value>>>,
    /// All of them: an autoscaler is somebody else's object, and has no label of ours.
    autoscalers: Vec<Value>,
    quotas: Reading<Vec<Quota>>,
}

impl Namespace {
    /// What these clusters of one namespace share; and the nodes of their pods.
    pub(super) async fn read(
        api: &Api,
        (namespace, specs): (&str, &[&ClusterSpec]),
        selector: &str,
        nodes: &Nodes,
    ) -> Result<Self, ReadError> {
        let labels: BTreeSet<String> = specs
            .iter()
            .map(|spec| manifest::label_value(&spec.id.name))
            .collect();
        let asked = |object: &&Value| {
            names::label(object, manifest::CLUSTER_LABEL).is_some_and(|l| labels.contains(l))
        };
        let asked = &asked;
        let lists = join_all(LISTED.iter().map(|resource| async move {
            let found = api.list(*resource, namespace, selector).await;
            if let (Resource::Pod, Ok(pods)) = (resource, &found) {
                nodes.prepare(api, pods.iter().filter(asked));
            }
            found
        }));
        let (exists, lists, autoscalers, quotas) = tokio::join!(
            api.get(Resource::Namespace, "", namespace),
            lists,
            api.list(Resource::Autoscaler, namespace, ""),
            quotas::read(api, namespace)
        );
        let mut by_kind = BTreeMap::new();
        for (resource, list) in LISTED.into_iter().zip(lists) {
            let mut by_cluster: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            for object in list? {
                let cluster = names::label(&object, manifest::CLUSTER_LABEL).unwrap_or_default();
                by_cluster
                    .entry(cluster.to_owned())
                    .or_default()
                    .push(object);
            }
            by_kind.insert(resource, by_cluster);
        }
        Ok(Self {
            exists: exists?.is_some(),
            lists: by_kind,
            autoscalers: autoscalers?,
            quotas,
        })
    }

    fn of(&self, spec: &ClusterSpec, resource: Resource) -> &[Value] {
        self.lists
            .get(&resource)
            .and_then(|clusters| clusters.get(&manifest::label_value(&spec.id.name)))
            .map_or(&[], Vec::as_slice)
    }

    fn named(&self, spec: &ClusterSpec, resource: Resource, name: &str) -> Option<&Value> {
        self.of(spec, resource)
            .iter()
            .find(|object| names::name(object) == name)
    }

    pub(super) fn bound_volumes(&self, spec: &ClusterSpec) -> BTreeSet<String> {
        claims::bound_volumes(spec, self.of(spec, Resource::Claim))
    }
}

/// What clusters of one context share in one observation.
pub(super) struct Context<'a> {
    pub(super) api: &'a Api,
    pub(super) cluster_uid: &'a str,
    pub(super) volumes: &'a Volumes,
    pub(super) nodes: &'a Nodes,
    pub(super) census: &'a Census,
    pub(super) classes: &'a Classes,
}

impl Context<'_> {
    /// Asked only where nothing notes that the cluster has lived: that is where it would be born.
    async fn elsewhere(&self, spec: &ClusterSpec, has_lived: bool) -> Reading<Vec<String>> {
        if has_lived {
            return Reading::Known(Vec::new());
        }
        match self
            .census
            .read(self.api, &spec.fleet, &spec.id.context)
            .await
        {
            Ok(all) => Reading::Known(census::elsewhere(spec, &all)),
            Err(error) => Reading::Unknown(error.to_string()),
        }
    }
}

/// One cluster's part of what was read, and by name what the LISTs lack: someone else's objects have no label of ours,
/// and a label can be taken off.
pub(super) async fn kube(
    context: &Context<'_>,
    spec: &ClusterSpec,
    namespace: &Namespace,
    secrets: &Secrets,
) -> Result<Kube, ReadError> {
    let api = context.api;
    let found = our_names(api, spec, namespace).await?;
    let stateful_set = found
        .get(&ObjectKind::StatefulSet)
        .map(|object| objects::stateful_set(object));
    let ledger = ledger(api, spec, namespace).await?;
    let member_files = found
        .get(&ObjectKind::ConfigMap)
        .map(|object| manifest::member_file::held(spec, names::data(object)))
        .unwrap_or_default();
    let seats = expected(spec, stateful_set.as_ref(), ledger.as_ref(), &member_files);
    let (pods, unlisted) = tokio::join!(
        unlisted(api, spec, namespace, Resource::Pod, &seats),
        unlisted(api, spec, namespace, Resource::Claim, &seats)
    );
    let (more_pods, more_claims) = (pods?, unlisted?);
    let listed = || namespace.of(spec, Resource::Pod).iter();
    let copying = pods::copying(spec, listed())?;
    let pods = pods::pods(spec, listed().chain(&more_pods))?;
    let volumes = claims::bound_volumes(spec, &more_claims);
    let volumes = context.volumes.and(api, volumes).await;
    let listed = || namespace.of(spec, Resource::Claim).iter();
    let mut claims = claims::claims(spec, listed().chain(&more_claims), &volumes)?;
    let copies = claims::copies(spec, listed(), copying)?;
    let has_lived = ledger.as_ref().is_some_and(|l| l.cluster_id.is_some());
    let nodes = context.nodes.of(api, &pods, &mut claims).await;
    let storage_classes = context.classes.of(api, spec, &claims).await;
    let attributes_classes = context.classes.attributes(api, spec).await;
    let there = obstacles::Found {
        at: super::now(),
        set: stateful_set.as_ref(),
        pods: &pods,
        claims: &claims,
    };
    let obstacles = Box::pin(obstacles::obstacles(api, spec, &there)).await;
    Ok(Kube {
        storage_classes,
        attributes_classes,
        quotas: namespace.quotas.clone(),
        obstacles,
        cluster_uid: context.cluster_uid.to_owned(),
        namespace_exists: namespace.exists,
        objects: found
            .iter()
            .map(|(kind, object)| (*kind, objects::live_object(object, spec)))
            .collect(),
        stateful_set,
        pods,
        released_volumes: claims::released(spec, (&claims, &copies), &volumes),
        claims,
        copies,
        member_files,
        serving: pods::serving(spec, namespace.of(spec, Resource::EndpointSlice))?,
        secrets: secrets::keys(spec, secrets)?,
        certificates: certificates::certificates(spec, secrets),
        ledger,
        lock: namespace
            .named(spec, Resource::Lease, &spec.name)
            .and_then(super::lock::lock),
        elsewhere: context.elsewhere(spec, has_lived).await,
        nodes,
        actors: actors::actors(spec, &found, &namespace.autoscalers),
        claimed_by: found
            .iter()
            .filter(|(_, object)| !names::is_ours(object, spec))
            .filter_map(|(kind, object)| Some((*kind, names::claimed_by(object)?)))
            .collect(),
    })
}

/// Seats that have, or once had, a member: what is on them is ours, whatever its labels say. Without a StatefulSet
/// those of Git too, for what is left of an earlier life.
fn expected(
    spec: &ClusterSpec,
    set: Option<&StatefulSet>,
    ledger: Option<&Ledger>,
    member_files: &BTreeMap<Ordinal, MemberConfig>,
) -> BTreeSet<Ordinal> {
    let in_set = set.map_or(spec.members, |set| set.replicas);
    let noted = ledger.into_iter().flat_map(|ledger| ledger.seats.keys());
    (0..in_set)
        .map(Ordinal)
        .chain(noted.chain(member_files.keys()).copied())
        .collect()
}

/// The pods or claims of these seats that no LIST shows.
async fn unlisted(
    api: &Api,
    spec: &ClusterSpec,
    namespace: &Namespace,
    resource: Resource,
    seats: &BTreeSet<Ordinal>,
) -> Result<Vec<Value>, ReadError> {
    let name = |ordinal: &Ordinal| match resource {
        Resource::Claim => spec.claim_name(*ordinal),
        _ => spec.pod_name(*ordinal),
    };
    let missing = seats
        .iter()
        .map(name)
        .filter(|name| namespace.exists && namespace.named(spec, resource, name).is_none());
    let reads = missing.map(|name| async move { api.get(resource, &spec.namespace, &name).await });
    let found: Vec<_> = futures::stream::iter(reads.collect::<Vec<_>>())
        .buffered(BY_NAME_AT_ONCE)
        .try_collect()
        .await?;
    Ok(found.into_iter().flatten().collect())
}

async fn our_names<'n>(
    api: &Api,
    spec: &ClusterSpec,
    namespace: &'n Namespace,
) -> Result<BTreeMap<ObjectKind, Cow<'n, Value>>, ReadError> {
    let reads = ObjectKind::ALL.map(|kind| async move {
        let (resource, key) = (Resource::from(kind), manifest::key(kind, spec));
        let object = match namespace.named(spec, resource, &key.name) {
            Some(object) => Some(Cow::Borrowed(object)),
            None if namespace.exists => {
                let unlisted = api.get(resource, &spec.namespace, &key.name).await?;
                unlisted.map(Cow::Owned)
            }
            None => None,
        };
        Ok(object.map(|object| (kind, object)))
    });
    join_all(reads)
        .await
        .into_iter()
        .filter_map(Result::transpose)
        .collect()
}

/// By name where its label is gone: a ledger that is overlooked lets a cluster be born twice.
async fn ledger(
    api: &Api,
    spec: &ClusterSpec,
    namespace: &Namespace,
) -> Result<Option<Ledger>, ReadError> {
    let name = names::ledger(spec);
    let unlisted = match namespace.named(spec, Resource::ConfigMap, &name) {
        Some(object) => return parse_ledger(object).map(Some),
        None if namespace.exists => api.get(Resource::ConfigMap, &spec.namespace, &name).await?,
        None => None,
    };
    unlisted.as_ref().map(parse_ledger).transpose()
}

pub(super) const LEDGER_KEY: &str = "ledger.json";

pub(super) fn parse_ledger(object: &Value) -> Result<Ledger, ReadError> {
    let failed = |message: String| ReadError::Failed {
        what: format!("ledger ConfigMap {}", names::name(object)),
        message,
    };
    let text = object
        .get("data")
        .and_then(|data| data.get(LEDGER_KEY))
        .and_then(Value::as_str)
        .ok_or_else(|| failed(format!("found no key `{LEDGER_KEY}`")))?;
    serde_json::from_str(text).map_err(|error| {
        failed(format!(
            "found a ledger this version cannot read ({error}); a newer `reconcile` may have written it"
        ))
    })
}

/// Every Secret that clusters of one namespace name.
pub(super) async fn secrets(api: &Api, namespace: &str, specs: &[&ClusterSpec]) -> Secrets {
    let names = specs
        .iter()
        .flat_map(|spec| {
            let store = spec.store_secret().map(str::to_owned);
            spec.access_secrets().into_iter().chain(store)
        })
        .collect();
    secrets::read(api, namespace, names).await
}
