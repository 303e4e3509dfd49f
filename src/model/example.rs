//! Clusters that lived on the model, for tests.

use crate::decide::{Next, Run, Situation, decide, ledger_before};
use crate::fleet::ClusterSpec;
use crate::state::{Evidence, Observation};

/// Far more decisions than any example takes.
const MOST_DECISIONS: usize = 500;

/// Does all that there is to do, and says what was done. Nothing may be refused.
pub(crate) fn settle(spec: &ClusterSpec, observed: &mut Observation) -> Vec<String> {
    let mut evidence = Evidence::default();
    let mut done = Vec::new();
    for _ in 0..MOST_DECISIONS {
        evidence.record(observed);
        let decision = decide(&Situation {
            spec,
            observed,
            evidence: &evidence,
        });
        assert_eq!(decision.notes, []);
        match decision.next {
            Next::Rest => return done,
            Next::Wait { condition, .. } => super::advance(observed, spec, condition),
            Next::Act(step) => {
                let ledger = ledger_before(observed, &step.act, &Run::default());
                super::perform(observed, spec, &step.act, &ledger).expect("accepted");
                done.push(format!("{} {}", step.act.verb(), step.act.subject()));
            }
        }
    }
    panic!("no end after {done:?}");
}

/// A cluster that was born as this one.
pub(crate) fn born(spec: &ClusterSpec) -> Observation {
    let now = "2026-11-21T10:00:00Z".parse().expect("a time");
    let mut observed = super::empty(spec.id.clone(), now);
    settle(spec, &mut observed);
    observed
}
