//! What is said where a right is missing: which one, whose, and the line of a role that gives it.

use std::fmt;

use super::{Mode, Permission, Scope, TABLE, Verb, rule_text};

/// What was asked of the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted<'a> {
    pub verb: Verb,
    pub group: &'a str,
    /// With its subresource.
    pub resource: &'a str,
    /// Empty where the kind has none, and for all namespaces.
    pub namespace: &'a str,
    /// Empty for a list.
    pub name: &'a str,
}

/// The API server's own account of a denial. It knows better than we do: to create by server-side apply is a `patch` and
/// a `create`, and some requests are asked about twice.
struct Denial<'a> {
    user: &'a str,
    wanted: Wanted<'a>,
    /// What an authorizer adds.
    more: &'a str,
}

impl<'a> Denial<'a> {
    /// `pods "orders-0" is forbidden: User "ada" cannot get resource "pods" in API group "" in the namespace "etcd"`
    fn parse(message: &'a str) -> Option<Self> {
        let (head, rest) = message.split_once("User \"")?;
        let (user, rest) = rest.split_once("\" cannot ")?;
        let (verb, rest) = rest.split_once(" resource \"")?;
        let (resource, rest) = rest.split_once("\" in API group \"")?;
        let (group, rest) = rest.split_once('"')?;
        let (namespace, more) = match rest.strip_prefix(" in the namespace \"") {
            Some(rest) => rest.split_once('"')?,
            None => ("", rest.strip_prefix(" at the cluster scope")?),
        };
        let wanted = Wanted {
            verb: Verb::ALL.into_iter().find(|known| known.as_str() == verb)?,
            group,
            resource,
            namespace,
            name: head.split('"').nth(1).unwrap_or_default(),
        };
        Some(Self {
            user,
            wanted,
            more: more.trim_start_matches([':', ' ']),
        })
    }
}

/// Older API servers say no more than this where the `create` of a server-side apply is denied.
const UNTOLD: &str = "is forbidden: unknown";

/// Why the API server forbids it: a right that is missing, or for a write also a quota, a policy or a webhook.
pub fn forbidden(wanted: &Wanted, message: &str) -> String {
    if let Some(text) = told(message) {
        return text;
    }
    let mut wanted = *wanted;
    match wanted.verb {
        Verb::Get | Verb::List => missing(&wanted, message),
        Verb::Patch if message.ends_with(UNTOLD) => {
            wanted.verb = Verb::Create;
            missing(&wanted, message)
        }
        _ => format!(
            "forbidden: found that the API server refuses to {wanted} ({message}), expected it to be done; mend what it names (a quota, a policy, a webhook), or, where it is a right, {}",
            way_out(&wanted)
        ),
    }
}

/// The same where the API server itself says that it is a right that is missing.
pub fn told(message: &str) -> Option<String> {
    let Denial { user, wanted, more } = Denial::parse(message)?;
    let mut who = format!("as {user}");
    if !more.is_empty() {
        who = format!("{who}; {more}");
    }
    Some(missing(&wanted, &who))
}

fn missing(wanted: &Wanted, who: &str) -> String {
    format!(
        "forbidden: found no right to {wanted} ({who}), expected one; {}",
        way_out(wanted)
    )
}

fn way_out(wanted: &Wanted) -> String {
    let home = wanted.home();
    let line = TABLE.iter().find(|line| {
        (line.verb, line.group, line.resource) == (wanted.verb, wanted.group, wanted.resource)
            && line.scope.is_namespaced() != home.is_empty()
    });
    let names = match line.map(|line| line.scope) {
        Some(Scope::Secrets | Scope::KubeSystem) => vec![wanted.name],
        _ => Vec::new(),
    };
    let rule = rule_text(wanted.group, wanted.resource, &names, &[wanted.verb]);
    let holder = if home.is_empty() {
        "ClusterRole".to_owned()
    } else {
        format!("Role in namespace {home}")
    };
    let mode = line.map_or(Mode::Apply, |line| line.mode);
    format!("add {rule} to its {holder}; `reconcile render --rbac {mode}` prints all of them")
}

const NAMESPACES: &str = "namespaces";

impl<'a> Wanted<'a> {
    /// The namespace whose Role gives the right; empty: a `ClusterRole` does. To authorizers a namespace is in itself.
    fn home(&self) -> &'a str {
        match (self.resource, self.name) {
            (NAMESPACES, "kube-system") => "",
            (NAMESPACES, name) => name,
            _ => self.namespace,
        }
    }
}

