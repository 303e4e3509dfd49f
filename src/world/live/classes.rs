//! The `StorageClass`es and `VolumeAttributesClass`es of a Kubernetes cluster: few, and read once for all clusters of a
//! context.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::OnceCell;

use super::api::{Api, ReadError};
use super::names;
use super::resource::Resource;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{AttributesClasses, Claim, Reading, StorageClass};

type Found = BTreeMap<String, StorageClass>;

#[derive(Default)]
pub(super) struct Classes {
    storage: OnceCell<Result<Found, ReadError>>,
    /// Name → driver; why not, in words.
    attributes: OnceCell<Result<BTreeMap<String, String>, String>>,
}

impl Classes {
    /// Reads what every cluster asks for.
    pub(super) async fn prepare(&self, api: &Api) {
        self.storage.get_or_init(|| read(api)).await;
    }

    /// Those that Git and these claims name.
    pub(super) async fn of(
        &self,
        api: &Api,
        spec: &ClusterSpec,
        claims: &BTreeMap<Ordinal, Claim>,
    ) -> Reading<BTreeMap<String, Option<StorageClass>>> {
        let all = match self.storage.get_or_init(|| read(api)).await {
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

    /// The one that Git names. Where it names none nobody is asked: before 1.34 there is nobody, and a right that is not
    /// needed need not be granted.
    pub(super) async fn attributes(&self, api: &Api, spec: &ClusterSpec) -> AttributesClasses {
        let Some(name) = &spec.storage.attributes_class_name else {
            return Reading::none_asked();
        };
        match self.attributes.get_or_init(|| drivers(api)).await {
            Ok(all) => Reading::Known([(name.clone(), all.get(name).cloned())].into()),
            Err(why) => Reading::Unknown(why.clone()),
        }
    }
}

async fn drivers(api: &Api) -> Result<BTreeMap<String, String>, String> {
    let objects = api.list(Resource::AttributesClass, "", "").await;
    let objects = objects.map_err(|error| match error {
        ReadError::Refused { .. } => {
            format!("{error} VolumeAttributesClasses are served from Kubernetes 1.34 on")
        }
        _ => error.to_string(),
    })?;
    let driver = |object: &Value| {
        let driver = object.get("driverName").and_then(Value::as_str);
        (
            names::name(object).to_owned(),
            driver.unwrap_or_default().to_owned(),
        )
    };
    Ok(objects.iter().map(driver).collect())
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
