//! `reconcile render`: the objects of every cluster as they are when nothing is left to do.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::fleet::{ClusterSpec, Fleet};
use crate::manifest;

/// Print the Kubernetes objects of each cluster, as they are when nothing is left to do.
#[derive(Debug, Clone, clap::Args)]
pub struct RenderOptions {
    /// Write one object a file below this directory, `<context>/<cluster>/<kind>.<name>.yaml`, instead of to stdout
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Renders every cluster of `fleet`, which holds those that were picked.
pub fn run(args: &RenderOptions, fleet: &Fleet, stdout: &mut dyn Write) -> io::Result<()> {
    for cluster in &fleet.clusters {
        match &args.out {
            Some(directory) => to_directory(directory, cluster)?,
            None => to_stream(stdout, cluster)?,
        }
    }
    Ok(())
}

fn to_stream(stream: &mut dyn Write, cluster: &ClusterSpec) -> io::Result<()> {
    for object in manifest::steady(cluster) {
        write!(
            stream,
            "---\n# {}: {}\n{}",
            cluster.id,
            object.key,
            object.yaml()
        )?;
    }
    Ok(())
}

fn to_directory(directory: &Path, cluster: &ClusterSpec) -> io::Result<()> {
    let directory = directory.join(&cluster.id.context).join(&cluster.id.name);
    in_file(&directory, fs::create_dir_all(&directory))?;
    for object in manifest::steady(cluster) {
        let file = directory.join(object.file_name());
        in_file(&file, fs::write(&file, object.yaml()))?;
    }
    Ok(())
}

/// An error that names the file it is about.
fn in_file(path: &Path, result: io::Result<()>) -> io::Result<()> {
    result.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
}
