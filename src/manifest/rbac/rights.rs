//! Who needs which line of the table where: one identity in one context of a fleet.

use std::collections::{BTreeMap, BTreeSet};

use super::{Mode, Permission, Scope, TABLE, Verb, When};
use crate::fleet::{ClusterSpec, ContextSource, Fleet, MigrationStrategy, Reach};

/// What one identity may do in one context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rights {
    pub fleet: String,
    pub context: String,
    pub mode: Mode,
    pub cluster: Vec<Rule>,
    /// By namespace.
    pub namespaces: BTreeMap<String, Vec<Rule>>,
}

/// What may be done to one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub group: &'static str,
    pub resource: &'static str,
    /// Empty: whatever its name.
    pub names: Vec<String>,
    /// Each with what needs it.
    pub verbs: Vec<(Verb, &'static str)>,
}

impl Rights {
    /// For all clusters that `fleet` holds in `context`. Without one, for what is looked at in every context.
    pub fn of(fleet: &Fleet, context: &str, mode: Mode) -> Self {
        let in_cluster = fleet
            .contexts
            .get(context)
            .is_some_and(|context| context.source == ContextSource::InCluster);
        let mut by_namespace: BTreeMap<String, Vec<&ClusterSpec>> = BTreeMap::new();
        for spec in &fleet.clusters {
            if spec.id.context == context {
                let clusters = by_namespace.entry(spec.namespace.clone()).or_default();
                clusters.push(spec);
            }
        }
        let all: Vec<&ClusterSpec> = by_namespace.values().flatten().copied().collect();
        let cluster = Asking {
            mode,
            in_cluster,
            clusters: &all,
        };
        let namespaces = by_namespace.iter().map(|(namespace, clusters)| {
            let here = Asking {
                clusters,
                ..cluster
            };
            (namespace.clone(), here.rules(Scope::is_namespaced))
        });
        Self {
            fleet: fleet.name.clone(),
            context: context.to_owned(),
            mode,
            namespaces: namespaces.collect(),
            cluster: cluster.rules(|scope| !scope.is_namespaced()),
        }
    }
}

#[derive(Clone, Copy)]
struct Asking<'a> {
    mode: Mode,
    in_cluster: bool,
    clusters: &'a [&'a ClusterSpec],
}

impl Asking<'_> {
    fn rules(&self, of: fn(Scope) -> bool) -> Vec<Rule> {
        let mut rules: Vec<Rule> = Vec::new();
        for line in TABLE.iter().filter(|line| of(line.scope)) {
            let Some(names) = self.names(line) else {
                continue;
            };
            let same = |rule: &&mut Rule| {
                (rule.group, rule.resource) == (line.group, line.resource) && rule.names == names
            };
            match rules.iter_mut().find(same) {
                Some(rule) => rule.verbs.push((line.verb, line.why)),
                None => rules.push(Rule {
                    group: line.group,
                    resource: line.resource,
                    names,
                    verbs: vec![(line.verb, line.why)],
                }),
            }
        }
        rules
    }

    /// The names that the right is for; `None`: it is not needed here.
    fn names(&self, line: &Permission) -> Option<Vec<String>> {
        if line.mode > self.mode || !self.need(line.when) {
            return None;
        }
        match line.scope {
            Scope::Namespace | Scope::Cluster => Some(Vec::new()),
            Scope::KubeSystem => Some(vec!["kube-system".to_owned()]),
            Scope::Secrets => {
                let named = self.clusters.iter().flat_map(|spec| {
                    let store = spec.store_secret().map(str::to_owned);
                    spec.access_secrets().into_iter().chain(store)
                });
                let named: BTreeSet<String> = named.collect();
                (!named.is_empty()).then(|| named.into_iter().collect())
            }
        }
    }

    fn need(&self, when: When) -> bool {
        let any = |what: fn(&ClusterSpec) -> bool| self.clusters.iter().any(|spec| what(spec));
        match when {
            When::Always => true,
            When::PortForward => self.clusters.iter().any(|spec| match spec.access.reach {
                Reach::Direct => false,
                Reach::PortForward => true,
                Reach::Auto => !self.in_cluster,
            }),
            When::Attributes => any(|spec| spec.storage.attributes_class_name.is_some()),
            When::Offline => {
                any(|spec| spec.storage.migration.strategy == MigrationStrategy::Offline)
            }
        }
    }
}
