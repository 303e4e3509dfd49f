//! Rights as Kubernetes' own objects. Written by hand: each rule on a line of its own, under what it is for.

use std::fmt::{self, Write as _};

use super::{Mode, Rights, Rule, Verb};
use crate::manifest::label_value;

/// Who is given the rights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    ServiceAccount { namespace: String, name: String },
    User(String),
    Group(String),
}

impl Subject {
    /// A ServiceAccount `reconcile-<mode>` in the first namespace where the fleet has clusters.
    pub fn usual(rights: &Rights) -> Self {
        let namespace = rights.namespaces.keys().next();
        Self::ServiceAccount {
            namespace: namespace.map_or("default", String::as_str).to_owned(),
            name: format!("reconcile-{}", rights.mode),
        }
    }
}

/// A stream of documents for `kubectl apply`: the account, the `ClusterRole`, and a Role in each namespace, bound to it.
pub fn yaml(rights: &Rights, subject: &Subject) -> String {
    let command = match rights.mode {
        Mode::Check => "plan",
        Mode::Apply => "apply",
    };
    let mut text = format!(
        "# {}: what `reconcile {command}` needs there, and nothing more\n",
        rights.context
    );
    if let Subject::ServiceAccount { namespace, name } = subject {
        text += "apiVersion: v1\nkind: ServiceAccount\n";
        metadata(&mut text, rights, name, Some(namespace));
        text += "---\n";
    }
    let role = rights.role_name();
    let mut parts = vec![(None, &rights.cluster)];
    let namespaces = rights.namespaces.iter();
    parts.extend(namespaces.map(|(namespace, rules)| (Some(namespace.as_str()), rules)));
    let parts: Vec<String> = parts
        .into_iter()
        .map(|(namespace, rules)| {
            let kind = if namespace.is_some() {
                "Role"
            } else {
                "ClusterRole"
            };
            let mut part = format!("apiVersion: {RBAC}/v1\nkind: {kind}\n");
            metadata(&mut part, rights, &role, namespace);
            part += "rules:\n";
            for rule in rules {
                write_rule(&mut part, rule);
            }
            let _ = writeln!(part, "---\napiVersion: {RBAC}/v1\nkind: {kind}Binding");
            metadata(&mut part, rights, &role, namespace);
            let _ = writeln!(
                part,
                "roleRef: {{apiGroup: {RBAC}, kind: {kind}, name: {}}}\nsubjects:\n  - {subject}",
                quoted(&role)
            );
            part
        })
        .collect();
    text + &parts.join("---\n")
}

const RBAC: &str = "rbac.authorization.k8s.io";

impl Rights {
    /// Of the roles and of what binds them. No label value has a colon, so that no two fleets or contexts share one.
    pub fn role_name(&self) -> String {
        format!(
            "reconcile:{}:{}:{}",
            label_value(&self.fleet),
            label_value(&self.context),
            self.mode
        )
    }
}

// Writing to a string cannot fail, here and below.
fn metadata(text: &mut String, rights: &Rights, name: &str, namespace: Option<&str>) {
    let _ = writeln!(text, "metadata:\n  name: {}", quoted(name));
    if let Some(namespace) = namespace {
        let _ = writeln!(text, "  namespace: {}", quoted(namespace));
    }
    let _ = writeln!(
        text,
        "  labels: {{app.kubernetes.io/name: reconcile, app.kubernetes.io/component: {}}}",
        rights.mode
    );
}

fn write_rule(text: &mut String, rule: &Rule) {
    for (verb, why) in &rule.verbs {
        let _ = writeln!(text, "  # {verb}: {why}");
    }
    let verbs: Vec<Verb> = rule.verbs.iter().map(|(verb, _)| *verb).collect();
    let names: Vec<&str> = rule.names.iter().map(String::as_str).collect();
    let line = rule_text(rule.group, rule.resource, &names, &verbs);
    let _ = writeln!(text, "  - {line}");
}

/// A rule of a role on one line.
pub fn rule_text(group: &str, resource: &str, names: &[&str], verbs: &[Verb]) -> String {
    let verbs: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
    let mut text = format!(
        "{{apiGroups: [{}], resources: [{resource}], verbs: [{}]",
        quoted(group),
        verbs.join(", ")
    );
    if !names.is_empty() {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        let _ = write!(text, ", resourceNames: [{}]", names.join(", "));
    }
    text + "}"
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAccount { namespace, name } => write!(
                f,
                "{{kind: ServiceAccount, namespace: {}, name: {}}}",
                quoted(namespace),
                quoted(name)
            ),
            Self::User(name) => write!(
                f,
                "{{apiGroup: {RBAC}, kind: User, name: {}}}",
                quoted(name)
            ),
            Self::Group(name) => write!(
                f,
                "{{apiGroup: {RBAC}, kind: Group, name: {}}}",
                quoted(name)
            ),
        }
    }
}

/// A JSON string is a YAML one, whatever is in it: a name may be `on`, or a number.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
