//! The members' configuration files, one key each.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::{finish, metadata};
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::ObjectKind;

pub(super) fn render(spec: &ClusterSpec) -> Value {
    let map = ConfigMap {
        metadata: metadata(ObjectKind::ConfigMap, spec),
        ..ConfigMap::default()
    };
    finish(&map)
}

/// Its data: the files as they shall be.
pub(super) fn data(spec: &ClusterSpec, files: &BTreeMap<Ordinal, String>) -> Value {
    let data: BTreeMap<String, &String> = files
        .iter()
        .map(|(ordinal, text)| (super::member_file::key(spec, *ordinal), text))
        .collect();
    json!(data)
}
