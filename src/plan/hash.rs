//! The intent hash: what a reviewer approves.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::unroll::ClusterPlan;

/// `sha256:` over the canonical intents of every cluster that has some: verb and subject in order, nothing that differs
/// between two looks at the same work (member IDs, UIDs, estimates).
pub fn intent_hash(clusters: &[ClusterPlan]) -> String {
    let intents: Vec<_> = clusters
        .iter()
        .filter(|c| !c.intents.is_empty())
        .map(|c| {
            let keys: Vec<_> = c.intents.iter().map(|i| &i.intent.key).collect();
            json!([c.id, keys])
        })
        .collect();
    // serde_json writes maps in key order and without spaces: canonical as long as no float is in it.
    let digest = Sha256::digest(json!(intents).to_string());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}
