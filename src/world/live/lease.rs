//! The lock: one Lease per cluster, so that one run at a time acts on it.

use k8s_openapi::api::coordination::v1::Lease;
use serde_json::Value;

use super::names::COMMIT_ANNOTATION;
use crate::state::Lock;

/// Who holds this Lease; `None`: nobody, or it cannot be told.
pub(super) fn lock(object: &Value) -> Option<Lock> {
    let lease: Lease = serde_json::from_value(object.clone()).ok()?;
    let spec = lease.spec?;
    Some(Lock {
        holder: spec.holder_identity.filter(|holder| !holder.is_empty())?,
        renewed: spec.renew_time.or(spec.acquire_time)?.0,
        duration: u32::try_from(spec.lease_duration_seconds?).ok()?,
        commit: lease
            .metadata
            .annotations
            .and_then(|mut annotations| annotations.remove(COMMIT_ANNOTATION)),
    })
}
