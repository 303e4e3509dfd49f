//! Who holds a field: a person's tool, whose value is drift and is taken back, or a controller, which would write it
//! again and is another actor.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FieldManager {
    pub name: String,
    pub time: Option<Timestamp>,
    /// JSON pointers of the leaves it owns.
    pub fields: BTreeSet<String>,
}

/// What writes under a manager's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManagerKind {
    /// A tool that a person runs once. What it wrote stays until somebody writes it again.
    Person,
    /// Something that watches, and writes again what is taken from it.
    Controller,
}

impl FieldManager {
    /// It owns this field, something below it, or the whole that it is a part of.
    pub fn holds(&self, pointer: &str) -> bool {
        self.fields
            .iter()
            .any(|leaf| leaf == pointer || is_below(leaf, pointer) || is_below(pointer, leaf))
    }

    pub fn kind(&self) -> ManagerKind {
        kind_of(&self.name)
    }
}

fn is_below(pointer: &str, parent: &str) -> bool {
    pointer
        .strip_prefix(parent)
        .is_some_and(|rest| rest.starts_with('/'))
}

/// How a manager's name is recognised. Names are compared in lower case.
enum Name {
    Is(&'static str),
    Begins(&'static str),
    Ends(&'static str),
}

use ManagerKind::{Controller, Person};
use Name::{Begins, Ends, Is};

/// First match wins. What no line knows is a person: a script, a new tool, an old name.
const KINDS: &[(Name, ManagerKind)] = &[
    (Begins("kubectl"), Person),
    // OpenShift's kubectl.
    (Is("oc"), Person),
    (Begins("k9s"), Person),
    (Begins("lens"), Person),
    (Begins("openlens"), Person),
    (Begins("freelens"), Person),
    // Lens, and other tools made with Electron.
    (Begins("node-fetch"), Person),
    // A browser: the Kubernetes dashboard, Headlamp, Rancher's pages.
    (Begins("mozilla"), Person),
    (Begins("headlamp"), Person),
    (Begins("curl"), Person),
    (Begins("httpie"), Person),
    // The Python client in a script.
    (Begins("openapi-generator"), Person),
    (Begins("python-"), Person),
    // What an object held before the first server-side apply; who wrote it is not known any more.
    (Is("before-first-apply"), Person),
    (Begins("argocd"), Controller),
    (Begins("flux"), Controller),
    (Begins("helm"), Controller),
    // Only what comes through `scale` is kept of it: an autoscaler.
    (Is("kube-controller-manager"), Controller),
    (Begins("vpa-"), Controller),
    (Begins("keda"), Controller),
    (Begins("etcd-druid"), Controller),
    (Begins("gardener-"), Controller),
    (Is("gardenlet"), Controller),
    (Begins("crossplane"), Controller),
    (Begins("apiextensions.crossplane.io"), Controller),
    // Not resident, but each run writes again what its state says.
    (Begins("terraform"), Controller),
    (Is("hashicorp"), Controller),
    (Begins("pulumi"), Controller),
    (Begins("kapp"), Controller),
    (Begins("sveltos"), Controller),
    (Begins("rancher"), Controller),
    (Begins("fleet"), Controller),
    (Begins("kyverno"), Controller),
    (Begins("gatekeeper"), Controller),
    (Begins("stakater"), Controller),
    (Begins("reloader"), Controller),
    (Begins("linkerd"), Controller),
    (Begins("istio"), Controller),
    (Begins("pilot-"), Controller),
    // What kubebuilder calls a controller that was not named.
    (Is("manager"), Controller),
    (Is("controller"), Controller),
    (Is("operator"), Controller),
    (Ends("-controller"), Controller),
    (Ends("-controller-manager"), Controller),
    (Ends("-operator"), Controller),
    (Ends("-manager"), Controller),
    (Ends("-autoscaler"), Controller),
    (Ends("-updater"), Controller),
    (Ends("-webhook"), Controller),
    (Ends("-injector"), Controller),
    (Ends("-agent"), Controller),
];

fn kind_of(name: &str) -> ManagerKind {
    let name = name.to_ascii_lowercase();
    let is = |known: &Name| match known {
        Is(whole) => name == *whole,
        Begins(head) => name.starts_with(head),
        Ends(tail) => name.ends_with(tail),
    };
    KINDS
        .iter()
        .find(|(known, _)| is(known))
        .map_or(Person, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_and_controllers_are_told_apart() {
        let people = [
            "kubectl",
            "kubectl-client-side-apply",
            "kubectl-edit",
            "kubectl-patch",
            "kubectl-scale",
            "k9s",
            "Lens",
            "node-fetch",
            "Mozilla",
            "curl",
            "OpenAPI-Generator",
            "before-first-apply",
            "fix-prod.sh",
            "",
        ];
        for name in people {
            assert_eq!(kind_of(name), Person, "{name}");
        }
        let controllers = [
            "argocd-controller",
            "argocd-application-controller",
            "kustomize-controller",
            "helm-controller",
            "helm",
            "Helm",
            "kube-controller-manager",
            "vpa-updater",
            "vpa-recommender",
            "keda-operator",
            "etcd-druid",
            "Terraform",
            "HashiCorp",
            "pulumi-kubernetes-1a2b",
            "apiextensions.crossplane.io/composite",
            "manager",
            "our-own-operator",
            "Reloader",
        ];
        for name in controllers {
            assert_eq!(kind_of(name), Controller, "{name}");
        }
    }

    #[test]
    fn no_line_of_the_table_is_hidden_by_one_above() {
        for (at, (name, _)) in KINDS.iter().enumerate() {
            let shortest = match name {
                Is(text) | Begins(text) | Ends(text) => *text,
            };
            let first = KINDS.iter().position(|(known, _)| match known {
                Is(whole) => shortest == *whole,
                Begins(head) => shortest.starts_with(head),
                Ends(tail) => shortest.ends_with(tail),
            });
            assert_eq!(first, Some(at), "{shortest}");
        }
    }

    #[test]
    fn a_field_is_held_with_what_is_above_and_below_it() {
        let manager = FieldManager {
            name: "kubectl-edit".into(),
            time: None,
            fields: ["/spec/selector", "/spec/ports/0/port"]
                .map(str::to_owned)
                .into(),
        };
        for held in ["/spec/selector/app", "/spec/ports", "/spec/ports/0/port"] {
            assert!(manager.holds(held), "{held}");
        }
        for free in ["/spec/ports/1", "/spec/selectors", "/metadata"] {
            assert!(!manager.holds(free), "{free}");
        }
    }
}
