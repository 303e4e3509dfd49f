//! The kinds we read and write, and where the API server keeps them.

use crate::state::ObjectKind;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Resource {
    Namespace,
    Secret,
    ServiceAccount,
    Service,
    ConfigMap,
    PodDisruptionBudget,
    StatefulSet,
    Pod,
    Claim,
    Volume,
    StorageClass,
    AttributesClass,
    Quota,
    EndpointSlice,
    Lease,
    Node,
    Autoscaler,
    Event,
}

impl Resource {
    pub(super) const fn api_version(self) -> &'static str {
        match self {
            Self::PodDisruptionBudget => "policy/v1",
            Self::StatefulSet => "apps/v1",
            Self::EndpointSlice => "discovery.k8s.io/v1",
            Self::Lease => "coordination.k8s.io/v1",
            Self::Autoscaler => "autoscaling/v2",
            Self::StorageClass | Self::AttributesClass => "storage.k8s.io/v1",
            _ => "v1",
        }
    }

    /// API group; empty for the core.
    pub(super) fn group(self) -> &'static str {
        let version = self.api_version();
        version.split_once('/').map_or("", |(group, _)| group)
    }

    pub(super) const fn kind(self) -> &'static str {
        match self {
            Self::Namespace => "Namespace",
            Self::Secret => "Secret",
            Self::ServiceAccount => "ServiceAccount",
            Self::Service => "Service",
            Self::ConfigMap => "ConfigMap",
            Self::PodDisruptionBudget => "PodDisruptionBudget",
            Self::StatefulSet => "StatefulSet",
            Self::Pod => "Pod",
            Self::Claim => "PersistentVolumeClaim",
            Self::Volume => "PersistentVolume",
            Self::StorageClass => "StorageClass",
            Self::AttributesClass => "VolumeAttributesClass",
            Self::Quota => "ResourceQuota",
            Self::EndpointSlice => "EndpointSlice",
            Self::Lease => "Lease",
            Self::Node => "Node",
            Self::Autoscaler => "HorizontalPodAutoscaler",
            Self::Event => "Event",
        }
    }

    pub(super) const fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::Secret => "secrets",
            Self::ServiceAccount => "serviceaccounts",
            Self::Service => "services",
            Self::ConfigMap => "configmaps",
            Self::PodDisruptionBudget => "poddisruptionbudgets",
            Self::StatefulSet => "statefulsets",
            Self::Pod => "pods",
            Self::Claim => "persistentvolumeclaims",
            Self::Volume => "persistentvolumes",
            Self::StorageClass => "storageclasses",
            Self::AttributesClass => "volumeattributesclasses",
            Self::Quota => "resourcequotas",
            Self::EndpointSlice => "endpointslices",
            Self::Lease => "leases",
            Self::Node => "nodes",
            Self::Autoscaler => "horizontalpodautoscalers",
            Self::Event => "events",
        }
    }

    pub(super) const fn namespaced(self) -> bool {
        !matches!(
            self,
            Self::Namespace
                | Self::Volume
                | Self::StorageClass
                | Self::AttributesClass
                | Self::Node
        )
    }

    /// Path of the collection; the namespace is passed over where the kind has none, and an empty one means all.
    pub(super) fn path(self, namespace: &str) -> String {
        let version = self.api_version();
        let root = if version == "v1" { "/api" } else { "/apis" };
        let plural = self.plural();
        if self.namespaced() && !namespace.is_empty() {
            format!("{root}/{version}/namespaces/{namespace}/{plural}")
        } else {
            format!("{root}/{version}/{plural}")
        }
    }
}

impl From<ObjectKind> for Resource {
    fn from(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::ServiceAccount => Self::ServiceAccount,
            ObjectKind::PeerService | ObjectKind::ClientService => Self::Service,
            ObjectKind::PodDisruptionBudget => Self::PodDisruptionBudget,
            ObjectKind::ConfigMap => Self::ConfigMap,
            ObjectKind::StatefulSet => Self::StatefulSet,
        }
    }
}
