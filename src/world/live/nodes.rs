//! The nodes that pods and local volumes name: each read once for all clusters of a context.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Node as KubeNode;
use serde_json::Value;
use tokio::sync::OnceCell;

use super::api::{Api, ReadError};
use super::names;
use super::pods::parse;
use super::resource::Resource;
use crate::fleet::Ordinal;
use crate::state::{Claim, Node, Pod, Reading, Volume};

const HOSTNAME: &str = "kubernetes.io/hostname";
const AT_ONCE: usize = 16;

type Answer = Result<Option<Value>, ReadError>;

/// What was asked about nodes in one observation.
#[derive(Default)]
pub(super) struct Nodes {
    by_name: Mutex<HashMap<String, Arc<OnceCell<Answer>>>>,
    by_host: Mutex<HashMap<String, Arc<OnceCell<Answer>>>>,
}

fn cell(cells: &Mutex<HashMap<String, Arc<OnceCell<Answer>>>>, key: &str) -> Arc<OnceCell<Answer>> {
    let mut cells = cells.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(cells.entry(key.to_owned()).or_default())
}

impl Nodes {
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
            nodes.extend(node?.as_ref().map(fact).transpose()?);
        }
        let by_host = hosts
            .into_iter()
            .map(|host| async move { (self.of_host(api, &host).await, host) });
        let by_host = futures::stream::iter(by_host.collect::<Vec<_>>()).buffered(AT_ONCE);
        let mut names_of_hosts = BTreeMap::new();
        for (node, host) in by_host.collect::<Vec<_>>().await {
            // Where its host's label is all that is left of a node, the volume keeps that for a name.
            if let Some(node) = node? {
                let (name, facts) = fact(&node)?;
                names_of_hosts.insert(host, name.clone());
                nodes.insert(name, facts);
            }
        }
        for volume in claims.values_mut().filter_map(local) {
            let name = volume.node.as_ref().and_then(|h| names_of_hosts.get(h));
            volume.node = name.cloned().or_else(|| volume.node.take());
        }
        Ok(nodes)
    }

    async fn named(&self, api: &Api, name: &str) -> Answer {
        cell(&self.by_name, name)
            .get_or_init(|| api.get(Resource::Node, "", name))
            .await
            .clone()
    }

    /// Most nodes are named as their host. One that is not must not be taken for gone: its volumes are alive.
    async fn of_host(&self, api: &Api, host: &str) -> Answer {
        if let Some(node) = self.named(api, host).await?
            && names::label(&node, HOSTNAME).is_none_or(|label| label == host)
        {
            return Ok(Some(node));
        }
        let listed = || async {
            let selector = format!("{HOSTNAME}={host}");
            let nodes = api.list(Resource::Node, "", &selector).await?;
            Ok(nodes.into_iter().next())
        };
        cell(&self.by_host, host).get_or_init(listed).await.clone()
    }
}

fn local(claim: &mut Claim) -> Option<&mut Volume> {
    claim.volume.as_mut()?.known_mut()
}

fn fact(object: &Value) -> Result<(String, Node), ReadError> {
    let node: KubeNode = parse("node", object)?;
    let conditions = node.status.and_then(|status| status.conditions);
    let ready = conditions
        .iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready");
    let facts = Node {
        ready: ready.is_some_and(|condition| condition.status == "True"),
        since: ready
            .and_then(|condition| condition.last_transition_time.as_ref())
            .map(|time| time.0),
    };
    Ok((names::name(object).to_owned(), facts))
}