/// `list pods in namespace etcd`
impl fmt::Display for Wanted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            verb,
            resource,
            namespace,
            name,
            ..
        } = *self;
        let slash = if name.is_empty() { "" } else { "/" };
        write!(f, "{verb} {resource}{slash}{name}")?;
        let in_namespaces =
            |line: &Permission| line.resource == resource && line.scope.is_namespaced();
        match namespace {
            _ if resource == NAMESPACES => Ok(()),
            "" if TABLE.iter().any(in_namespaces) => f.write_str(" in all namespaces"),
            "" => Ok(()),
            namespace => write!(f, " in namespace {namespace}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: Wanted<'_> = Wanted {
        verb: Verb::List,
        group: "",
        resource: "pods",
        namespace: "etcd",
        name: "",
    };

    #[test]
    fn the_api_servers_own_words_are_believed() {
        let message = r#"statefulsets.apps "orders" is forbidden: User "system:serviceaccount:etcd:reconcile-check" cannot create resource "statefulsets" in API group "apps" in the namespace "etcd": RBAC: role.rbac.authorization.k8s.io "gone" not found"#;
        assert_eq!(
            forbidden(&LIST, message),
            r#"forbidden: found no right to create statefulsets/orders in namespace etcd (as system:serviceaccount:etcd:reconcile-check; RBAC: role.rbac.authorization.k8s.io "gone" not found), expected one; add {apiGroups: ["apps"], resources: [statefulsets], verbs: [create]} to its Role in namespace etcd; `reconcile render --rbac apply` prints all of them"#
        );
    }

    #[test]
    fn lists_of_the_whole_cluster_are_for_a_cluster_role() {
        let message = r#"statefulsets.apps is forbidden: User "ada" cannot list resource "statefulsets" in API group "apps" at the cluster scope"#;
        assert_eq!(
            told(message).as_deref(),
            Some(
                r#"forbidden: found no right to list statefulsets in all namespaces (as ada), expected one; add {apiGroups: ["apps"], resources: [statefulsets], verbs: [list]} to its ClusterRole; `reconcile render --rbac check` prints all of them"#
            )
        );
        let message = r#"nodes "n1" is forbidden: User "ada" cannot get resource "nodes" in API group "" at the cluster scope"#;
        let said = told(message).unwrap();
        assert!(said.contains("right to get nodes/n1 (as ada)"), "{said}");
    }

    #[test]
    fn a_secret_is_given_by_its_name_alone() {
        let message = r#"secrets "login" is forbidden: User "ada" cannot get resource "secrets" in API group "" in the namespace "etcd""#;
        let said = told(message).unwrap();
        let rule = r#"add {apiGroups: [""], resources: [secrets], verbs: [get], resourceNames: ["login"]} to its Role in namespace etcd"#;
        assert!(said.contains(rule), "{said}");
    }

    /// `kube-system` is an object of the whole cluster, and the API server speaks of a namespace all the same.
    #[test]
    fn the_namespace_that_tells_the_cluster_is_in_the_cluster_role() {
        let of = |name: &str| {
            let message = format!(
                r#"namespaces "{name}" is forbidden: User "ada" cannot get resource "namespaces" in API group "" in the namespace "{name}""#
            );
            told(&message).unwrap()
        };
        let said = of("kube-system");
        assert!(
            said.contains(r#"resourceNames: ["kube-system"]} to its ClusterRole"#),
            "{said}"
        );
        let said = of("etcd");
        assert!(
            said.contains("verbs: [get]} to its Role in namespace etcd"),
            "{said}"
        );
    }

    #[test]
    fn a_quota_is_no_missing_right() {
        let wanted = Wanted {
            verb: Verb::Patch,
            name: "orders-0",
            ..LIST
        };
        let said = forbidden(
            &wanted,
            r#"pods "orders-0" is forbidden: exceeded quota: team"#,
        );
        assert!(
            said.contains("refuses to patch pods/orders-0 in namespace etcd"),
            "{said}"
        );
        assert!(
            said.contains("exceeded quota: team), expected it to be done; mend what it names"),
            "{said}"
        );
        let said = forbidden(&wanted, r#"pods "orders-0" is forbidden: unknown"#);
        assert!(said.contains("no right to create pods/orders-0"), "{said}");
    }
}
