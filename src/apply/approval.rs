//! What was approved, and whether a step is within it: a run may do less, never more.

use std::collections::{BTreeMap, BTreeSet};

use crate::decide::{Intent, IntentKey};
use crate::plan::ClusterPlan;

/// What of a plan made anew a saved one does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exceeded {
    /// Steps that were not approved, in the order of the plan made anew. None: its steps were, to bring other values.
    pub excess: Vec<IntentKey>,
    /// What is not as it was when the plan was made, as far as the plan knows.
    pub moved: Vec<&'static str>,
}

/// Intents that may still be done, counted. None by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Approval {
    left: BTreeMap<IntentKey, usize>,
    spent: BTreeMap<IntentKey, usize>,
    /// Approved as what gives something up: a learner that may be removed is no voter that may be.
    destructive: BTreeSet<IntentKey>,
    total: usize,
}

/// Always within an approval: they follow from where the cluster happens to stand, and give nothing up. A member that
/// comes up in the middle of a run is poisoned at once (2.8 #2), a pod whose process does not run is made again, and a kept
/// volume that Kubernetes is slow to bind to the claim that is read from is bound to it again.
const ALWAYS: [&str; 6] = [
    "undrain",
    "move-leader",
    "poison-file",
    "delete-pod",
    "take-snapshot",
    "lend-volume",
];

impl Approval {
    pub fn of(plan: &ClusterPlan) -> Self {
        let mut left = BTreeMap::new();
        for planned in &plan.intents {
            *left.entry(planned.intent.key.clone()).or_insert(0) += 1;
        }
        let destructive = plan.intents.iter().filter(|i| i.intent.destructive);
        Self {
            left,
            spent: BTreeMap::new(),
            destructive: destructive.map(|i| i.intent.key.clone()).collect(),
            total: plan.intents.len(),
        }
    }

    /// What a saved plan approves of what is left to do now: a part of its steps, and the values that they were to bring.
    pub fn of_saved(saved: Option<&ClusterPlan>, anew: &ClusterPlan) -> Result<Self, Exceeded> {
        let approval = saved.map(Self::of).unwrap_or_default();
        let excess = approval.excess(anew);
        let basis = saved.and_then(|plan| plan.basis.as_ref().zip(anew.basis.as_ref()));
        // The same steps would bring other values: another quota is the same restarts.
        let same = basis.is_some_and(|(was, now)| was.desired == now.desired);
        if excess.is_empty() && (same || anew.intents.is_empty()) {
            return Ok(Self {
                total: anew.intents.len(),
                ..approval
            });
        }
        let moved = basis.map_or_else(Vec::new, |(was, now)| was.moved(now));
        Err(Exceeded { excess, moved })
    }

    /// Steps that the run is about to do, as far as was known at its beginning.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// Whatever was approved.
    pub fn is_always_within(intent: &IntentKey) -> bool {
        ALWAYS.contains(&intent.verb)
    }

    pub fn allows(&self, intent: &Intent) -> bool {
        let key = &intent.key;
        let counted = self.left.get(key).is_some_and(|n| *n > 0);
        let within = !intent.destructive || self.destructive.contains(key);
        Self::is_always_within(key) || (counted && within)
    }

