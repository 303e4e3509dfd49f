//! Several clusters: canaries first, then side by side, stopping after failures.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{StreamExt as _, stream};

use super::approval::Approval;
use super::cluster::{Options, apply_cluster};
use super::event::{ApplyEvent, ClusterOutcome, Ending, Outcome};
use super::interrupt::Interrupt;
use crate::fleet::{ClusterSpec, Rollout};
use crate::world::World;

/// Applies every cluster given, each with its approval. One cluster's failure never touches another that has begun.
pub async fn apply_fleet<W: World, F: Fn(ApplyEvent) + Sync>(
    world: &W,
    clusters: &[(&ClusterSpec, Approval)],
    rollout: &Rollout,
    options: &Options,
    interrupt: &Interrupt,
    tell: &F,
) -> Outcome {
    let failures = AtomicUsize::new(0);
    let failures = &failures;
    let one = async |spec: &ClusterSpec, approval: Approval| {
        let halted = failures.load(Ordering::SeqCst) >= rollout.stop_after_failures;
        if halted || interrupt.count() > 0 {
            return not_started(spec);
        }
        let tried = approval.total() > 0;
        let outcome = apply_cluster(world, spec, approval, options, interrupt, tell).await;
        // A cluster that nothing was approved for says nothing about the rollout.
        if tried && outcome.ending.is_failure() {
            failures.fetch_add(1, Ordering::SeqCst);
        }
        outcome
    };
    let is_canary = |spec: &ClusterSpec| rollout.canary.contains(&spec.id);
    let mut outcomes = Vec::new();
    for (spec, approval) in clusters.iter().filter(|(spec, _)| is_canary(spec)) {
        outcomes.push(one(spec, approval.clone()).await);
    }
    // The others only when every canary ended in sync.
    let passed = |o: &ClusterOutcome| matches!(o.ending, Ending::InSync | Ending::Deferred);
    if !outcomes.iter().all(passed) {
        failures.store(usize::MAX / 2, Ordering::SeqCst);
    }
    let others = clusters.iter().filter(|(spec, _)| !is_canary(spec));
    let mut running = stream::iter(others)
        .map(|(spec, approval)| one(spec, approval.clone()))
        .buffer_unordered(rollout.max_parallel.max(1));
    while let Some(outcome) = running.next().await {
        outcomes.push(outcome);
    }
    outcomes.sort_by(|a, b| a.id.cmp(&b.id));
    Outcome {
        clusters: outcomes,
        signal: interrupt.signal(),
    }
}

fn not_started(spec: &ClusterSpec) -> ClusterOutcome {
    ClusterOutcome {
        id: spec.id.clone(),
        ending: Ending::NotStarted,
        done: Vec::new(),
        left: 0,
        deferred: 0,
        voters: 0,
        tolerance: None,
    }
}
