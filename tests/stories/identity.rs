//! Who our program is in a story: the two identities whose roles it prints itself, and nothing beyond them. Whoever makes
//! the namespaces, the roles and the trouble is somebody else, with all rights there are.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::story::Story;

/// `plan`, `--check`, `status`.
pub(crate) const CHECK: &str = "check";
pub(crate) const APPLY: &str = "apply";
/// Whoever may everything.
pub(crate) const ADMINISTRATOR: &str = "administrator";
/// What the fleet calls the Kubernetes cluster, and what the kubeconfigs do.
pub(crate) const CONTEXT: &str = "here";

pub(crate) fn identity_for(arguments: &[&str]) -> &'static str {
    match arguments {
        ["apply", ..] => APPLY,
        _ => CHECK,
    }
}

pub(crate) fn kubeconfig(directory: &Path, identity: &str) -> PathBuf {
    directory.join(format!("{identity}.kubeconfig"))
}

fn role_of(fleet: &str, identity: &str) -> String {
    format!("reconcile:{fleet}:{CONTEXT}:{identity}")
}

impl Story {
    /// Whoever administers the Kubernetes cluster grants what our program says that it needs.
    pub(crate) fn grant(&self) {
        let printed = [CHECK, APPLY].map(|identity| self.rendered(identity));
        let printed = printed.join("---\n");
        if *self.granted.borrow() == printed {
            return;
        }
        self.bed.apply_manifest(&printed);
        let is_first = self.granted.replace(printed).is_empty();
        if is_first {
            for identity in [CHECK, APPLY] {
                self.log_in(identity);
            }
        } else {
            // The API server reads its roles from a watch.
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        for identity in [CHECK, APPLY] {
            self.until("the roles to be known", 30, || {
                self.may(identity, "list", "persistentvolumes")
                    && self.may(identity, "list", "leases")
            });
        }
    }

    /// What was taken away is given back.
    pub(crate) fn grant_anew(&self) {
        self.granted.replace("taken".to_owned());
        self.grant();
    }

    fn rendered(&self, identity: &str) -> String {
        let output = self.run(&["render", ".", "--rbac", identity]);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "render --rbac: {errors}");
        String::from_utf8(output.stdout).expect("YAML is UTF-8")
    }

    fn user(&self, identity: &str) -> String {
        format!(
            "system:serviceaccount:{}:reconcile-{identity}",
            self.namespace
        )
    }

    /// What the API server itself says.
    pub(crate) fn may(&self, identity: &str, verb: &str, resource: &str) -> bool {
        let user = format!("--as={}", self.user(identity));
        let words = [
            "auth",
            "can-i",
            verb,
            resource,
            &user,
            "-n",
            &self.namespace,
        ];
        self.bed.try_kubectl(&words).status.success()
    }

    /// A kubeconfig with a token of the identity's ServiceAccount.
    fn log_in(&self, identity: &str) {
        let account = format!("reconcile-{identity}");
        let token = self.kubectl(&["create", "token", &account, "--duration=8h"]);
        self.write_kubeconfig(identity, |_| json!({"token": token.trim()}));
    }

    /// With the rights of whoever runs the story.
    pub(crate) fn log_in_as_administrator(&self) {
        self.write_kubeconfig(ADMINISTRATOR, |ours| ours["users"][0]["user"].clone());
    }

    fn write_kubeconfig(&self, identity: &str, user: impl FnOnce(&Value) -> Value) {
        let view = [
            "config",
            "view",
            "--raw",
            "--minify",
            "--flatten",
            "-o=json",
        ];
        let ours: Value = serde_json::from_str(&self.bed.kubectl(&view)).expect("a kubeconfig");
        let theirs = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": CONTEXT,
            "clusters": [{"name": CONTEXT, "cluster": ours["clusters"][0]["cluster"]}],
            "users": [{"name": identity, "user": user(&ours)}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": identity}}],
        });
        let file = kubeconfig(self.directory.path(), identity);
        fs::write(file, theirs.to_string()).expect("a writable directory");
    }

    fn role(&self, identity: &str) -> String {
        role_of(&self.namespace, identity)
    }

    /// One right of a Role in the story's namespace goes.
    pub(crate) fn take_right(&self, identity: &str, verb: &str, resource: &str) {
        let role = self.kubectl(&["get", "role", &self.role(identity), "-o=json"]);
        let mut role: Value = serde_json::from_str(&role).expect("a Role");
        // What the server adds would be applied as well.
        let metadata = role["metadata"].as_object_mut().expect("metadata");
        metadata.retain(|key, _| ["name", "namespace", "labels"].contains(&key.as_str()));
        let rules = role["rules"].as_array_mut().expect("rules");
        let mut of = rules
            .iter_mut()
            .filter(|rule| rule["resources"][0] == resource);
        let given = of.next().expect("a rule for it");
        let verbs = given["verbs"].as_array_mut().expect("verbs");
        let before = verbs.len();
        verbs.retain(|v| v != verb);
        assert_eq!(verbs.len() + 1, before, "{given}");
        self.bed.apply_manifest(&role.to_string());
        self.until("the right to be gone", 30, || {
            !self.may(identity, verb, resource)
        });
    }

    /// What is in no namespace does not go with the story's.
    pub(crate) fn take_rights_back(&self) {
        self.take_rights_back_of(&self.namespace);
    }

    pub(crate) fn take_rights_back_of(&self, fleet: &str) {
        let (check, apply) = (role_of(fleet, CHECK), role_of(fleet, APPLY));
        let kinds = "clusterrolebinding,clusterrole";
        let words = ["delete", kinds, &check, &apply, "--ignore-not-found"];
        self.bed.try_kubectl(&words);
    }
}
