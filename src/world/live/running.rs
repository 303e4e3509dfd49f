//! A StatefulSet of anybody's making, with what belongs to it, for `import`.

use futures::future::try_join_all;
use serde_json::Value;
use tokio::time::Instant;

use super::Live;
use super::api::{Api, ReadError};
use super::names;
use super::resource::Resource;
use crate::import::Running;

/// Why there is nothing to import.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunningError {
    #[error("{0}")]
    Unread(String),
    #[error("found no namespace {0:?}, expected the one that the members run in")]
    NoNamespace(String),
    #[error(
        "found no StatefulSet {namespace}/{name}, expected the members'{}",
        .others
    )]
    Absent {
        namespace: String,
        name: String,
        /// Those that are there.
        others: String,
    },
}

impl From<ReadError> for RunningError {
    fn from(error: ReadError) -> Self {
        Self::Unread(error.to_string())
    }
}

impl Live {
    /// Reads of Secrets nothing at all.
    pub async fn running(
        &self,
        context: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Running, RunningError> {
        let api = self.reader(context).await.map_err(RunningError::Unread)?;
        let (exists, set) = tokio::try_join!(
            api.get(Resource::Namespace, "", namespace),
            api.get(Resource::StatefulSet, namespace, name)
        )?;
        if exists.is_none() {
            return Err(RunningError::NoNamespace(namespace.to_owned()));
        }
        let Some(stateful_set) = set else {
            return Err(RunningError::Absent {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
                others: others(&api, namespace).await?,
            });
        };
        let maps = config_maps(&stateful_set);
        let maps = maps
            .iter()
            .map(|map| api.get(Resource::ConfigMap, namespace, map));
        let (services, claims, maps) = tokio::try_join!(
            api.list(Resource::Service, namespace, ""),
            api.list(Resource::Claim, namespace, ""),
            try_join_all(maps)
        )?;
        let finds = |service: &Value| selects(service, &stateful_set);
        let is_of = |claim: &Value| claims_of(&stateful_set, names::name(claim));
        Ok(Running {
            services: services.into_iter().filter(finds).collect(),
            claims: claims.into_iter().filter(is_of).collect(),
            config_maps: maps.into_iter().flatten().collect(),
            stateful_set,
        })
    }

    /// A wrong kubeconfig has clusters too, of somebody else's.
    pub(super) async fn reader(&self, context: &str) -> Result<Api, String> {
        let deadline = Instant::now() + self.options.read_timeout;
        let opened = self.contexts.open(context, deadline).await;
        let client = opened.map_err(|error| error.to_string())?.client;
        let api = Api { client, deadline };
        let pinned = self.contexts.cluster_uid(context, &api).await;
        pinned.map_err(|error| error.to_string())?;
        Ok(api)
    }
}

const MOST_NAMED: usize = 8;

async fn others(api: &Api, namespace: &str) -> Result<String, ReadError> {
    let sets = api.list(Resource::StatefulSet, namespace, "").await?;
    let names: Vec<&str> = sets.iter().map(names::name).take(MOST_NAMED).collect();
    Ok(if names.is_empty() {
        "; there is none in that namespace".to_owned()
    } else {
        format!("; there are {}", names.join(", "))
    })
}

fn config_maps(stateful_set: &Value) -> Vec<String> {
    let volumes = stateful_set.pointer("/spec/template/spec/volumes");
    let volumes = volumes.and_then(Value::as_array).into_iter().flatten();
    let name = |volume: &Value| {
        volume
            .pointer("/configMap/name")?
            .as_str()
            .map(str::to_owned)
    };
    volumes.filter_map(name).collect()
}

fn selects(service: &Value, stateful_set: &Value) -> bool {
    let labels = stateful_set.pointer("/spec/template/metadata/labels");
    let selector = service.pointer("/spec/selector").and_then(Value::as_object);
    let (Some(labels), Some(selector)) = (labels, selector) else {
        return false;
    };
    let has = |(name, value): (&String, &Value)| labels.get(name) == Some(value);
    !selector.is_empty() && selector.iter().all(has)
}

fn claims_of(stateful_set: &Value, claim: &str) -> bool {
    let templates = stateful_set.pointer("/spec/volumeClaimTemplates");
    let templates = templates.and_then(Value::as_array).into_iter().flatten();
    templates.map(names::name).any(|template| {
        let base = format!("{template}-{}", names::name(stateful_set));
        names::ordinal(claim, &base).is_some()
    })
}
