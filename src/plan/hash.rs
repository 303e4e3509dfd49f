//! The intent hash: what a reviewer approves.

use std::iter::once;

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};
use serde_json::json;

use super::unroll::ClusterPlan;
use crate::manifest::sha256_hex;

/// `sha256:` over the canonical intents of every cluster that has some: verb and subject in order, nothing that differs
/// between two looks at the same work (member IDs, UIDs, estimates), and no snapshot: whether there is a fresh one is the
/// clock's to say.
pub fn intent_hash(clusters: &[ClusterPlan]) -> String {
    let intents: Vec<String> = clusters
        .par_iter()
        .filter(|c| !c.intents.is_empty())
        .map(|c| {
            let keys = c.intents.iter().map(|i| &i.intent.key);
            let keys: Vec<_> = keys.filter(|key| key.verb != "take-snapshot").collect();
            // serde_json writes maps in key order and without spaces: canonical as long as no float is in it.
            json!([c.id, keys]).to_string()
        })
        .collect();
    // Of a list of them, without a text of all.
    let listed = intents.iter().enumerate().flat_map(|(at, intent)| {
        let comma = if at == 0 { "" } else { "," };
        [comma, intent]
    });
    let hash = sha256_hex(once("[").chain(listed).chain(once("]")));
    format!("sha256:{hash}")
}
