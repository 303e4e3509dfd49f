//! The `StorageClass`es of a Kubernetes cluster: few, and read once for all clusters of a context.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::api::{Api, ReadError};
use super::names;
use super::resource::Resource;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{Claim, Reading, StorageClass};

type Found = BTreeMap<String, StorageClass>;

#[derive(Default)]
pub(super) struct Classes(OnceCell<Result<Found, ReadError>>);

impl Classes {
    /// Those that Git and these claims name.
    pub(super) async fn of(
        &self,
        api: &Api,
        spec: &ClusterSpec,
        claims: &BTreeMap<Ordinal, Claim>,
    ) -> Reading<BTreeMap<String, Option<StorageClass>>> {
        let all = match self.0.get_or_init(|| read(api)).await {
            Ok(all) => all,
            Err(error) => return Reading::Unknown(error.to_string()),
        };
        let live = claims.values().filter_map(|c| c.class_name.as_ref());
        let named = live.chain(spec.storage.class_name.as_ref());
        Reading::Known(
            named
                .map(|name| (name.clone(), all.get(name).cloned()))
                .collect(),
        )
    }
}

async fn read(api: &Api) -> Result<Found, ReadError> {
    let objects = api.list(Resource::StorageClass, "", "").await?;
    Ok(objects.iter().map(class).collect())
}

fn class(object: &Value) -> (String, StorageClass) {
    let expands = object.get("allowVolumeExpansion");
    // The API server writes the default, `Immediate`, into a class that does not say it.
    let binding = object.get("volumeBindingMode");
    let provisioner = object.get("provisioner").and_then(Value::as_str);
    let class = StorageClass {
        provisioner: provisioner.unwrap_or_default().to_owned(),
        expands: expands.and_then(Value::as_bool).unwrap_or_default(),
        binds_at_once: binding.and_then(Value::as_str) != Some("WaitForFirstConsumer"),
    };
    (names::name(object).to_owned(), class)
}
