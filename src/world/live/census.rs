//! Every StatefulSet and ledger of the fleet in a context, in whatever namespace and under whatever name.

use kube::api::ListParams;
use tokio::sync::OnceCell;

use super::api::{Api, ReadError, Shown};
use super::names::{self, text};
use super::resource::Resource;
use crate::fleet::ClusterSpec;
use crate::manifest::{self, CLUSTER_LABEL};
use crate::state::{Ledger, Sighting};

/// Read when first asked for, once in an observation.
#[derive(Default)]
pub(super) struct Census(OnceCell<Result<Vec<Sighting>, ReadError>>);

impl Census {
    pub(super) async fn read(
        &self,
        api: &Api,
        fleet: &str,
        context: &str,
    ) -> Result<Vec<Sighting>, ReadError> {
        let read = || take(api, fleet, context);
        self.0.get_or_init(read).await.clone()
    }
}

pub(super) async fn take(
    api: &Api,
    fleet: &str,
    context: &str,
) -> Result<Vec<Sighting>, ReadError> {
    let ours = ListParams::default().labels(&manifest::fleet_selector(fleet, context));
    let (sets, ledgers) = tokio::join!(
        api.pages(Resource::StatefulSet, "", ours.clone(), Shown::Metadata),
        api.pages(Resource::ConfigMap, "", ours.clone(), Shown::Metadata)
    );
    let ledgers = ledgers?
        .into_iter()
        .filter(|map| Ledger::is_name_of_one(names::name(map)));
    let mut found: Vec<Sighting> = sets?
        .into_iter()
        .chain(ledgers)
        .filter_map(|object| {
            Some(Sighting {
                cluster: names::label(&object, CLUSTER_LABEL)?.to_owned(),
                kind: object.get("kind")?.as_str()?.to_owned(),
                namespace: text(&object, "namespace").to_owned(),
                name: names::name(&object).to_owned(),
            })
        })
        .collect();
    found.sort();
    Ok(found)
}

/// Those with this cluster's id that are not where Git says it lives.
pub(super) fn elsewhere(spec: &ClusterSpec, all: &[Sighting]) -> Vec<String> {
    let label = manifest::label_value(&spec.id.name);
    all.iter()
        .filter(|sighting| sighting.cluster == label && !sighting.is_home(spec))
        .map(ToString::to_string)
        .collect()
}
