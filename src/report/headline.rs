//! A cluster's plan in a few words.

use serde_json::Value;

use super::words::{counted, value};
use crate::decide::Subject;
use crate::plan::{ClusterPlan, FieldChange, PlannedIntent};

/// What changes in a cluster, in a few words.
pub(super) fn headline(cluster: &ClusterPlan) -> String {
    let born_here = cluster
        .intents
        .iter()
        .any(|i| i.intent.row.procedure == "bootstrap");
    let members = cluster.changes.iter().find(|c| c.path == "members");
    let storage = storage(cluster);
    match members {
        Some(change) if !storage.is_empty() && change.before.is_some() => {
            format!("{}, {storage}", moved(change))
        }
        None if !storage.is_empty() => storage,
        Some(change) if born_here || change.before.is_none() => {
            let wanted = change.after.as_ref().and_then(Value::as_u64).unwrap_or(0);
            format!(
                "new cluster of {}",
                counted(usize::try_from(wanted).unwrap_or(0), "member")
            )
        }
        Some(change) => moved(change),
        None if replaced(cluster) > 0 => {
            format!("replace {}", counted(replaced(cluster), "member"))
        }
        None if restart_count(cluster) > 0 => {
            format!("restart {}", counted(restart_count(cluster), "member"))
        }
        None if cluster.intents.iter().any(on_member) => "finish what was begun".into(),
        None if !cluster.changes.is_empty() => match cluster.changes.len() {
            1 => "1 field differs".into(),
            n => format!("{n} fields differ"),
        },
        None if !cluster.intents.is_empty() => "objects to create".into(),
        None if !cluster.awaits.is_empty() => "on its way".into(),
        None => String::new(),
    }
}

/// `storage class gp3 → gp3-enc, attributes silver → gold, size 8Gi → 16Gi`.
fn storage(cluster: &ClusterPlan) -> String {
    let fields = [
        ("storage.className", "storage class"),
        ("storage.attributesClassName", "attributes"),
        ("storage.size", "size"),
    ];
    let told = fields.iter().filter_map(|(path, name)| {
        let change = cluster.changes.iter().find(|c| c.path == *path)?;
        let (before, after) = (value(change.before.as_ref()), value(change.after.as_ref()));
        Some(format!("{name} {before} → {after}"))
    });
    told.collect::<Vec<_>>().join(", ")
}

/// Members that leave for another to take their seat.
fn replaced(cluster: &ClusterPlan) -> usize {
    let procedures = ["repair", "replace"];
    let leaves = |i: &&PlannedIntent| {
        i.intent.key.verb == "remove-member" && procedures.contains(&i.intent.row.procedure)
    };
    cluster.intents.iter().filter(leaves).count()
}

fn restart_count(cluster: &ClusterPlan) -> usize {
    usize::try_from(cluster.restarts()).unwrap_or(usize::MAX)
}

fn on_member(planned: &PlannedIntent) -> bool {
    matches!(planned.intent.key.subject, Subject::Member(_))
}

fn moved(change: &FieldChange) -> String {
    let number = |v: &Option<Value>| v.as_ref().and_then(Value::as_u64).unwrap_or(0);
    let (before, after) = (number(&change.before), number(&change.after));
    match before.cmp(&after) {
        std::cmp::Ordering::Less => format!("grow {before} → {after}"),
        std::cmp::Ordering::Greater => format!("shrink {before} → {after}"),
        std::cmp::Ordering::Equal => format!("{after} members, on other ordinals"),
    }
}

/// `no restart`, `3 restarts`.
pub(super) fn restarts(cluster: &ClusterPlan) -> String {
    match restart_count(cluster) {
        0 => "no restart".into(),
        n => counted(n, "restart"),
    }
}
