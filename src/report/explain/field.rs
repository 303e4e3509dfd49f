//! A page for every field of the documents, from their schemas.

use super::page::{Kind, Page, Part};
use crate::fleet::{ANY_NAME, DocumentKind, Field, nearest};

/// What the fields of a fleet's document are called by, beside those of a cluster's.
const FLEET: &str = "Fleet";
/// A fleet's own places for the fields of a cluster's spec.
const LAYERS: [&[&str]; 2] = [&["defaults"], &["profiles", ANY_NAME]];

pub(super) fn pages() -> Vec<Page> {
    let pages = [DocumentKind::EtcdCluster, DocumentKind::Fleet].map(|kind| {
        let fields = kind.fields();
        let pages = fields.iter().map(|field| page(kind, field, &fields));
        pages.collect::<Vec<_>>()
    });
    pages.into_iter().flatten().collect()
}

/// `spec.storage.size`, `Fleet.spec.rollout`.
pub(super) fn name(kind: DocumentKind, field: &Field) -> String {
    match kind {
        DocumentKind::EtcdCluster => field.dotted(),
        DocumentKind::Fleet => format!("{FLEET}.{}", field.dotted()),
    }
}

fn page(kind: DocumentKind, field: &Field, all: &[Field]) -> Page {
    let mut parts = vec![Part::Says("Takes", takes(field))];
    if !field.values.iter().all(|(_, meaning)| meaning.is_empty()) {
        parts.push(Part::Table("Values", field.values.clone()));
    }
    parts.push(Part::Says("Default", without(field)));
    parts.push(Part::Says("Where", place(kind, field)));
    let inside: Vec<(String, String)> = all
        .iter()
        .filter(|other| is_inside(other, field))
        .map(|other| {
            let name = other.path[field.path.len()..].join(".");
            (name, other.description.clone())
        })
        .collect();
    if !inside.is_empty() {
        parts.push(Part::Table("Fields", inside));
    }
    Page {
        kind: Kind::Field,
        names: vec![name(kind, field)],
        title: field.description.clone(),
        parts,
    }
}

pub(super) fn takes(field: &Field) -> String {
    if field.constraints.is_empty() {
        return field.takes.clone();
    }
    format!("{}: {}", field.takes, field.constraints.join("; "))
}

/// What holds where nobody says the field.
pub(super) fn without(field: &Field) -> String {
    match &field.default {
        Some(default) => default.clone(),
        None if field.required => "none: it must be said".to_owned(),
        None => "none".to_owned(),
    }
}

fn place(kind: DocumentKind, field: &Field) -> String {
    let own = match kind {
        DocumentKind::EtcdCluster => {
            format!("`{}` of a cluster (kind: EtcdCluster)", field.dotted())
        }
        DocumentKind::Fleet => format!("`{}` of fleet.yaml (kind: Fleet)", field.dotted()),
    };
    if !field.in_layers {
        return own;
    }
    let rest = field.path[1..].join(".");
    let [defaults, profiles] = LAYERS.map(|layer| format!("`spec.{}.{rest}`", layer.join(".")));
    format!(
        "{own}; for many clusters {profiles} and {defaults} of fleet.yaml. The cluster comes first, then its profile, \
         then the defaults"
    )
}

/// A field of the mapping that this one is.
fn is_inside(field: &Field, of: &Field) -> bool {
    let Some(rest) = field.path.strip_prefix(of.path.as_slice()) else {
        return false;
    };
    matches!(rest, [_] | [_, _]) && rest[..rest.len() - 1].iter().all(|part| part == ANY_NAME)
}

/// Whether a person's way to write it means the field of this name: with the document's kind or without, from `spec` or
/// from below, as a path or a JSON pointer, in the cluster or in a layer of the fleet.
pub(super) fn is_called(field: &str, written: &str) -> bool {
    let own: Vec<&str> = field.split('.').collect();
    readings(written).iter().any(|reading| {
        own.len() == reading.len()
            && own
                .iter()
                .zip(reading)
                .all(|(own, part)| *own == ANY_NAME || own.eq_ignore_ascii_case(part))
    })
}

