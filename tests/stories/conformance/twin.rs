//! The model's half: the same documents, decided and performed on an observation of its own.

use std::collections::BTreeSet;

use reconcile::decide::{Act, IntentKey, Next, Run, Situation, decide, ledger_before};
use reconcile::fleet::{ClusterSpec, Ordinal, load};
use reconcile::model;
use reconcile::source;
use reconcile::state::{Evidence, Observation, Reading};

use super::projection::Projection;
use crate::story::Story;

/// More looks than any wait of the model takes.
const MOST_LOOKS: usize = 200;

pub(super) struct Twin {
    spec: ClusterSpec,
    observed: Observation,
    evidence: Evidence,
    projection: Projection,
    next: Option<Act>,
}

/// What was poisoned before the next step.
pub(super) struct Cleared {
    pub(super) poisoned: BTreeSet<IntentKey>,
}

impl Twin {
    /// An empty Kubernetes, and what Git says now.
    pub(super) fn new(story: &Story) -> Self {
        let spec = spec(story);
        let at = "2026-01-01T00:00:00Z".parse().expect("an instant");
        Self {
            observed: model::empty(spec.id.clone(), at),
            spec,
            evidence: Evidence::default(),
            projection: Projection::default(),
            next: None,
        }
    }

    pub(super) const fn spec(&self) -> &ClusterSpec {
        &self.spec
    }

    /// Git moved.
    pub(super) fn read(&mut self, story: &Story) {
        self.spec = spec(story);
    }

    /// Waits, and poisons what is to be poisoned.
    pub(super) fn clear_poison(&mut self) -> Cleared {
        let mut poisoned = BTreeSet::new();
        while let Some(act) = self.next().filter(|act| act.verb() == "poison-file") {
            poisoned.insert(act.key());
            self.perform();
        }
        Cleared { poisoned }
    }

    /// What comes next, once what is waited for has come about.
    pub(super) fn next(&mut self) -> Option<Act> {
        for _ in 0..MOST_LOOKS {
            self.evidence.record(&self.observed);
            let decision = decide(&Situation {
                spec: &self.spec,
                observed: &self.observed,
                evidence: &self.evidence,
            });
            match decision.next {
                Next::Act(step) => {
                    self.next = Some(step.act.clone());
                    return Some(step.act);
                }
                Next::Wait { condition, .. } => {
                    model::advance(&mut self.observed, &self.spec, condition);
                }
                Next::Rest => {
                    assert!(
                        decision.notes.is_empty(),
                        "the model: {:#?}",
                        decision.notes
                    );
                    self.next = None;
                    return None;
                }
            }
        }
        panic!("the model waits for ever");
    }

    /// Does what [`Twin::next`] returned last.
    pub(super) fn perform(&mut self) {
        let act = self.next.take().expect("asked for after `next`");
        let ledger = ledger_before(&self.observed, &act, &Run::default());
        model::perform(&mut self.observed, &self.spec, &act, &ledger)
            .unwrap_or_else(|error| panic!("{} on the model: {error}", act.verb()));
        // As it does live, between two runs.
        self.pass();
    }

    /// The same member leads as in the real cluster.
    pub(super) fn follow(&mut self, seen: &Observation) {
        let statuses = || seen.etcd.statuses.iter();
        let leads = |reading: &Reading<reconcile::state::MemberStatus>| {
            reading
                .known()
                .is_some_and(|s| s.leader == Some(s.member_id))
        };
        let Some((ordinal, _)) = statuses().find(|(_, reading)| leads(reading)) else {
            return;
        };
        let ours = &mut self.observed.etcd.statuses;
        let Some(id) = ours
            .get(ordinal)
            .and_then(Reading::known)
            .map(|s| s.member_id)
        else {
            return;
        };
        if ours.values().any(leads) && ours.get(ordinal).is_some_and(leads) {
            return;
        }
        self.evidence.expect_leader_change();
        for status in ours.values_mut().filter_map(Reading::known_mut) {
            status.leader = Some(id);
            status.term += 1;
        }
    }

    fn pass(&mut self) {
        let second = jiff::SignedDuration::from_secs(1);
        model::pass(&mut self.observed, &self.spec, second);
    }

    pub(super) fn project(&mut self) -> String {
        self.projection.of(&self.observed)
    }

    pub(super) fn delete_claim(&mut self, ordinal: u32) {
        let kube = self
            .observed
            .kube
            .known_mut()
            .expect("the model is readable");
        let claim = kube.claims.get_mut(&Ordinal(ordinal));
        claim.expect("a claim").deleting = true;
    }

    /// The claim and its pod go, and both are made anew.
    pub(super) fn lose_volume(&mut self, ordinal: u32) {
        let ordinal = Ordinal(ordinal);
        let kube = self
            .observed
            .kube
            .known_mut()
            .expect("the model is readable");
        kube.claims.remove(&ordinal);
        kube.pods.remove(&ordinal);
        kube.serving.remove(&ordinal);
        self.observed.etcd.statuses.remove(&ordinal);
        self.pass();
    }
}

fn spec(story: &Story) -> ClusterSpec {
    let documents = source::read(story.directory.path());
    let fleet = load(&documents.files).fleet.expect("a valid fleet");
    *fleet.clusters.into_iter().next().expect("one cluster")
}
