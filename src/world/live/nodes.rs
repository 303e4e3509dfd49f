//! The nodes that pods and local volumes name: each read once for all clusters of a context.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Node as KubeNode;
use serde_json::Value;
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tracing::Instrument as _;

use super::api::{Api, ReadError};
use super::names;
use super::pods::parse;
use super::resource::Resource;
use crate::fleet::Ordinal;
use crate::state::{Claim, Node, Pod, Reading, Volume};

const HOSTNAME: &str = "kubernetes.io/hostname";
const AT_ONCE: usize = 16;

type Answer = Result<Option<Seen>, ReadError>;

/// What is looked at of a node. The rest, its images above all, is tens of kilobytes.
#[derive(Clone)]
struct Seen {
    name: String,
    host: Option<String>,
    facts: Node,
}

/// Read once, whoever asks first.
type Cell = Arc<OnceCell<Answer>>;

/// What was asked about nodes in one observation.
#[derive(Default)]
pub(super) struct Nodes {
    by_name: Mutex<HashMap<String, Cell>>,
    by_host: Mutex<HashMap<String, Cell>>,
    /// Reads that nobody waits for yet; they end with the observation.
    ahead: Mutex<JoinSet<()>>,
}

fn cell(cells: &Mutex<HashMap<String, Cell>>, key: &str) -> Cell {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(cells.entry(key.to_owned()).or_default())
}

impl Nodes {
    /// Begins to read those that these pods run on: what a look waits for is the wire, and meanwhile there is work.
    pub(super) fn prepare<'p>(&self, api: &Api, pods: impl Iterator<Item = &'p Value>) {
        let node = |pod: &'p Value| pod.get("spec")?.get("nodeName")?.as_str();
        let names: BTreeSet<&str> = pods.filter_map(node).collect();
        let cells: Vec<(Cell, String)> = names
            .into_iter()
            .map(|name| (cell(&self.by_name, name), name.to_owned()))
            .collect();
        let api = api.clone();
        let reads = async move {
            let reads = cells.iter().map(|(cell, name)| read_once(cell, &api, name));
            futures::stream::iter(reads.collect::<Vec<_>>())
                .buffer_unordered(AT_ONCE)
                .for_each(|_| async {})
                .await;
        };
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        ahead.spawn(reads.in_current_span());
    }

    /// The nodes that these pods run on and these claims' volumes are bound to. What a local volume says is its host's
    /// label; from here on it is the node's name.
    pub(super) async fn of(
        &self,
        api: &Api,
        pods: &BTreeMap<Ordinal, Pod>,
        claims: &mut BTreeMap<Ordinal, Claim>,
    ) -> Reading<BTreeMap<String, Node>> {
        match self.read(api, pods, claims).await {
            Ok(nodes) => Reading::Known(nodes),
            Err(error) => Reading::Unknown(error.to_string()),
        }
    }

    async fn read(
        &self,
        api: &Api,
        pods: &BTreeMap<Ordinal, Pod>,
        claims: &mut BTreeMap<Ordinal, Claim>,
    ) -> Result<BTreeMap<String, Node>, ReadError> {
        let names: BTreeSet<String> = pods.values().filter_map(|pod| pod.node.clone()).collect();
        let hosts: BTreeSet<String> = claims
            .values_mut()
            .filter_map(local)
            .filter_map(|volume| volume.node.clone())
            .collect();
        let mut nodes = BTreeMap::new();
        let by_name = names
            .into_iter()
            .map(|name| async move { self.named(api, &name).await });
        let by_name = futures::stream::iter(by_name.collect::<Vec<_>>());
        for node in by_name.buffered(AT_ONCE).collect::<Vec<_>>().await {
            nodes.extend(node?.map(|node| (node.name, node.facts)));
        }
        let by_host = hosts
            .into_iter()
            .map(|host| async move { (self.of_host(api, &host).await, host) });
        let by_host = futures::stream::iter(by_host.collect::<Vec<_>>()).buffered(AT_ONCE);
        let mut names_of_hosts = BTreeMap::new();
        for (node, host) in by_host.collect::<Vec<_>>().await {
            // Where its host's label is all that is left of a node, the volume keeps that for a name.
            if let Some(node) = node? {
                names_of_hosts.insert(host, node.name.clone());
                nodes.insert(node.name, node.facts);
            }
        }
        for volume in claims.values_mut().filter_map(local) {
            let name = volume.node.as_ref().and_then(|h| names_of_hosts.get(h));
            volume.node = name.cloned().or_else(|| volume.node.take());
        }
        Ok(nodes)
    }

    async fn named(&self, api: &Api, name: &str) -> Answer {
        read_once(&cell(&self.by_name, name), api, name).await
    }

    /// Most nodes are named as their host. One that is not must not be taken for gone: its volumes are alive.
    async fn of_host(&self, api: &Api, host: &str) -> Answer {
        if let Some(node) = self.named(api, host).await?
            && node.host.as_ref().is_none_or(|label| label == host)
        {
            return Ok(Some(node));
        }
        let listed = || async {
            let selector = format!("{HOSTNAME}={host}");
            let nodes = api.list(Resource::Node, "", &selector).await?;
            nodes.first().map(Seen::of).transpose()
        };
        cell(&self.by_host, host).get_or_init(listed).await.clone()
    }
}

async fn read_once(cell: &Cell, api: &Api, name: &str) -> Answer {
    let read = || async {
        let found = api.get(Resource::Node, "", name).await?;
        found.as_ref().map(Seen::of).transpose()
    };
    cell.get_or_init(read).await.clone()
}

fn local(claim: &mut Claim) -> Option<&mut Volume> {
    claim.volume.as_mut()?.known_mut()
}

impl Seen {
    fn of(object: &Value) -> Result<Self, ReadError> {
        let node: KubeNode = parse("node", object)?;
        let conditions = node.status.and_then(|status| status.conditions);
        let ready = conditions
            .iter()
            .flatten()
            .find(|condition| condition.type_ == "Ready");
        Ok(Self {
            name: names::name(object).to_owned(),
            host: names::label(object, HOSTNAME).map(str::to_owned),
            facts: Node {
                ready: ready.is_some_and(|condition| condition.status == "True"),
                since: ready
                    .and_then(|condition| condition.last_transition_time.as_ref())
                    .map(|time| time.0),
            },
        })
    }
}