    /// What of a plan made anew exceeds it, in the plan's order: each step is spent before the next one is asked for.
    pub fn excess(&self, plan: &ClusterPlan) -> Vec<IntentKey> {
        let mut rest = self.clone();
        let mut excess = Vec::new();
        for planned in &plan.intents {
            if !rest.allows(&planned.intent) {
                excess.push(planned.intent.key.clone());
            }
            rest.spend(&planned.intent.key);
        }
        excess
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
        if let Some(count) = self.left.get_mut(intent).filter(|count| **count > 0) {
            *count -= 1;
            *self.spent.entry(intent.clone()).or_insert(0) += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::Subject;
    use crate::fleet::Ordinal;
    use crate::manifest::example;
    use crate::model::example::born;
    use crate::plan::{Basis, unroll};

    fn verbs(keys: &[IntentKey]) -> Vec<String> {
        let said = keys.iter().map(|k| format!("{} {}", k.verb, k.subject));
        said.collect()
    }

    #[test]
    fn a_part_is_within_and_more_is_not() {
        let spec = example::spec(5);
        let observed = born(&example::spec(3));
        let whole = unroll(&spec, &observed);
        let approval = Approval::of(&whole);
        assert_eq!(approval.excess(&whole), []);
        let mut part = whole.clone();
        part.intents.drain(..4);
        assert_eq!(approval.excess(&part), []);
        let more = unroll(&example::spec(7), &observed);
        let excess = verbs(&approval.excess(&more));
        assert!(
            excess.contains(&"add-learner member 5".to_owned()),
            "{excess:?}"
        );
        assert!(
            !excess.iter().any(|e| e.starts_with("poison-file")),
            "always within: {excess:?}"
        );
        let twice = [whole.intents.clone(), whole.intents.clone()].concat();
        let twice = ClusterPlan {
            intents: twice,
            ..whole.clone()
        };
        let again = approval.excess(&twice).len();
        let counted = |p: &&crate::plan::PlannedIntent| !ALWAYS.contains(&p.intent.key.verb);
        assert_eq!(again, whole.intents.iter().filter(counted).count());
    }

    #[test]
    fn a_saved_plan_binds_the_values_that_its_steps_bring() {
        let spec = example::spec(5);
        let observed = born(&example::spec(3));
        let with_basis = |plan: ClusterPlan| ClusterPlan {
            basis: Some(Basis::of(&spec, &observed)),
            ..plan
        };
        let saved = with_basis(unroll(&spec, &observed));
        let mut left = saved.clone();
        left.intents.drain(..4);
        let approved = Approval::of_saved(Some(&saved), &left).expect("a part of it");
        assert_eq!(approved.total(), left.intents.len());
        // The same steps, of which Git asks something else.
        let desired = |plan: &mut ClusterPlan| {
            plan.basis.as_mut().expect("just made").desired = "sha256:other".into();
        };
        desired(&mut left);
        let exceeded = Approval::of_saved(Some(&saved), &left).expect_err("another value");
        assert_eq!(exceeded.excess, []);
        assert_eq!(exceeded.moved, ["what Git asks for"]);
        // What nothing is left of brings no value.
        left.intents.clear();
        assert!(Approval::of_saved(Some(&saved), &left).is_ok());
        // A plan that does not say what it was made from, and a cluster that it does not have.
        let mute = unroll(&spec, &observed);
        assert!(Approval::of_saved(Some(&mute), &saved).is_err());
        let exceeded = Approval::of_saved(None, &saved).expect_err("not of it");
        assert!(!exceeded.excess.is_empty());
    }

    #[test]
    fn a_harmless_step_approves_no_destructive_one() {
        let spec = example::spec(3);
        let mut plan = unroll(&spec, &born(&example::spec(5)));
        let approval = Approval::of(&plan);
        assert_eq!(approval.excess(&plan), []);
        for planned in &mut plan.intents {
            planned.intent.destructive = false;
        }
        assert_eq!(approval.excess(&plan), [], "less is within");
        let harmless = Approval::of(&plan);
        let shrink = unroll(&spec, &born(&example::spec(5)));
        let excess = verbs(&harmless.excess(&shrink));
        assert!(
            excess.contains(&"remove-member member 4".to_owned()),
            "{excess:?}"
        );
        assert!(!excess.contains(&"drain member 4".to_owned()), "{excess:?}");
    }

    #[test]
    fn a_drain_taken_back_may_be_done_again() {
        let spec = example::spec(3);
        let plan = unroll(&spec, &born(&example::spec(5)));
        let mut approval = Approval::of(&plan);
        let key = |verb| IntentKey {
            verb,
            subject: Subject::Member(Ordinal(4)),
            takes: Vec::new(),
        };
        let mut drain = plan.intents[0].intent.clone();
        drain.key = key("drain");
        drain.destructive = false;
        assert!(approval.allows(&drain));
        approval.spend(&key("drain"));
        assert!(!approval.allows(&drain));
        approval.spend(&key("undrain"));
        assert!(approval.allows(&drain));
    }
}
