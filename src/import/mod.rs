//! What runs → the cluster document that says so, and whose the objects become when a fleet adopts them.
//!
//! Nothing of what runs is dropped in silence: what no field of a document holds is a [`Finding`], with the live value
//! and what comes of it.

mod adopt;
mod answers;
mod configuration;
mod least;
mod leftover;
mod mounts;
mod read;
mod selectors;
mod settings;

use serde_json::{Value, json};

use crate::diag::{Code, Diagnostic, SourceFile};
use crate::fleet::{self, ClusterId, ClusterSpec, EtcdVersion};
use crate::manifest;

pub use adopt::{NotOurs, Owner, moved, whose};
pub use answers::{answers, version_of};

/// A StatefulSet and what belongs to it, as the API server has them. No Secret is among these.
#[derive(Debug, Clone, Default)]
pub struct Running {
    pub stateful_set: Value,
    /// Those whose selector finds its pods.
    pub services: Vec<Value>,
    /// Its claims, as far as there are some.
    pub claims: Vec<Value>,
    /// Those that its pods mount.
    pub config_maps: Vec<Value>,
}

impl Running {
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    pub fn namespace(&self) -> &str {
        self.text("/metadata/namespace")
    }

    fn text(&self, pointer: &str) -> &str {
        let found = self.stateful_set.pointer(pointer);
        found.and_then(Value::as_str).unwrap_or_default()
    }

    /// The fleet that made it, where reconcile did.
    pub fn owner(&self) -> Option<Owner> {
        Owner::of(&self.stateful_set)
    }
}

/// What the document shall be of, as far as what runs does not say it.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub id: ClusterId,
    pub profile: Option<String>,
    /// As the members say; `None`: they were not asked, or did not answer.
    pub version: Option<EtcdVersion>,
    /// The Secret whose certificate members take from us.
    pub client_certificate: Option<String>,
    /// The Secret with a login, where authentication is on.
    pub credentials: Option<String>,
}

/// Something that runs and is not, or not so, in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub field: String,
    pub live: String,
    /// What comes of it.
    pub then: String,
}

impl Finding {
    fn new(field: impl Into<String>, live: impl Into<String>, then: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            live: live.into(),
            then: then.into(),
        }
    }
}

/// A document, and all that it does not hold.
#[derive(Debug)]
pub struct Imported {
    pub text: String,
    pub spec: ClusterSpec,
    pub findings: Vec<Finding>,
    /// Warnings about the document, which is the last of `files`.
    pub diagnostics: Vec<Diagnostic>,
    pub files: Vec<SourceFile>,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("found {found}, expected {expected}")]
    Impossible {
        code: Code,
        found: String,
        expected: &'static str,
        help: String,
    },
    /// The document would not be valid; it is the last of `files`.
    #[error("what runs makes no valid document")]
    Invalid {
        diagnostics: Vec<Diagnostic>,
        files: Vec<SourceFile>,
    },
}

/// The document of what runs, with the fields alone that the fleet's defaults and the profile do not say already.
/// `fleet`: the file with the fleet's own document.
pub fn document(
    running: &Running,
    wanted: &Wanted,
    fleet: &SourceFile,
) -> Result<Imported, ImportError> {
    let read::Read { spec, mut findings } = read::read(running, wanted)?;
    let (diagnostics, files, whole) = load(fleet, wanted, &spec);
    let Some(whole) = whole else {
        return Err(ImportError::Invalid { diagnostics, files });
    };
    let same = |candidate: &Value| {
        let (_, _, found) = load(fleet, wanted, candidate);
        found.is_some_and(|found| least::is_same(&found, &whole))
    };
    let least = least::fields(spec, same);
    let (diagnostics, files, spec) = load(fleet, wanted, &least);
    let Some(spec) = spec else {
        return Err(ImportError::Invalid { diagnostics, files });
    };
    findings.extend(leftover::findings(running, &spec));
    Ok(Imported {
        text: format!(
            "# Written by `reconcile import` from StatefulSet {}/{}.\n{}",
            running.namespace(),
            running.name(),
            text(wanted, &least)
        ),
        spec,
        findings,
        diagnostics,
        files,
    })
}

/// One of each minor, for [`of_any_version`].
const ANY: [EtcdVersion; 3] = [
    EtcdVersion::new(3, 7, 0),
    EtcdVersion::new(3, 6, 0),
    EtcdVersion::new(3, 5, 0),
];

/// The document that it would be with some version: enough to ask the members for theirs, where the image does not tell
/// it or tells a wrong one.
pub fn of_any_version(running: &Running, wanted: &Wanted, fleet: &SourceFile) -> Option<Imported> {
    ANY.into_iter().find_map(|version| {
        let wanted = Wanted {
            version: Some(version),
            ..wanted.clone()
        };
        document(running, &wanted, fleet).ok()
    })
}

fn load(
    fleet: &SourceFile,
    wanted: &Wanted,
    spec: &Value,
) -> (Vec<Diagnostic>, Vec<SourceFile>, Option<ClusterSpec>) {
    let file = SourceFile {
        name: format!("clusters/{}.yaml", wanted.id),
        text: text(wanted, spec),
    };
    let files = vec![fleet.clone(), file];
    let loaded = fleet::load_part(&files);
    let clusters = loaded.fleet.into_iter().flat_map(|fleet| fleet.clusters);
    let spec = clusters.into_iter().find(|cluster| cluster.id == wanted.id);
    (loaded.diagnostics, files, spec.map(|spec| *spec))
}

/// In the order in which people write them.
const ORDER: [&str; 16] = [
    "context",
    "profile",
    "backend",
    "members",
    "version",
    "image",
    "clusterDomain",
    "storage",
    "etcd",
    "resources",
    "tls",
    "access",
    "scheduling",
    "pod",
    "service",
    "policy",
];

fn text(wanted: &Wanted, spec: &Value) -> String {
    let name = manifest::yaml(&json!({"name": wanted.id.name}));
    let mut text = format!(
        "apiVersion: reconcile/v1alpha1\nkind: EtcdCluster\nmetadata:\n{}spec:\n",
        indented(&name)
    );
    for field in ORDER {
        match spec.get(field) {
            None => {}
            // Three numbers are no number, and nobody puts quotes around them.
            Some(Value::String(version)) if field == "version" => {
                text.extend(["  version: ", version, "\n"]);
            }
            Some(value) => text += &indented(&manifest::yaml(&json!({field: value}))),
        }
    }
    text
}

fn indented(yaml: &str) -> String {
    let line = |line: &str| match line {
        "" => "\n".to_owned(),
        line => format!("  {line}\n"),
    };
    yaml.lines().map(line).collect()
}
