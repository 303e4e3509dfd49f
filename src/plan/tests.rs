use super::*;
use crate::manifest::example;
use crate::model;

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
        let done = model::example::settle(&example::spec(members), &mut observed);
        assert_eq!(planned, done);
        let again = unroll(&example::spec(members), &observed);
        assert_eq!(again.verdict, Verdict::InSync, "{again:#?}");
    }
}
