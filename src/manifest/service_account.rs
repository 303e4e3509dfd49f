//! The identity that members run under: it can do nothing.

use k8s_openapi::api::core::v1::ServiceAccount;

use super::metadata;
use crate::fleet::ClusterSpec;
use crate::state::ObjectKind;

pub(super) fn object(spec: &ClusterSpec) -> ServiceAccount {
    ServiceAccount {
        metadata: metadata(ObjectKind::ServiceAccount, spec),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    }
}
