//! What is rendered: goldens of whole clusters, and the members' files held against real etcd.

#[path = "render/cases.rs"]
mod cases;
#[path = "render/etcd.rs"]
mod etcd;
#[path = "render/rbac.rs"]
mod rbac;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use reconcile::cli::render;
use reconcile::fleet::{ClusterSpec, Fleet, Rollout};
use reconcile::manifest;
use reconcile::state::Content;

fn golden(case: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/render")
        .join(case)
}

fn fleet_of(clusters: Vec<ClusterSpec>) -> Fleet {
    Fleet {
        name: "prod".into(),
        contexts: std::collections::BTreeMap::new(),
        clusters: clusters.into_iter().map(Box::new).collect(),
        rollout: Rollout::default(),
    }
}

fn names_in(directory: &Path) -> BTreeSet<String> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .map(|entry| entry.expect("a readable directory").file_name())
        .map(|name| name.into_string().expect("our own names are UTF-8"))
        .collect()
}

/// `SNAPSHOTS=overwrite` writes the files anew; one that is no longer rendered is for a person to delete.
#[test]
fn each_case_renders_as_its_goldens_say() {
    let assert = snapbox::Assert::new().action_env("SNAPSHOTS");
    for (case, spec) in cases::all() {
        let directory = golden(case).join("expected");
        let mut rendered = BTreeSet::new();
        for object in manifest::steady(&spec) {
            let path = directory.join(object.file_name());
            let expected = snapbox::Data::read_from(&path, Some(snapbox::data::DataFormat::Text));
            assert.eq(object.yaml(), expected.raw());
            rendered.insert(object.file_name());
        }
        assert_eq!(names_in(&directory), rendered, "stale files in {case}");
    }
    let known: BTreeSet<_> = cases::all().iter().map(|(c, _)| (*c).to_owned()).collect();
    assert_eq!(names_in(&golden("")), known, "folders without a case");
}

#[test]
fn a_directory_holds_what_the_stream_says() {
    let all: Vec<_> = cases::all()
        .into_iter()
        .map(|(case, mut spec)| {
            case.clone_into(&mut spec.id.name);
            spec
        })
        .collect();
    let fleet = fleet_of(all);
    let mut stream = Vec::new();
    let to_stdout = render::RenderOptions {
        out: None,
        origins: false,
    };
    render::run(&to_stdout, &fleet, &mut stream).expect("a vector takes it all");
    let stream = String::from_utf8(stream).expect("UTF-8");

    let directory = tempfile::tempdir().expect("a temporary directory");
    let to_files = render::RenderOptions {
        out: Some(directory.path().to_owned()),
        origins: false,
    };
    let mut nothing = Vec::new();
    render::run(&to_files, &fleet, &mut nothing).expect("a writable directory");
    assert!(nothing.is_empty(), "files or stdout, not both");

    let mut files = 0;
    for cluster in &fleet.clusters {
        let below = directory.path().join("eu-1").join(&cluster.id.name);
        for name in names_in(&below) {
            let text = fs::read_to_string(below.join(&name)).expect("our own file");
            assert!(stream.contains(&text), "{name}");
            files += 1;
        }
    }
    assert_eq!(stream.matches("---\n").count(), files);
}

/// What a real API server (1.36.3) made of the goldens, on a server-side apply of each and a `get -o json`, with `status`
/// and the server's own metadata taken off. To be made anew when a golden changes in more than a value.
#[test]
fn an_object_that_the_server_filled_in_is_equal() {
    let mut filled_in = 0;
    for (case, spec) in cases::all() {
        for object in manifest::steady(&spec) {
            let file = object.file_name().replace(".yaml", ".json");
            let path = golden(case).join("live").join(file);
            let text =
                fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let live: Content = serde_json::from_str(&text).expect("JSON");
            let differences = manifest::differences(object.body.spot(), live.spot());
            assert_eq!(differences, [], "{}", path.display());
            filled_in += usize::from(live != object.body);
        }
    }
    assert_eq!(
        filled_in,
        3 * cases::all().len(),
        "both Services and the StatefulSet"
    );
}

#[test]
fn two_renderings_are_the_same_to_the_byte() {
    for (case, spec) in cases::all() {
        let once: Vec<_> = manifest::steady(&spec)
            .iter()
            .map(manifest::Object::yaml)
            .collect();
        let again: Vec<_> = manifest::steady(&spec)
            .iter()
            .map(manifest::Object::yaml)
            .collect();
        assert_eq!(once, again, "{case}");
    }
}
