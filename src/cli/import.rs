//! `reconcile import`: a document of what runs, and taking over what another fleet made.

mod refused;

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::{Done, Stop, documents, terminal, validate, worlds};
use crate::diag::{SourceFile, defuse, render_all};
use crate::fleet::{ClusterId, ClusterSpec, EtcdVersion, Fleet, nearest};
use crate::import::{self, Finding, Imported, Wanted};
use crate::report::Exit;
use crate::world::live::{Contexts, Live, Options};

/// Write a cluster's document from what runs, and adopt it
///
/// Reads a StatefulSet with its Services, claims, configuration and members, and writes `clusters/<context>/<name>.yaml` with
/// the fields that the fleet does not say already. What no document can hold is listed on stderr, with what becomes of
/// it. Nothing in the Kubernetes cluster is changed, no file is written over, and no Secret is read into the document.
///
/// With `--adopt`, once the document is in the fleet: takes over the objects of a cluster of another fleet, or of this one
/// under another context. Labels are written and nothing restarts. What was made in another way, and what another
/// controller acts on, is refused.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ImportArgs {
    /// The cluster, as `<context>/<name>`
    #[arg(value_name = "CLUSTER-ID")]
    cluster: String,
    /// Directory with `fleet.yaml` and `clusters/`
    #[arg(default_value = ".")]
    path: PathBuf,
    /// Namespace that it runs in
    #[arg(long, required_unless_present = "adopt", conflicts_with = "adopt")]
    namespace: Option<String>,
    /// StatefulSet of its members; the cluster's name by default
    #[arg(long, value_name = "NAME", conflicts_with = "adopt")]
    statefulset: Option<String>,
    /// Where the document goes; `-` is stdout
    #[arg(long, value_name = "FILE", conflicts_with = "adopt")]
    out: Option<PathBuf>,
    /// Profile of the fleet that it shall have
    #[arg(long, value_name = "NAME", conflicts_with = "adopt")]
    profile: Option<String>,
    /// etcd's version, where neither the members nor their image tell it
    #[arg(long, value_name = "VERSION", conflicts_with = "adopt")]
    etcd_version: Option<EtcdVersion>,
    /// Secret with the certificate that members take from reconcile (`access.clientCertSecretName`)
    #[arg(long, value_name = "NAME", conflicts_with = "adopt")]
    client_cert_secret: Option<String>,
    /// Secret with a login of the root role, where authentication is on (`access.credentialsSecretName`)
    #[arg(long, value_name = "NAME", conflicts_with = "adopt")]
    credentials_secret: Option<String>,
    /// Take over the objects of the cluster, which has its document already
    #[arg(long)]
    adopt: bool,
    /// Do not ask before adopting
    #[arg(long, requires = "adopt")]
    yes: bool,
}

pub(super) fn run(args: &ImportArgs) -> Done {
    let id = ClusterId::try_from(args.cluster.clone()).map_err(Stop::usage)?;
    let loaded = documents::load(&args.path)?;
    let fleet = &loaded.fleet;
    has_context(fleet, &id.context)?;
    let contexts = Contexts::new(fleet, &args.path);
    let live = Live::new(contexts, Options::default());
    let there = fleet.clusters.iter().find(|cluster| cluster.id == id);
    let runtime = worlds::runtime()?;
    match (there, args.adopt) {
        (Some(spec), true) => runtime.block_on(adopt(args, &live, spec)),
        (None, true) => Err(Stop::usage(format!(
            "the fleet has no cluster {:?}; write its document first: reconcile import {id} --namespace NAMESPACE",
            id.to_string()
        ))),
        (Some(spec), false) => Err(Stop::usage(format!(
            "the fleet has {id} already{}; remove its document to have it written anew, or give --adopt to take over its objects",
            said_in(spec)
        ))),
        (None, false) => {
            let target = target(args, &id)?;
            let imported = runtime.block_on(read(args, &live, &id))?;
            write(&imported, &id, target.as_deref())
        }
    }
}

fn has_context(fleet: &Fleet, name: &str) -> Result<(), Stop> {
    if fleet.contexts.contains_key(name) {
        return Ok(());
    }
    let names: Vec<&str> = fleet.contexts.keys().map(String::as_str).collect();
    let near = nearest(name, names.iter().copied());
    let hint = near.map_or_else(
        || format!("it has {}", names.join(", ")),
        |near| format!("did you mean {near}"),
    );
    Err(Stop::usage(format!(
        "the fleet has no context {name:?}; {hint}"
    )))
}

fn said_in(spec: &ClusterSpec) -> String {
    let origin = spec.origins.get("/metadata/name");
    origin.map_or_else(String::new, |origin| format!(", in {}", origin.file))
}

/// A fleet may be named by its file too.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if path.is_file() => parent,
        _ => path,
    }
}

/// `None`: stdout. A file that is there is never written over.
fn target(args: &ImportArgs, id: &ClusterId) -> Result<Option<PathBuf>, Stop> {
    let usual = || {
        directory(&args.path)
            .join("clusters")
            .join(&id.context)
            .join(format!("{}.yaml", id.name))
    };
    let target = args.out.clone().unwrap_or_else(usual);
    if target == Path::new("-") {
        return Ok(None);
    }
    if target.symlink_metadata().is_ok() {
        return Err(taken(&target));
    }
    Ok(Some(target))
}

