//! `reconcile render --rbac`: the roles of the two identities, one file or part of the stream for each context.

use std::io::{self, Write};
use std::path::Path;

use super::render::{in_file, to_file};
use super::selection::Selection;
use crate::fleet::Fleet;
use crate::manifest::rbac::{Mode, Rights, Subject, yaml};

#[derive(Debug, Clone, clap::Args)]
pub(super) struct RbacOptions {
    /// Print the roles of an identity instead: of the one that plans and checks, or of the one that applies
    #[arg(long, value_name = "IDENTITY")]
    pub(super) rbac: Option<Identity>,
    /// Bind the roles to this ServiceAccount [default: `reconcile-check` or `reconcile-apply`, in the first namespace that
    /// the fleet uses]
    #[arg(long, value_name = "NAMESPACE/NAME", requires = "rbac", group = "subject", value_parser = service_account)]
    service_account: Option<Subject>,
    /// Bind the roles to this user
    #[arg(long, value_name = "NAME", requires = "rbac", group = "subject")]
    user: Option<String>,
    /// Bind the roles to this group
    #[arg(long, value_name = "NAME", requires = "rbac", group = "subject")]
    group: Option<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Identity {
    Check,
    Apply,
}

impl From<Identity> for Mode {
    fn from(identity: Identity) -> Self {
        match identity {
            Identity::Check => Self::Check,
            Identity::Apply => Self::Apply,
        }
    }
}

fn service_account(text: &str) -> Result<Subject, String> {
    let legal = |part: &str| {
        let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        part.len() <= 253
            && part.starts_with(letter)
            && part.ends_with(letter)
            && part.chars().all(|c| letter(c) || matches!(c, '-' | '.'))
    };
    match text.split_once('/') {
        Some((namespace, name)) if legal(namespace) && legal(name) => Ok(Subject::ServiceAccount {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }),
        _ => Err("expected NAMESPACE/NAME, both in lower case, like `etcd/reconcile`".to_owned()),
    }
}

impl RbacOptions {
    fn subject(&self, rights: &Rights) -> Subject {
        let user = self.user.clone().map(Subject::User);
        let named = self.service_account.clone().or(user);
        named
            .or_else(|| self.group.clone().map(Subject::Group))
            .unwrap_or_else(|| Subject::usual(rights))
    }

    /// `fleet` holds the clusters that were picked.
    pub(super) fn run(
        &self,
        mode: Mode,
        out: Option<&Path>,
        (selection, fleet): (&Selection, &Fleet),
        stdout: &mut dyn Write,
    ) -> io::Result<()> {
        for (at, context) in contexts(selection, fleet).enumerate() {
            let rights = Rights::of(fleet, context, mode);
            let text = yaml(&rights, &self.subject(&rights));
            match out {
                Some(directory) => {
                    let file = directory.join(context).join(format!("rbac.{mode}.yaml"));
                    in_file(&file, to_file(&file, &text))?;
                }
                None => write!(stdout, "{}{text}", if at == 0 { "" } else { "---\n" })?,
            }
        }
        Ok(())
    }
}

/// Also those without clusters: what runs there and is in no file is looked for in all. Picked clusters are another
/// matter.
fn contexts<'f>(selection: &Selection, fleet: &'f Fleet) -> impl Iterator<Item = &'f String> {
    let named = selection.context.clone();
    let all = selection.cluster.is_empty();
    fleet.contexts.keys().filter(move |context| {
        let has_clusters = || fleet.clusters.iter().any(|c| c.id.context == **context);
        (named.is_empty() || named.contains(context)) && (all || has_clusters())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_account_is_a_namespace_and_a_name() {
        assert!(service_account("etcd/reconcile").is_ok());
        for wrong in [
            "reconcile",
            "etcd/",
            "/reconcile",
            "a/b/c",
            "etcd/Reconcile",
            "a\n/b",
        ] {
            assert!(service_account(wrong).is_err(), "{wrong:?}");
        }
    }
}
