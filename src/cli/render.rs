//! `reconcile render`: the objects of every cluster as they are when nothing is left to do.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::fleet::{ClusterSpec, Fleet};
use crate::manifest::{self, Object};

/// Print the Kubernetes objects of each cluster, as they are when nothing is left to do.
#[derive(Debug, Clone, clap::Args)]
pub struct RenderOptions {
    /// Write files below this directory instead of to stdout: `<context>/<cluster>/<kind>.<name>.yaml`, or
    /// `<context>/rbac.<identity>.yaml`
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Say behind each field which line of the documents it follows, as a comment
    #[arg(long, conflicts_with = "rbac")]
    pub origins: bool,
}

/// Renders every cluster of `fleet`, which holds those that were picked.
pub fn run(args: &RenderOptions, fleet: &Fleet, stdout: &mut dyn Write) -> io::Result<()> {
    for cluster in &fleet.clusters {
        match &args.out {
            Some(directory) => to_directory(directory, cluster, args.origins)?,
            None => to_stream(stdout, cluster, args.origins)?,
        }
    }
    Ok(())
}

/// The objects of a cluster as YAML, each with where its document is, if that was asked for.
fn texts(cluster: &ClusterSpec, origins: bool) -> Vec<(Object, String, String)> {
    if !origins {
        let objects = manifest::steady(cluster).into_iter();
        return objects
            .map(|object| {
                let text = object.yaml();
                (object, text, String::new())
            })
            .collect();
    }
    let traced = manifest::traced(cluster).into_iter();
    traced
        .map(|traced| {
            let document = traced.document();
            let from = document.map(|at| format!(", from {}:{}", at.file, at.line));
            let text = traced.yaml();
            (traced.object, text, from.unwrap_or_default())
        })
        .collect()
}

fn to_stream(stream: &mut dyn Write, cluster: &ClusterSpec, origins: bool) -> io::Result<()> {
    for (object, text, from) in texts(cluster, origins) {
        write!(
            stream,
            "---\n# {}: {}{from}\n{text}",
            cluster.id, object.key
        )?;
    }
    Ok(())
}

fn to_directory(directory: &Path, cluster: &ClusterSpec, origins: bool) -> io::Result<()> {
    let directory = directory.join(&cluster.id.context).join(&cluster.id.name);
    for (object, text, _) in texts(cluster, origins) {
        let file = directory.join(object.file_name());
        in_file(&file, to_file(&file, &text))?;
    }
    Ok(())
}

/// In a directory that is made where it is not there.
pub(super) fn to_file(file: &Path, text: &str) -> io::Result<()> {
    if let Some(directory) = file.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(file, text)
}

/// An error that names the file it is about.
pub(super) fn in_file(path: &Path, result: io::Result<()>) -> io::Result<()> {
    result.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
}
