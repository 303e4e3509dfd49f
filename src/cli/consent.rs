//! May this plan be performed? What was looked at binds: a hash, a plan file, or a yes to what is shown.

use super::{Stop, terminal};
use crate::plan::{ClusterPlan, Plan};

/// What the command line says about it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Consent<'a> {
    /// `--yes`, or a plan file: whoever names one has read it.
    pub(super) given: bool,
    /// `--expect-hash`
    pub(super) expected: Option<&'a str>,
    /// The hash of what was looked at: of the plan file, where there is one, else of the plan made now.
    pub(super) hash: &'a str,
    /// Nothing real is changed.
    pub(super) sandbox: bool,
}

/// What a person has to type.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    text: String,
    wanted: String,
}

/// The plan has the hash that was expected of it, if one was.
pub(super) fn is_expected(expected: Option<&str>, hash: &str) -> Result<(), Stop> {
    match expected {
        Some(expected) if expected != hash => Err(Stop::new(
            6,
            format!("the plan has intent hash {hash}, expected {expected}; nothing was changed"),
        )),
        _ => Ok(()),
    }
}

/// Returns when the plan may be performed.
pub(super) fn obtain(plan: &Plan, consent: &Consent) -> Result<(), Stop> {
    is_expected(consent.expected, consent.hash)?;
    let Some(question) = needed(plan, consent, terminal::is_interactive())? else {
        return Ok(());
    };
    if terminal::ask(&question.text)? == question.wanted {
        Ok(())
    } else {
        Err(Stop::new(6, "not approved; nothing was changed"))
    }
}

/// What has to be asked, if anything has. `interactive`: there is somebody to ask.
fn needed(plan: &Plan, consent: &Consent, interactive: bool) -> Result<Option<Question>, Stop> {
    let steps = plan.counts().steps;
    if steps == 0 {
        return Ok(None);
    }
    let destructive = plan.clusters.iter().any(ClusterPlan::is_destructive);
    let bound = consent.expected.is_some() || consent.sandbox;
    if consent.given && (bound || !destructive) {
        return Ok(None);
    }
    if !interactive {
        let hash = consent.hash;
        return Err(Stop::usage(if consent.given {
            format!("this plan is destructive: give `--expect-hash {hash}` too")
        } else {
            "no terminal to ask on: give --yes (with --expect-hash for destructive work)".to_owned()
        }));
    }
    let these = match steps {
        1 => "this step".to_owned(),
        n => format!("these {n} steps"),
    };
    let (how, wanted) = if destructive {
        (
            format!("Type the fleet's name ({}):", plan.fleet),
            plan.fleet.clone(),
        )
    } else {
        ("[y/N]".to_owned(), "y".to_owned())
    };
    Ok(Some(Question {
        text: format!("Apply {these}? {how} "),
        wanted,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::example;
    use crate::model;
    use crate::plan::{SourceFacts, unroll};

    /// A birth, which is destructive.
    fn plan() -> Plan {
        let spec = example::spec(3);
        let now = "2026-11-21T10:00:00Z".parse().expect("a time");
        let clusters = vec![unroll(&spec, &model::empty(spec.id.clone(), now))];
        Plan::new("prod".into(), now, SourceFacts::default(), clusters)
    }

    fn harmless() -> Plan {
        let mut plan = plan();
        for planned in &mut plan.clusters[0].intents {
            planned.intent.destructive = false;
        }
        plan
    }

    /// `""`: nothing is asked; else the word wanted, or the error. Said: a yes, the hash, a sandbox.
    fn asked(plan: &Plan, said: [bool; 3], interactive: bool) -> String {
        let [given, expected, sandbox] = said;
        let consent = Consent {
            given,
            expected: expected.then_some(plan.intent_hash.as_str()),
            hash: &plan.intent_hash,
            sandbox,
        };
        match needed(plan, &consent, interactive) {
            Ok(None) => String::new(),
            Ok(Some(question)) => question.wanted,
            Err(stop) => format!("{}: {}", stop.code, stop.message),
        }
    }

    #[test]
    fn destructive_work_wants_more_than_a_yes() {
        let plan = plan();
        assert!(plan.clusters[0].is_destructive());
        for interactive in [true, false] {
            assert_eq!(asked(&plan, [true, true, false], interactive), "");
            assert_eq!(asked(&plan, [true, false, true], interactive), "");
        }
        assert_eq!(asked(&plan, [true, false, false], true), "prod");
        assert_eq!(asked(&plan, [false, true, true], true), "prod");
        let refused = asked(&plan, [true, false, false], false);
        assert!(refused.starts_with("64: this plan is destructive: give `--expect-hash sha256:"));
        assert!(asked(&plan, [false, true, true], false).starts_with("64: no terminal"));
    }

    #[test]
    fn other_work_wants_a_yes() {
        let plan = harmless();
        assert_eq!(asked(&plan, [true, false, false], false), "");
        assert_eq!(asked(&plan, [false, false, false], true), "y");
        assert!(asked(&plan, [false, false, true], false).starts_with("64: no terminal"));
        let mut nothing = plan;
        nothing.clusters.clear();
        assert_eq!(asked(&nothing, [false, false, false], false), "");
    }

    #[test]
    fn another_hash_is_another_plan() {
        assert!(is_expected(None, "sha256:1").is_ok());
        assert!(is_expected(Some("sha256:1"), "sha256:1").is_ok());
        let stop = is_expected(Some("sha256:2"), "sha256:1").expect_err("another");
        assert_eq!(stop.code, 6);
        assert!(stop.message.contains("nothing was changed"));
    }
}
