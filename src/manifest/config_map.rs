//! The members' configuration files, one key each.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};

use super::metadata;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{MemberConfig, ObjectKind};

pub(super) fn object(spec: &ClusterSpec) -> ConfigMap {
    ConfigMap {
        metadata: metadata(ObjectKind::ConfigMap, spec),
        ..ConfigMap::default()
    }
}

/// Its data: the files as they shall be.
pub(super) fn data(spec: &ClusterSpec, files: &BTreeMap<Ordinal, MemberConfig>) -> Value {
    let data: BTreeMap<String, &str> = files
        .iter()
        .map(|(ordinal, text)| (super::member_file::key(spec, *ordinal), &**text))
        .collect();
    json!(data)
}

/// Whether data that is there is these files and nothing else.
pub(super) fn holds(
    spec: &ClusterSpec,
    files: &BTreeMap<Ordinal, MemberConfig>,
    data: &Value,
) -> bool {
    let there = data.as_object();
    there.is_some_and(|there| {
        let held = |(ordinal, text): (&Ordinal, &MemberConfig)| {
            let found = there.get(&super::member_file::key(spec, *ordinal));
            found.is_some_and(|found| **text == *found)
        };
        there.len() == files.len() && files.iter().all(held)
    })
}