fn taken(target: &Path) -> Stop {
    Stop::usage(format!(
        "{} is there already, and no file is written over; give --out FILE, or --out - for stdout",
        target.display()
    ))
}

async fn read(args: &ImportArgs, live: &Live, id: &ClusterId) -> Result<Imported, Stop> {
    let namespace = args.namespace.as_deref().unwrap_or_default();
    let name = args.statefulset.as_deref().unwrap_or(&id.name);
    let running = live.running(&id.context, namespace, name).await;
    let running = running.map_err(|error| refused::absent(&error))?;
    let fleet = fleet_file(&args.path)?;
    let mut wanted = Wanted {
        id: id.clone(),
        profile: args.profile.clone(),
        version: args.etcd_version,
        client_certificate: args.client_cert_secret.clone(),
        credentials: args.credentials_secret.clone(),
    };
    let (mut imported, untold) = match import::document(&running, &wanted, &fleet) {
        Ok(imported) => (imported, None),
        Err(error) => {
            let any = || import::of_any_version(&running, &wanted, &fleet);
            let any = wanted.version.is_none().then(any).flatten();
            let any = any.ok_or_else(|| refused::undocumented(&error))?;
            (any, Some(error))
        }
    };
    live.nobody_acts(&imported.spec)
        .await
        .map_err(|error| refused::acted(&error))?;
    let observed = live.observe_each(&[&imported.spec]).await.remove(0);
    let said = import::version_of(&observed).filter(|_| args.etcd_version.is_none());
    match (said, untold) {
        (None, Some(error)) => return Err(refused::undocumented(&error)),
        (Some(version), _) if version != imported.spec.version => {
            wanted.version = Some(version);
            let again = import::document(&running, &wanted, &fleet);
            imported = again.map_err(|error| refused::undocumented(&error))?;
        }
        _ => {}
    }
    let answers = import::answers(&imported.spec, &observed);
    imported.findings.extend(answers);
    imported
        .findings
        .extend(import::whose(&running, &imported.spec));
    Ok(imported)
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

/// The file with the fleet's own document, read again: what is checked before the document is written is what will be.
fn fleet_file(path: &Path) -> Result<SourceFile, Stop> {
    let files = validate::open(path).files;
    let own = |file: &SourceFile| ["fleet.yaml", "fleet.yml"].contains(&base(&file.name));
    let found = files.into_iter().find(own);
    found.ok_or_else(|| Stop::usage(format!("{} has no fleet.yaml", path.display())))
}

fn write(imported: &Imported, id: &ClusterId, target: Option<&Path>) -> Done {
    if let Some(target) = target {
        create(target, &imported.text)?;
    }
    let remarks = render_all(
        &imported.diagnostics,
        &imported.files,
        terminal::diagnostic_style(),
        terminal::width(),
    );
    if !remarks.is_empty() {
        terminal::tell(remarks.trim_end());
    }
    let findings = &imported.findings;
    terminal::tell(&format!("{id}: not in the document, or not as it runs:"));
    for Finding { field, live, then } in findings {
        terminal::tell(&format!(
            "  {}: {}\n    {}",
            defuse(field),
            defuse(live),
            defuse(then)
        ));
    }
    match target {
        None => terminal::print(&imported.text),
        Some(target) => {
            let target = target.display();
            let count = findings.len();
            let plural = if count == 1 { "" } else { "s" };
            terminal::print(&format!(
                "{id}: written to {target}, with {count} finding{plural}; next: reconcile plan --cluster {id}\n"
            ));
        }
    }
    Ok(0)
}

fn create(target: &Path, text: &str) -> Result<(), Stop> {
    let failed = |error: std::io::Error| match error.kind() {
        ErrorKind::AlreadyExists => taken(target),
        _ => Stop::new(1, format!("cannot write {}: {error}", target.display())),
    };
    if let Some(parent) = target.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .open(target)
        .map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

async fn adopt(args: &ImportArgs, live: &Live, spec: &ClusterSpec) -> Done {
    if !args.yes && !terminal::is_interactive() {
        return Err(Stop::usage("no terminal to ask on: give --yes"));
    }
    let Some(adoption) = live
        .adoption(spec)
        .await
        .map_err(|error| refused::kept(&error))?
    else {
        terminal::print(&format!("{}: it is this fleet's already\n", spec.id));
        return Ok(0);
    };
    let owner = defuse(&adoption.owner().to_string()).into_owned();
    terminal::tell(&format!(
        "of {owner}, whose own document must be gone; to be taken over with nothing restarted:"
    ));
    for object in adoption.objects() {
        terminal::tell(&format!("  {}", defuse(&object)));
    }
    let question = format!("Take them over? Type the cluster's id ({}): ", spec.id);
    if !args.yes && terminal::ask(&question)? != spec.id.to_string() {
        let code = Exit::Refused.code();
        return Err(Stop::new(code, "not approved; nothing was changed"));
    }
    let count = adoption
        .take()
        .await
        .map_err(|error| refused::kept(&error))?;
    terminal::print(&format!(
        "{}: {count} objects taken over from {owner}; next: reconcile plan --cluster {}\n",
        spec.id, spec.id
    ));
    Ok(0)
}