/// The names that what was written may stand for, part by part.
fn readings(written: &str) -> Vec<Vec<String>> {
    let parts = parts(written);
    let is = |at: usize, word: &str| {
        parts
            .get(at)
            .is_some_and(|part| part.eq_ignore_ascii_case(word))
    };
    if parts.is_empty() {
        return Vec::new();
    }
    if is(0, DocumentKind::EtcdCluster.as_str()) {
        return vec![parts[1..].to_vec()];
    }
    let fleet = usize::from(is(0, FLEET));
    let mut all = vec![parts.clone()];
    // `Fleet.spec.profiles.small.members` is the cluster's `spec.members`.
    for layer in LAYERS {
        let start = fleet + usize::from(is(fleet, "spec"));
        let inside = parts.get(start + layer.len()..).unwrap_or_default();
        if is(start, layer[0]) && !inside.is_empty() {
            all.push(below_spec(inside));
        }
    }
    if fleet == 0 {
        all.push(below_spec(&parts));
        all.push([vec![FLEET.to_owned()], parts.clone()].concat());
        all.push([vec![FLEET.to_owned()], below_spec(&parts)].concat());
    }
    all
}

fn below_spec(parts: &[String]) -> Vec<String> {
    [vec!["spec".to_owned()], parts.to_vec()].concat()
}

/// `/spec/pod/labels`, `spec.tolerations[0].key` and `spec.tolerations.0.key` alike; places in lists are left out.
fn parts(written: &str) -> Vec<String> {
    let parts = written.split(['.', '/', '[', ']']);
    let parts = parts.filter(|part| !part.is_empty() && part.parse::<usize>().is_err());
    parts.map(str::to_owned).collect()
}

/// What may have been meant by a path that leads nowhere: the nearest field beside the part that is wrong.
pub(super) fn nearest_of(written: &str) -> Vec<String> {
    let written_parts = parts(written);
    let pages = pages();
    let called = |parts: &[String]| {
        let path = parts.join(".");
        pages.iter().find(|page| is_called(&page.names[0], &path))
    };
    let Some((last, before)) = written_parts.split_last() else {
        return Vec::new();
    };
    let parent = called(before).map(|page| page.names[0].as_str());
    let siblings = pages.iter().filter_map(|page| {
        let (above, own) = page.names[0].rsplit_once('.')?;
        let beside = match parent {
            Some(parent) => above == parent,
            // The last part alone, wherever it is.
            None => true,
        };
        beside.then_some((own, page.names[0].clone()))
    });
    let siblings: Vec<(&str, String)> = siblings.collect();
    let near = nearest(last, siblings.iter().map(|(own, _)| *own));
    let same = |own: &str| near.is_some_and(|near| near == own);
    let found = siblings.iter().filter(|(own, _)| same(own));
    let mut found: Vec<String> = found.take(5).map(|(_, name)| name.clone()).collect();
    if found.is_empty() {
        // What is in it, its own page says.
        found.extend(parent.map(str::to_owned));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_may_be_written_in_many_ways() {
        for written in [
            "spec.storage.size",
            "storage.size",
            "/spec/storage/size",
            "EtcdCluster.spec.storage.size",
            "Fleet.spec.defaults.storage.size",
            "spec.profiles.small.storage.size",
            "Storage.Size",
        ] {
            assert!(is_called("spec.storage.size", written), "{written}");
        }
        for written in [
            "size",
            "spec.size",
            "Fleet.spec.storage.size",
            "",
            "spec",
            "storage",
        ] {
            assert!(!is_called("spec.storage.size", written), "{written}");
        }
        assert!(is_called("Fleet.spec.rollout", "rollout"));
        assert!(is_called(
            "Fleet.spec.contexts.NAME.kubeContext",
            "spec.contexts.eu-1.kubeContext"
        ));
        assert!(is_called(
            "spec.scheduling.tolerations.key",
            "scheduling.tolerations[0].key"
        ));
    }

    #[test]
    fn a_wrong_part_is_told_from_its_neighbours() {
        assert_eq!(nearest_of("storage.siez"), ["spec.storage.size"]);
        assert_eq!(
            nearest_of("resources.requests.cpu"),
            ["spec.resources.requests"]
        );
        assert_eq!(nearest_of("nonsense"), Vec::<String>::new());
        assert_eq!(nearest_of("Fleet.spec.rolout"), ["Fleet.spec.rollout"]);
        assert_eq!(nearest_of("minTolerance"), ["spec.policy.minTolerance"]);
    }

    #[test]
    fn every_field_is_found_by_its_own_name() {
        let pages = pages();
        for page in &pages {
            let name = &page.names[0];
            let mut found = pages.iter().map(|other| &other.names[0]);
            assert!(
                found.any(|other| other == name && is_called(other, name)),
                "{name}"
            );
            // What a cluster and the fleet both have has two pages, and no more.
            let found = pages
                .iter()
                .filter(|other| is_called(&other.names[0], name));
            let fleet = format!("{FLEET}.{name}");
            assert!(
                found
                    .clone()
                    .all(|other| [name, &fleet].contains(&&other.names[0])),
                "{name}: {:?}",
                found.map(|other| &other.names[0]).collect::<Vec<_>>()
            );
        }
    }
}
