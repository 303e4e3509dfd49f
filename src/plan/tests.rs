use super::*;
use crate::decide::Run;
use crate::manifest::example;
use crate::model;
use crate::state::{Evidence, Observation};

/// Performs a whole plan on the model, and says what was done.
fn apply(observed: &mut Observation, members: u32) -> Vec<String> {
    let spec = example::spec(members);
    let mut evidence = Evidence::default();
    let mut done = Vec::new();
    for _ in 0..500 {
        evidence.record(observed);
        let decision = crate::decide::decide(&crate::decide::Situation {
            spec: &spec,
            observed,
            evidence: &evidence,
        });
        assert_eq!(decision.notes, []);
        match decision.next {
            crate::decide::Next::Rest => return done,
            crate::decide::Next::Wait { condition, .. } => {
                model::advance(observed, &spec, condition);
            }
            crate::decide::Next::Act(step) => {
                let ledger = crate::decide::ledger_before(observed, &step.act, &Run::default());
                model::perform(observed, &spec, &step.act, &ledger).expect("accepted");
                done.push(format!("{} {}", step.act.verb(), step.act.subject()));
            }
        }
    }
    panic!("no end after {done:?}");
}

#[test]
fn the_main_story_runs_on_the_model() {
    let now = "2026-11-21T10:00:00Z".parse().expect("a time");
    let mut observed = model::empty(example::spec(3).id, now);
    for members in [3, 5, 3, 1, 3] {
        let plan = unroll(&example::spec(members), &observed);
        let planned: Vec<String> = plan
            .intents
            .iter()
            .map(|i| format!("{} {}", i.intent.key.verb, i.intent.key.subject))
            .collect();
        let done = apply(&mut observed, members);
        assert_eq!(planned, done);
        let again = unroll(&example::spec(members), &observed);
        assert_eq!(again.verdict, Verdict::InSync, "{again:#?}");
    }
}
