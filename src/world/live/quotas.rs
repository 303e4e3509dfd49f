//! The `ResourceQuota`s of a namespace.

use std::collections::BTreeMap;

use serde_json::Value;

use super::api::Api;
use super::names;
use super::resource::Resource;
use crate::fleet::Quantity;
use crate::state::{Limit, Quota, Reading};

/// Everybody's: a quota has no label of ours.
pub(super) async fn read(api: &Api, namespace: &str) -> Reading<Vec<Quota>> {
    match api.list(Resource::Quota, namespace, "").await {
        Ok(objects) => Reading::Known(objects.iter().filter_map(quota).collect()),
        Err(error) => Reading::Unknown(error.to_string()),
    }
}

/// As its status has it. A scope restricts a quota to some pods, or to claims of some attributes class: whether ours are
/// among those is the API server's to say.
fn quota(object: &Value) -> Option<Quota> {
    let said = |pointer: &str| object.pointer(pointer).filter(|v| !v.is_null());
    if said("/spec/scopes").is_some() || said("/spec/scopeSelector").is_some() {
        return None;
    }
    let amounts = |pointer: &str| -> BTreeMap<String, Quantity> {
        let map = object.pointer(pointer).and_then(Value::as_object);
        let pairs = map.into_iter().flatten();
        let pairs = pairs.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.parse().ok()?)));
        pairs.collect()
    };
    // What is not counted yet is no use: it is counted in a moment.
    let mut used = amounts("/status/used");
    let hard = amounts("/status/hard").into_iter();
    let limits = hard.filter_map(|(name, hard)| {
        let used = used.remove(&name)?;
        Some((name, Limit { hard, used }))
    });
    Some(Quota {
        name: names::name(object).to_owned(),
        limits: limits.collect(),
    })
}
