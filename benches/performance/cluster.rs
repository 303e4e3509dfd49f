//! A cluster as it is when nothing is left to do: made on the model, as the sandbox makes it.

use jiff::Timestamp;
use reconcile::decide::{Next, Run, Situation, decide, ledger_before};
use reconcile::diag::SourceFile;
use reconcile::fleet::{self, ClusterSpec, Fleet};
use reconcile::model;
use reconcile::state::{Evidence, Observation};

use super::Result;
use super::fleet::File;

/// More decisions than any birth takes.
const MOST_DECISIONS: usize = 1000;

pub(crate) fn now() -> Timestamp {
    "2026-11-21T10:00:00Z".parse().expect("a time")
}

/// These documents as a fleet.
pub(crate) fn load(files: Vec<File>) -> Result<Fleet> {
    let files: Vec<SourceFile> = files
        .into_iter()
        .map(|file| SourceFile {
            name: file.path,
            text: file.text,
        })
        .collect();
    let loaded = fleet::load(&files);
    loaded
        .fleet
        .ok_or_else(|| format!("the documents are not right: {:?}", loaded.diagnostics).into())
}

/// Born and settled.
pub(crate) fn settled(spec: &ClusterSpec) -> Observation {
    let mut observed = model::empty(spec.id.clone(), now());
    model::provide_secrets(&mut observed, spec);
    let mut evidence = Evidence::default();
    for _ in 0..MOST_DECISIONS {
        evidence.record(&observed);
        let decision = decide(&Situation {
            spec,
            observed: &observed,
            evidence: &evidence,
        });
        match decision.next {
            Next::Rest => {
                assert_eq!(decision.notes, [], "{} is in sync", spec.id);
                return observed;
            }
            Next::Wait { condition, .. } => model::advance(&mut observed, spec, condition),
            Next::Act(step) => {
                let ledger = ledger_before(&observed, &step.act, &Run::default());
                model::perform(&mut observed, spec, &step.act, &ledger)
                    .expect("the model accepts an act that was decided on its own state");
            }
        }
    }
    panic!("{} does not come to rest", spec.id)
}
