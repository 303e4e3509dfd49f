//! The members' configuration files, one key each.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::ConfigMap;

use super::metadata;
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{Flat, MemberConfig, ObjectKind, Spot};

pub(super) fn object(spec: &ClusterSpec) -> ConfigMap {
    ConfigMap {
        metadata: metadata(ObjectKind::ConfigMap, spec),
        ..ConfigMap::default()
    }
}

/// Its data: the files as they shall be.
pub(super) fn data(spec: &ClusterSpec, files: &BTreeMap<Ordinal, MemberConfig>) -> Flat {
    let data: BTreeMap<String, &str> = files
        .iter()
        .map(|(ordinal, text)| (super::member_file::key(spec, *ordinal), &**text))
        .collect();
    Flat::of(&data)
}

/// Whether the files that are there are these and no others.
pub(super) fn holds(
    spec: &ClusterSpec,
    files: &BTreeMap<Ordinal, MemberConfig>,
    found: Spot<'_>,
) -> bool {
    let there = || found.at(&["data"])?.fields();
    let held = |(ordinal, text): (&Ordinal, &MemberConfig)| {
        let key = super::member_file::key(spec, *ordinal);
        let file = there().and_then(|mut there| there.find(&key)?.as_str());
        file == Some(text)
    };
    there().is_some_and(|there| there.count() == files.len()) && files.iter().all(held)
}
