//! The table: a line for every right. A request that no line allows fails in `tests/fake_api/rights.rs`, as does a line
//! that no request needs.

use super::Mode::{Apply, Check};
use super::Scope::{Cluster, KubeSystem, Namespace, Secrets};
use super::Verb::{Create, Delete, Get, List, Patch, Update};
use super::When::{Always, Attributes, Offline, PortForward};
use super::{Mode, Permission, Scope, Verb, When};

const CORE: &str = "";
const APPS: &str = "apps";
const COORDINATION: &str = "coordination.k8s.io";
const DISCOVERY: &str = "discovery.k8s.io";
const POLICY: &str = "policy";
const SCALING: &str = "autoscaling";
const STORAGE: &str = "storage.k8s.io";

const fn line(
    mode: Mode,
    verb: Verb,
    group: &'static str,
    resource: &'static str,
    scope: Scope,
    when: When,
    why: &'static str,
) -> Permission {
    Permission {
        mode,
        verb,
        group,
        resource,
        scope,
        when,
        why,
    }
}

/// By scope, and in it by resource: the order in which roles and the document list them.
#[rustfmt::skip]
pub const TABLE: &[Permission] = &[
    line(Check, Get,    CORE, "namespaces",             KubeSystem, Always, "the UID of kube-system: which Kubernetes cluster this is, held against `contexts.*.clusterUID`"),
    line(Check, Get,    CORE, "nodes",                  Cluster, Always, "whether the node of a pod or of a local volume is there and ready"),
    line(Check, List,   CORE, "nodes",                  Cluster, Always, "the node of a local volume, by its host's label, where that is not the node's name"),
    line(Check, Get,    CORE, "persistentvolumes",      Cluster, Always, "the volume of a claim that lost its labels"),
    line(Check, List,   CORE, "persistentvolumes",      Cluster, Always, "reclaim policy and node of members' volumes, and the volumes that members left"),
    line(Apply, Patch,  CORE, "persistentvolumes",      Cluster, Always, "retain-volume before a claim is given up, discard-volume, lend-volume"),
    line(Check, List,   STORAGE, "storageclasses",      Cluster, Always, "whether volumes of a class can grow, and when they are bound"),
    line(Check, List,   STORAGE, "volumeattributesclasses", Cluster, Attributes, "whether the class is there, and its driver"),
    line(Check, List,   APPS, "statefulsets",           Cluster, Always, "the fleet's, in all namespaces: clusters that Git does not name, and one that lives elsewhere before it would be born again"),
    line(Check, List,   CORE, "configmaps",             Cluster, Always, "the fleet's ledgers, in all namespaces, for the same"),
    line(Check, Get,    CORE, "namespaces",             Namespace, Always, "whether the namespace is there"),
    line(Check, Get,    CORE, "serviceaccounts",        Namespace, Always, "one of our name without our labels"),
    line(Check, List,   CORE, "serviceaccounts",        Namespace, Always, "what differs from Git"),
    line(Apply, Create, CORE, "serviceaccounts",        Namespace, Always, "create"),
    line(Apply, Patch,  CORE, "serviceaccounts",        Namespace, Always, "create, update, take-over: by server-side apply"),
    line(Check, Get,    CORE, "services",               Namespace, Always, "one of our name without our labels"),
    line(Check, List,   CORE, "services",               Namespace, Always, "what differs from Git"),
    line(Apply, Create, CORE, "services",               Namespace, Always, "create"),
    line(Apply, Patch,  CORE, "services",               Namespace, Always, "create, update, take-over: by server-side apply"),
    line(Check, Get,    CORE, "configmaps",             Namespace, Always, "the members' files and the ledger: without our labels, and right before either is written"),
    line(Check, List,   CORE, "configmaps",             Namespace, Always, "the members' files and the ledger"),
    line(Apply, Create, CORE, "configmaps",             Namespace, Always, "create; the ledger before the first act"),
    line(Apply, Patch,  CORE, "configmaps",             Namespace, Always, "the ledger before every act; write-join-file, poison-file, update, take-over"),
    line(Check, Get,    POLICY, "poddisruptionbudgets", Namespace, Always, "one of our name without our labels"),
    line(Check, List,   POLICY, "poddisruptionbudgets", Namespace, Always, "what differs from Git"),
    line(Apply, Create, POLICY, "poddisruptionbudgets", Namespace, Always, "create"),
    line(Apply, Patch,  POLICY, "poddisruptionbudgets", Namespace, Always, "create, update, take-over: by server-side apply"),
    line(Check, Get,    APPS, "statefulsets",           Namespace, Always, "one of our name without our labels, and right before it is written"),
    line(Check, List,   APPS, "statefulsets",           Namespace, Always, "replicas, and what differs from Git"),
    line(Apply, Create, APPS, "statefulsets",           Namespace, Always, "create"),
    line(Apply, Patch,  APPS, "statefulsets",           Namespace, Always, "start-member, stop-member, halt-member, update, take-over"),
    line(Apply, Delete, APPS, "statefulsets",           Namespace, Always, "orphan-delete, where the claims' template follows Git; delete, of one that was never born"),
    line(Check, Get,    CORE, "pods",                   Namespace, Always, "a member's pod that lost its labels"),
    line(Check, List,   CORE, "pods",                   Namespace, Always, "members' addresses, readiness and last words"),
    line(Apply, Create, CORE, "pods",                   Namespace, Offline, "copy-data"),
    line(Apply, Patch,  CORE, "pods",                   Namespace, Always, "drain, undrain: the label that the client Service selects; copy-data; import --adopt"),
    line(Apply, Delete, CORE, "pods",                   Namespace, Always, "restart-member where no budget could allow an eviction, delete-pod, force-delete-pod, stop-copy"),
    line(Apply, Create, CORE, "pods/eviction",          Namespace, Always, "restart-member, weighed against the budget by the API server"),
    line(Check, Get,    CORE, "pods/portforward",       Namespace, PortForward, "members' client and metrics ports through the API server"),
    line(Check, Create, CORE, "pods/portforward",       Namespace, PortForward, "the same: newer API servers ask for this right as well"),
    line(Check, Get,    CORE, "persistentvolumeclaims", Namespace, Always, "a member's claim that lost its labels"),
    line(Check, List,   CORE, "persistentvolumeclaims", Namespace, Always, "class, size and volume of each member"),
    line(Apply, Create, CORE, "persistentvolumeclaims", Namespace, Offline, "make-claim, lend-volume"),
    line(Apply, Patch,  CORE, "persistentvolumeclaims", Namespace, Always, "expand-claim, modify-claim, make-claim, lend-volume; import --adopt"),
    line(Apply, Delete, CORE, "persistentvolumeclaims", Namespace, Always, "release-claim, return-volume"),
    line(Check, Get,    CORE, "secrets",                Secrets, Always, "the certificates, keys and passwords that the documents name: to be let in by members and stores"),
    line(Check, List,   CORE, "resourcequotas",         Namespace, Always, "whether there is room for a member more"),
    line(Check, List,   CORE, "events",                 Namespace, Always, "why a pod or claim does not come"),
    line(Check, List,   DISCOVERY, "endpointslices",    Namespace, Always, "which members the client Service sends to"),
    line(Check, List,   SCALING, "horizontalpodautoscalers", Namespace, Always, "whether somebody scales a StatefulSet of ours"),
    line(Check, List,   COORDINATION, "leases",         Namespace, Always, "who holds the lock"),
    line(Apply, Get,    COORDINATION, "leases",         Namespace, Always, "the lock, before it is taken"),
    line(Apply, Create, COORDINATION, "leases",         Namespace, Always, "the lock, the first time"),
    line(Apply, Update, COORDINATION, "leases",         Namespace, Always, "the lock: taken, renewed, given back; import --adopt"),
];
