//! Which fleet, and which of its clusters.

use std::path::PathBuf;

use globset::Glob;

use super::Stop;
use crate::fleet::{ClusterSpec, Fleet};

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Selection {
    /// Directory with `fleet.yaml` and `clusters/`
    #[arg(default_value = ".")]
    pub(super) path: PathBuf,
    /// Only clusters whose id `<context>/<name>` matches; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub(super) cluster: Vec<String>,
    /// Only clusters of this context; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(super) context: Vec<String>,
}

impl Selection {
    /// As a filtered plan states them.
    pub(super) fn filters(&self) -> Vec<String> {
        let clusters = self.cluster.iter().map(|c| format!("cluster={c}"));
        let contexts = self.context.iter().map(|c| format!("context={c}"));
        clusters.chain(contexts).collect()
    }

    /// Of clusters that Git does not name. A glob that is none was refused when the others were picked.
    pub(super) fn matches(&self, id: &str) -> bool {
        let matches =
            |glob: &String| Glob::new(glob).is_ok_and(|glob| glob.compile_matcher().is_match(id));
        self.cluster.is_empty() || self.cluster.iter().any(matches)
    }
}

/// The clusters picked. A selector that picks nothing is a mistake, not an empty fleet.
pub(super) fn pick<'f>(args: &Selection, fleet: &'f Fleet) -> Result<Vec<&'f ClusterSpec>, Stop> {
    for context in &args.context {
        if !fleet.contexts.contains_key(context) {
            let known: Vec<&str> = fleet.contexts.keys().map(String::as_str).collect();
            return Err(Stop::usage(format!(
                "the fleet has no context {context:?}; it has: {}",
                known.join(", ")
            )));
        }
    }
    let globs = args
        .cluster
        .iter()
        .map(|glob| {
            Glob::new(glob)
                .map(|g| g.compile_matcher())
                .map_err(|error| Stop::usage(format!("--cluster {glob:?}: {error}")))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let picked: Vec<&ClusterSpec> = fleet
        .clusters
        .iter()
        .filter(|c| globs.is_empty() || globs.iter().any(|g| g.is_match(c.id.to_string())))
        .filter(|c| args.context.is_empty() || args.context.contains(&c.id.context))
        .map(Box::as_ref)
        .collect();
    if picked.is_empty() && !fleet.clusters.is_empty() {
        return Err(Stop::usage(format!(
            "no cluster matches {}; ids are `<context>/<name>`, like {}",
            args.filters().join(" "),
            fleet.clusters[0].id
        )));
    }
    Ok(picked)
}
