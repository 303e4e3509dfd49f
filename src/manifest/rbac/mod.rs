//! The rights that the program needs, and nothing beyond them: one table, and what is made of it. The roles that
//! `render --rbac` prints, `docs/permissions.md`, and what is said where a right is missing.

mod denial;
mod rights;
mod table;
mod yaml;

use std::fmt;

pub use denial::{Wanted, forbidden, told};
pub use rights::{Rights, Rule};
pub use table::TABLE;
pub use yaml::{Subject, rule_text, yaml};

/// Which of the two identities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// `plan`, `--check` and `status`: it changes nothing.
    Check,
    /// `apply`: what `Check` may, and the acts.
    Apply,
}

impl Mode {
    pub const ALL: [Self; 2] = [Self::Check, Self::Apply];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Apply => "apply",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// As Kubernetes' authorizers call them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    Get,
    List,
    Create,
    Update,
    Patch,
    Delete,
}

impl Verb {
    const ALL: [Self; 6] = [
        Self::Get,
        Self::List,
        Self::Create,
        Self::Update,
        Self::Patch,
        Self::Delete,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::List => "list",
            Self::Create => "create",
            Self::Update => "update",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a right reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    /// Everything of that resource in the namespaces of the fleet's clusters.
    Namespace,
    /// There, the Secrets that the documents name.
    Secrets,
    /// Objects of the whole Kubernetes cluster, or those of all namespaces.
    Cluster,
    /// One object of the whole Kubernetes cluster: `kube-system`.
    KubeSystem,
}

impl Scope {
    /// In a Role, and not in a `ClusterRole`.
    pub const fn is_namespaced(self) -> bool {
        matches!(self, Self::Namespace | Self::Secrets)
    }
}

/// Which fleets need a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum When {
    Always,
    /// Members are reached through the API server.
    PortForward,
    /// A cluster names a `VolumeAttributesClass`.
    Attributes,
    /// A cluster's only member moves by a copy of its data.
    Offline,
}

impl When {
    /// As a reader of the documents knows it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::PortForward => {
                "`access.reach: portForward`, or `auto` and the context is not `inCluster`"
            }
            Self::Attributes => "a cluster names `storage.attributesClassName`",
            Self::Offline => {
                "a cluster says `storage.migration.strategy: offline`; until a copy that was begun has ended"
            }
        }
    }
}

/// One right, and what it is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permission {
    /// `Check`: both identities have it.
    pub mode: Mode,
    pub verb: Verb,
    /// API group; empty for the core.
    pub group: &'static str,
    /// With its subresource: `pods/eviction`.
    pub resource: &'static str,
    pub scope: Scope,
    pub when: When,
    /// The reading or act that needs it.
    pub why: &'static str,
}
