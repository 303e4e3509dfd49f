//! Quotas: what our claims and pods count, and what the API server does not let the StatefulSet make.

use crate::fleet::{ClusterSpec, Quantity};
use crate::state::{Claim, Kube, Limit, Observation, Pod, PodPhase, claim_counts, pod_counts};

/// What the claims and pods there are count under every limit, in the quotas' order.
pub(super) struct Counted(Vec<u128>);

fn limits(kube: &mut Kube) -> impl Iterator<Item = (&String, &mut Limit)> {
    let quotas = kube.quotas.known_mut().into_iter().flatten();
    quotas.flat_map(|quota| &mut quota.limits)
}

pub(super) fn count(observed: &Observation, spec: &ClusterSpec) -> Counted {
    let Some(kube) = observed.kube.known() else {
        return Counted(Vec::new());
    };
    let claim = |resource: &str, c: &Claim| {
        let class = c.class_name.as_deref();
        claim_counts(resource, class, &c.request)
    };
    let quotas = kube.quotas.known().into_iter().flatten();
    let resources = quotas.flat_map(|quota| quota.limits.keys());
    let counts = resources.map(|resource| {
        let claims: u128 = kube.claims.values().map(|c| claim(resource, c)).sum();
        let claims = claims + lent(kube, resource);
        let copying = kube.copies.values();
        let pods = kube.pods.len() + copying.filter(|c| is_running(c.pod.as_ref())).count();
        claims + pods as u128 * pod_counts(resource, &spec.resources)
    });
    Counted(counts.collect())
}

/// Claims of old volumes are as those were.
fn lent(kube: &Kube, resource: &str) -> u128 {
    let lent = kube.copies.iter().filter(|(_, c)| c.claim.is_some());
    let moving = lent.filter_map(|(o, _)| kube.ledger.as_ref()?.seats.get(o)?.offline.as_ref());
    moving
        .map(|m| claim_counts(resource, m.class_name.as_deref(), &m.size))
        .sum()
}

/// One that has ended counts no more.
fn is_running(pod: Option<&Pod>) -> bool {
    pod.is_some_and(|p| p.phase == PodPhase::Running)
}

/// What has come or gone since then is used or free.
pub(super) fn recount(observed: &mut Observation, spec: &ClusterSpec, before: &Counted) {
    let now = count(observed, spec);
    let Some(kube) = observed.kube.known_mut() else {
        return;
    };
    let moved = before.0.iter().zip(now.0);
    for ((_, limit), (before, now)) in limits(kube).zip(moved) {
        if *before != now {
            let used = limit.used.milli() + now;
            limit.used = Quantity::of_milli(used.saturating_sub(*before));
        }
    }
}

/// What the API server says where it does not let this claim, or else a pod, be made.
pub(super) fn refusal(kube: &Kube, spec: &ClusterSpec, claim: Option<&Claim>) -> Option<String> {
    let quotas = kube.quotas.known().into_iter().flatten();
    let mut limits =
        quotas.flat_map(|q| q.limits.iter().map(move |(name, limit)| (q, name, limit)));
    limits.find_map(|(quota, resource, limit)| {
        let more = claim.map_or_else(
            || pod_counts(resource, &spec.resources),
            |c| claim_counts(resource, c.class_name.as_deref(), &c.request),
        );
        let Limit { hard, used } = limit;
        let forbidden = more > 0 && used.milli().saturating_add(more) > hard.milli();
        forbidden.then(|| {
            format!(
                "FailedCreate: exceeded quota: {}, requested: {resource}={}, used: {resource}={used}, limited: {resource}={hard}",
                quota.name,
                Quantity::of_milli(more)
            )
        })
    })
}
