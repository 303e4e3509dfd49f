//! What Git says of a story's cluster.

use std::fmt::Write as _;
use std::fs;

use crate::story::{Setting, Story};

/// The document's fields that stories move.
#[derive(Clone)]
pub(crate) struct Wish {
    pub(crate) members: u32,
    pub(crate) version: &'static str,
    /// Instead of the bed's image of that version.
    pub(crate) image: Option<&'static str>,
    pub(crate) quota: &'static str,
    pub(crate) class: &'static str,
    /// The name of a `VolumeAttributesClass`.
    pub(crate) attributes: Option<&'static str>,
    pub(crate) size: &'static str,
    /// `inPlace`; `None`: as the program chooses.
    pub(crate) migration: Option<&'static str>,
    /// What copies, where the migration is `offline`.
    pub(crate) copy_image: Option<&'static str>,
    /// Lines of the spec, as YAML on one line each: `resources: {requests: {cpu: 20m}}`.
    pub(crate) more: Vec<String>,
}

impl Wish {
    pub(crate) fn of(setting: &Setting) -> Self {
        Self {
            members: 3,
            version: setting.version,
            image: None,
            quota: "256Mi",
            class: "testbed-ssd",
            attributes: None,
            size: "1Gi",
            migration: None,
            copy_image: None,
            more: Vec::new(),
        }
    }
}

impl Story {
    /// Git moves, and with it what our program may do.
    pub(crate) fn git(&self, change: impl FnOnce(&mut Wish)) {
        let mut wish = self.wish.borrow_mut();
        change(&mut wish);
        let document = self.document(&wish);
        fs::write(self.directory.path().join("clusters/orders.yaml"), document)
            .expect("a writable directory");
        self.grant();
    }

    /// Git says: this many members.
    pub(crate) fn want(&self, members: u32) {
        self.git(|wish| wish.members = members);
    }

    fn document(&self, wish: &Wish) -> String {
        let setting = &self.setting;
        let image = wish.image.map_or_else(
            || format!("docker.io/testbed/etcd:{}", wish.version),
            str::to_owned,
        );
        let attributes = wish
            .attributes
            .map_or_else(String::new, |name| format!(", attributesClassName: {name}"));
        let copy = wish
            .copy_image
            .map_or_else(String::new, |image| format!(", copyImage: {image}"));
        let migration = wish.migration.map_or_else(String::new, |strategy| {
            format!(", migration: {{strategy: {strategy}{copy}}}")
        });
        let mut text = format!(
            "apiVersion: reconcile/v1alpha1\nkind: EtcdCluster\nmetadata: {{name: orders}}\nspec:\n  context: here\n  backend: {{statefulSet: {{namespace: {}}}}}\n  members: {}\n  version: {}\n  image: {image}\n  storage: {{className: {}, size: {}{attributes}{migration}}}\n  etcd: {{quota: {}}}\n",
            self.namespace, wish.members, wish.version, wish.class, wish.size, wish.quota,
        );
        let mut certificate = "";
        if setting.tls {
            certificate = "clientCertSecretName: orders-admin, ";
            text += "  tls:\n    client: {secretName: orders-members, caSecretName: orders-ca}\n    peer: {secretName: orders-members, caSecretName: orders-ca}\n";
        }
        let reach = setting.reach.unwrap_or(self.bed.reach);
        writeln!(text, "  access: {{{certificate}reach: {reach}}}").expect("a string takes it");
        for line in &wish.more {
            writeln!(text, "  {line}").expect("a string takes it");
        }
        text
    }
}
