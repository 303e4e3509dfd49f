//! How the servers answer an act: the preconditions that only they can check, time-outs, and then the model.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde_json::Value;

use super::stage::{Bound, Late, Stage, is_ready};
use super::volumes::Trouble;
use crate::decide::{Act, RestartBy, quorum};
use crate::fleet::Ordinal;
use crate::model;
use crate::state::{Kube, Ledger, MemberConfig, ObjectKind, Observation};
use crate::world::PerformError;

/// What a run remembers of its last look, to compare and swap with.
#[derive(Debug, Clone, Default)]
pub(super) struct Looked {
    ledger: Option<Ledger>,
    files: BTreeMap<Ordinal, MemberConfig>,
}

impl Looked {
    pub(super) fn at(seen: &Observation) -> Self {
        let kube = seen.kube.known();
        Self {
            ledger: kube.and_then(|k| k.ledger.clone()),
            files: kube.map(|k| k.member_files.clone()).unwrap_or_default(),
        }
    }
}

/// No answer comes to this act; it takes effect so many seconds later, or never.
pub(super) type Unanswered = Option<u32>;

impl Stage {
    pub(super) fn receive(
        &mut self,
        act: &Act,
        ledger: &Ledger,
        looked: &Looked,
        unanswered: Option<Unanswered>,
    ) -> Result<(), PerformError> {
        if self.is_away() {
            return Err(PerformError::NotDone(
                "the API server does not answer".into(),
            ));
        }
        let live = self.kube().ledger.as_ref();
        if live != Some(ledger) && live != looked.ledger.as_ref() {
            return Err(moved("the ledger"));
        }
        self.has_not_moved(act, looked)?;
        self.kube_mut().ledger = Some(ledger.clone());
        if let Some(after) = unanswered {
            if let Some(seconds) = after {
                let span = SignedDuration::from_secs(i64::from(seconds));
                let due = self.truth.at.checked_add(span).unwrap_or(self.truth.at);
                let bound = self.bound_to(act);
                let act = act.clone();
                self.late.push(Late { due, act, bound });
            }
            return Err(PerformError::Unknown("deadline exceeded".into()));
        }
        self.carry_out(act, ledger)
    }

    /// What the live world binds a write to: the object that it read right before.
    fn bound_to(&self, act: &Act) -> Bound {
        let (Act::WriteMemberFile { object, .. } | Act::UpdateObject { object, .. }) = act else {
            return Bound::Free;
        };
        let live = self.kube().objects.get(&object.kind);
        live.map_or(Bound::Broken, |o| Bound::To(object.kind, o.content.clone()))
    }

    /// The live world compares an object with what was seen before it applies a whole body.
    fn has_not_moved(&self, act: &Act, looked: &Looked) -> Result<(), PerformError> {
        let Act::UpdateObject { object, body, .. } = act else {
            return Ok(());
        };
        let kube = self.kube();
        match object.kind {
            ObjectKind::ConfigMap if kube.member_files != looked.files => {
                Err(moved("the members' files"))
            }
            ObjectKind::StatefulSet => {
                let wanted = body.pointer("/spec/replicas").and_then(Value::as_u64);
                let live = kube.stateful_set.as_ref().map(|s| u64::from(s.replicas));
                if wanted.is_some() && wanted != live {
                    return Err(moved("replicas"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The act reaches its server.
    pub(super) fn carry_out(&mut self, act: &Act, ledger: &Ledger) -> Result<(), PerformError> {
        self.server_agrees(act)?;
        match act {
            // Its kubelet never says that the process has ended.
            Act::DeletePod {
                ordinal,
                pod,
                force: false,
            }
            | Act::RestartMember { ordinal, pod, .. }
                if self.is_on_a_lost_node(*ordinal) =>
            {
                let live = self.kube_mut().pods.get_mut(ordinal);
                return match live.filter(|p| p.uid == *pod) {
                    Some(live) => {
                        live.deleting = true;
                        Ok(())
                    }
                    None => Err(PerformError::NotDone(
                        "conflict: the pod is another one".into(),
                    )),
                };
            }
            _ => {}
        }
        let (truth, spec) = (&mut self.truth, &self.rendered);
        let answer = model::perform(truth, spec, act, ledger);
        self.break_bounds();
        answer.map_err(|error| PerformError::NotDone(error.to_string()))
    }

    fn server_agrees(&self, act: &Act) -> Result<(), PerformError> {
        let no = |why: &str| Err(PerformError::NotDone(why.to_owned()));
        match act {
            Act::TakeSnapshot if self.trouble.contains(&Trouble::StoreAway) => {
                no("the snapshot store: deadline exceeded")
            }
            Act::TakeSnapshot if self.trouble.contains(&Trouble::StoreFull) => {
                no("the snapshot store: no space left on device")
            }
            Act::AddLearner { .. }
            | Act::Promote { .. }
            | Act::RemoveMember { .. }
            | Act::MoveLeader { .. }
                if !self.has_quorum() =>
            {
                Err(PerformError::Unknown(
                    "etcdserver: request timed out".into(),
                ))
            }
            // The server counts who is connected (etcd-operations.md 2.8 #10).
            Act::AddLearner { .. } => {
                let (n, h) = self.voters();
                if n > 1 && h < quorum(n + 1) {
                    return no("etcdserver: unhealthy cluster");
                }
                Ok(())
            }
            Act::RestartMember {
                ordinal,
                by: RestartBy::Eviction,
                ..
            } if !self.budget_allows(*ordinal) => Err(PerformError::HeldBack(
                "Cannot evict pod as it would violate the pod's disruption budget.".into(),
            )),
            _ => Ok(()),
        }
    }

    /// The eviction API, as the `PodDisruptionBudget` controller counts.
    pub(super) fn budget_allows(&self, ordinal: Ordinal) -> bool {
        let kube = self.kube();
        let budget = kube.objects.get(&ObjectKind::PodDisruptionBudget);
        let least = budget.and_then(|o| o.content.pointer("/spec/minAvailable")?.as_u64());
        let ready = ready_pods(kube);
        let counted = kube.pods.get(&ordinal).is_some_and(|p| p.ready);
        least.is_none_or(|least| ready >= least + u64::from(counted))
    }

    fn is_on_a_lost_node(&self, ordinal: Ordinal) -> bool {
        let kube = self.kube();
        let node = kube.pods.get(&ordinal).and_then(|p| p.node.as_ref());
        node.is_some_and(|n| !is_ready(kube, n))
    }
}

fn ready_pods(kube: &Kube) -> u64 {
    kube.pods
        .values()
        .filter(|p| p.ready && !p.deleting)
        .count() as u64
}

fn moved(what: &str) -> PerformError {
    PerformError::NotDone(format!("{what} moved since it was observed"))
}
