//! `docs/permissions.md`: every right that the program needs, and what for.

use std::fmt::Write as _;

use crate::manifest::rbac::{Mode, Permission, Scope, TABLE, When};

const HEAD: &str = "\
# Permissions

Generated from the table in `src/manifest/rbac/table.rs`; `SNAPSHOTS=overwrite cargo test --test render` writes it again.

There are two identities. *check* is for `plan`, `--check` and `status`: it can read, and change nothing. *apply*
is for `apply` and `unlock`: it may do the same and what the steps do. `reconcile render` prints the roles of either, for the fleet as it is in Git, with
no right that this fleet does not need:

```sh
reconcile render --rbac check --context eu-1 | kubectl --context eu-1 apply -f -
reconcile render --rbac apply --context eu-1 | kubectl --context eu-1 apply -f -
```

They are bound to the ServiceAccounts `reconcile-check` and `reconcile-apply` in the first namespace that the fleet uses in
that context; `--service-account NAMESPACE/NAME`, `--user NAME` and `--group NAME` name another subject. Roles, accounts and
namespaces are for whoever administers the Kubernetes cluster: `reconcile` never writes one. Print them again when a
cluster comes to another namespace, names another Secret, or begins to use what the column *when* says; a right that is
missing until then is named by the step or reading that misses it, with the line to add.

What must be known of them:

- Whoever may reach a member's client port, and read the Secrets with its certificate or password, can read and write all
  that is in that etcd, the *check* identity included. Neither identity may list Secrets, or read one that the documents
  do not name.
- Kubernetes cannot bound a right to labels. *list* of ConfigMaps in all namespaces shows those of others too; only the
  labels of the fleet are asked for.
- *patch* of PersistentVolumes is for the whole Kubernetes cluster, for a volume is in no namespace. It sets the reclaim
  policy of members' own volumes, and an annotation.
- Server-side apply of an object that is not there is a *patch* and a *create*.
";

/// The whole document.
pub fn permissions_markdown() -> String {
    let mut text = HEAD.to_owned();
    for mode in Mode::ALL {
        let title = match mode {
            Mode::Check => "check",
            Mode::Apply => "apply, besides",
        };
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            text,
            "\n## {title}\n\n| resource | group | verb | where | when | what for |\n|---|---|---|---|---|---|"
        );
        for line in TABLE.iter().filter(|line| line.mode == mode) {
            let _ = writeln!(text, "| {} |", cells(line).join(" | "));
        }
    }
    text
}

fn cells(line: &Permission) -> [String; 6] {
    let place = match line.scope {
        Scope::Namespace => "each namespace with clusters",
        Scope::Secrets => "there, by name",
        Scope::Cluster => "the whole Kubernetes cluster",
        Scope::KubeSystem => "`kube-system` alone",
    };
    let group = if line.group.is_empty() {
        "core".to_owned()
    } else {
        format!("`{}`", line.group)
    };
    let when = match line.when {
        When::Always => String::new(),
        other => other.words().to_owned(),
    };
    [
        format!("`{}`", line.resource),
        group,
        line.verb.to_string(),
        place.to_owned(),
        when,
        line.why.to_owned(),
    ]
}
