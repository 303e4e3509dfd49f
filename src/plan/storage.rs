//! Class and size of members' volumes beside what Git says. What a member is on is its claim's, not the template's.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::change::{Class, FieldChange};
use crate::decide::{Seat, View};
use crate::state::Claim;

pub(super) fn changes(view: &View) -> Vec<FieldChange> {
    if !view.is_born() {
        return Vec::new();
    }
    let storage = &view.spec.storage;
    let class = |claim: &Claim| claim.class_name.clone().unwrap_or_default();
    let size = |claim: &Claim| claim.request.as_str().to_owned();
    let class_moved = |claim: &Claim| {
        let git = storage.class_name.as_ref();
        git.is_some_and(|git| claim.class_name.as_ref() != Some(git))
    };
    let attributes = |claim: &Claim| {
        let asked = claim.attributes.asked.clone();
        asked.unwrap_or_else(|| "(none)".into())
    };
    let attributes_moved = |claim: &Claim| {
        let git = storage.attributes_class_name.as_ref();
        git.is_some_and(|git| claim.attributes.asked.as_ref() != Some(git))
    };
    let size_moved = |claim: &Claim| claim.request != storage.size;
    let found = [
        change(
            view,
            "className",
            &class,
            &class_moved,
            json!(storage.class_name),
        ),
        change(
            view,
            "attributesClassName",
            &attributes,
            &attributes_moved,
            json!(storage.attributes_class_name),
        ),
        change(
            view,
            "size",
            &size,
            &size_moved,
            json!(storage.size.as_str()),
        ),
    ];
    found.into_iter().flatten().collect()
}

fn change(
    view: &View,
    field: &str,
    value: &dyn Fn(&Claim) -> String,
    moved: &dyn Fn(&Claim) -> bool,
    after: Value,
) -> Option<FieldChange> {
    let mut live: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let listed: Vec<(&Seat, &Claim)> = view
        .seats()
        .filter(|s| s.is_listed())
        .filter_map(|s| Some((s, s.claim?)))
        .collect();
    for (seat, claim) in listed.iter().filter(|(_, claim)| moved(claim)) {
        let at = live.entry(value(claim)).or_default();
        at.push(seat.ordinal.to_string());
    }
    let path = format!("/spec/storage/{field}");
    if live.is_empty() {
        return None;
    }
    let all = live.len() == 1 && live.values().all(|at| at.len() == listed.len());
    let told: Vec<String> = live
        .into_iter()
        .map(|(value, at)| match at.len() {
            _ if all => value,
            1 => format!("{value} (member {})", at[0]),
            _ => format!("{value} (members {})", at.join(", ")),
        })
        .collect();
    // The template is Git's, or some members are: our own work is half done.
    let begun = !all || view.objects.claim_template_moved().is_empty();
    Some(FieldChange {
        path: format!("storage.{field}"),
        before: Some(json!(told.join(", "))),
        after: Some(after),
        class: if begun {
            Class::InFlight
        } else {
            Class::Pending
        },
        origin: view.spec.origins.get(&path).cloned(),
        manager: None,
    })
}
