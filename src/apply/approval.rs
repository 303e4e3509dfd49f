//! What was approved, and whether a step is within it: a run may do less, never more.

use std::collections::BTreeMap;

use crate::decide::IntentKey;
use crate::plan::ClusterPlan;

/// Intents that may still be done, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    left: BTreeMap<IntentKey, usize>,
    spent: BTreeMap<IntentKey, usize>,
    total: usize,
}

/// Always within an approval: they follow from where the cluster happens to stand, and give nothing up. A member that
/// comes up in the middle of a run is poisoned at once (2.8 #2), and a pod whose process does not run is made again.
const ALWAYS: [&str; 5] = [
    "undrain",
    "move-leader",
    "poison-file",
    "delete-pod",
    "take-snapshot",
];

impl Approval {
    pub fn of(plan: &ClusterPlan) -> Self {
        let mut left = BTreeMap::new();
        for planned in &plan.intents {
            *left.entry(planned.intent.key.clone()).or_insert(0) += 1;
        }
        Self {
            left,
            spent: BTreeMap::new(),
            total: plan.intents.len(),
        }
    }

    /// Steps approved at the beginning.
    pub const fn total(&self) -> usize {
        self.total
    }

    pub fn allows(&self, intent: &IntentKey) -> bool {
        ALWAYS.contains(&intent.verb) || self.left.get(intent).is_some_and(|n| *n > 0)
    }

    /// The first intent of a plan made anew that exceeds what is left.
    pub fn exceeded_by(&self, plan: &ClusterPlan) -> Option<IntentKey> {
        let anew = Self::of(plan).left;
        let exceeds = |(key, count): &(&IntentKey, &usize)| {
            !ALWAYS.contains(&key.verb) && self.left.get(*key).copied().unwrap_or(0) < **count
        };
        anew.iter().find(exceeds).map(|(key, _)| key.clone())
    }

    /// One of them was done. A drain that was spent and taken back may be done again.
    pub fn spend(&mut self, intent: &IntentKey) {
        if intent.verb == "undrain" {
            let drain = IntentKey {
                verb: "drain",
                subject: intent.subject.clone(),
                takes: Vec::new(),
            };
            if let Some(spent) = self.spent.remove(&drain) {
                *self.left.entry(drain).or_insert(0) += spent;
            }
        }
        if let Some(count) = self.left.get_mut(intent) {
            *count = count.saturating_sub(1);
            *self.spent.entry(intent.clone()).or_insert(0) += 1;
        }
    }
}
