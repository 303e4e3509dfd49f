//! Which commit the documents are: read-only looks at the checkout they lie in.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use git2::{ErrorCode, Oid, Repository, StatusOptions};
use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

use super::directory::{Listed, slashed};

/// The checkout a fleet was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitState {
    /// The working tree's root.
    pub root: PathBuf,
    /// 40 hex digits.
    pub commit: String,
    /// As git itself shortens it.
    pub short: String,
    /// Seconds since 1970 of the commit, by its committer's clock.
    pub committed: i64,
    /// Files read that are not as they are in the commit: changed, new or ignored. Names as in the documents.
    pub dirty: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum GitError {
    #[error(
        "the checkout at {path} belongs to another user, and git does not trust it: run `git config --global --add \
         safe.directory {path}`"
    )]
    NotOwned { path: String },
    #[error(
        "the repository at {path} is of a format that this program cannot read (SHA-256 objects or reftable): give \
         it a SHA-1 clone with classic refs"
    )]
    Format { path: String },
    #[error(
        "commit {commit} is not in the clone at {path}, maybe since it is shallow: fetch more history"
    )]
    NoCommit { commit: String, path: String },
    #[error("the repository at {path} could not be read: {text}")]
    Other { path: String, text: String },
}

/// `None` where there is no repository, or no commit in it yet.
pub(super) fn look(directory: &Path, files: &[Listed]) -> Result<Option<GitState>, GitError> {
    let wrap = |error: git2::Error| explain(&error, directory);
    let repository = match Repository::discover(directory) {
        Ok(repository) => repository,
        Err(error) if error.code() == ErrorCode::NotFound => return Ok(None),
        Err(error) => return Err(wrap(error)),
    };
    let Some(root) = repository.workdir().map(Path::to_owned) else {
        return Ok(None);
    };
    let head = match repository.head() {
        Ok(head) => head.peel_to_commit().map_err(wrap)?,
        Err(error) if matches!(error.code(), ErrorCode::UnbornBranch | ErrorCode::NotFound) => {
            return Ok(None);
        }
        Err(error) => return Err(wrap(error)),
    };
    let short = head.as_object().short_id().map_err(wrap)?;
    Ok(Some(GitState {
        commit: head.id().to_string(),
        short: String::from_utf8_lossy(&short).into_owned(),
        committed: head.time().seconds(),
        dirty: dirty(&repository, &root, directory, files).map_err(wrap)?,
        root,
    }))
}

/// Judged for the files read alone: in a sparse checkout all others look deleted.
fn dirty(
    repository: &Repository,
    root: &Path,
    directory: &Path,
    files: &[Listed],
) -> Result<Vec<String>, git2::Error> {
    let root = real(root);
    let mut options = StatusOptions::new();
    options
        .include_untracked(true)
        .recurse_untracked_dirs(true)
        .include_ignored(true)
        .recurse_ignored_dirs(true)
        .disable_pathspec_match(true);
    if let Ok(below) = real(directory).strip_prefix(&root)
        && !below.as_os_str().is_empty()
    {
        options.pathspec(below);
    }
    let statuses = repository.statuses(Some(&mut options))?;
    let changed: BTreeSet<Vec<u8>> = statuses
        .iter()
        .map(|entry| entry.path_bytes().to_vec())
        .collect();
    let followed = Followed::new(files.iter().map(|file| file.path.as_path()));
    let is_dirty = |file: &&Listed| {
        let real = if file.regular {
            followed.beside(&file.path)
        } else {
            followed.real(&file.path)
        };
        match real.strip_prefix(&root) {
            Ok(inside) => changed.contains(inside.as_os_str().as_encoded_bytes()),
            // Reached through a symbolic link: no commit of this repository says what is in it.
            Err(_) => true,
        }
    };
    let dirty = files.par_iter().filter(is_dirty);
    Ok(dirty.map(|file| slashed(&file.path)).collect())
}

/// As it is without symbolic links.
fn real(path: &Path) -> PathBuf {
    // The parent of a file that is named alone.
    let here = path.as_os_str().is_empty();
    let path = if here { Path::new(".") } else { path };
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// The directories of some files, each followed once and not with every file in it.
pub(super) struct Followed<'f>(BTreeMap<&'f Path, PathBuf>);

impl<'f> Followed<'f> {
    pub(super) fn new(files: impl Iterator<Item = &'f Path>) -> Self {
        let directories: BTreeSet<&Path> = files.filter_map(Path::parent).collect();
        Self(directories.into_iter().map(|d| (d, real(d))).collect())
    }

    /// One of these files as it is without symbolic links.
    pub(super) fn real(&self, path: &Path) -> PathBuf {
        if path.is_symlink() {
            real(path)
        } else {
            self.beside(path)
        }
    }

    /// The same of one that is known to be no link.
    fn beside(&self, path: &Path) -> PathBuf {
        let directory = path.parent().and_then(|parent| self.0.get(parent));
        match (directory, path.file_name()) {
            (Some(directory), Some(name)) => directory.join(name),
            _ => real(path),
        }
    }
}

/// Is commit `a` in the history of commit `b` (or the same)?
pub fn is_ancestor(repository: &Path, a: &str, b: &str) -> Result<bool, GitError> {
    let wrap = |error: git2::Error| explain(&error, repository);
    let opened = Repository::discover(repository).map_err(wrap)?;
    let find = |commit: &str| {
        let id = Oid::from_str(commit).and_then(|id| opened.find_commit(id));
        id.map(|found| found.id()).map_err(|_| GitError::NoCommit {
            commit: commit.to_owned(),
            path: repository.display().to_string(),
        })
    };
    let (a, b) = (find(a)?, find(b)?);
    Ok(a == b || opened.graph_descendant_of(b, a).map_err(wrap)?)
}

fn explain(error: &git2::Error, path: &Path) -> GitError {
    let path = path.display().to_string();
    let text = error.message().to_owned();
    let format = [
        "unknown object format",
        "unsupported extension",
        "unsupported repository version",
    ];
    match error.code() {
        ErrorCode::Owner => GitError::NotOwned { path },
        _ if format.iter().any(|part| text.contains(part)) => GitError::Format { path },
        _ => GitError::Other { path, text },
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fs;

    use git2::{ErrorClass, IndexAddOption, Signature, Time};

    use super::*;

    /// Everything there is, by one author at this time.
    pub(in crate::source) fn commit(repository: &Repository, seconds: i64) -> String {
        let mut index = repository.index().expect("index");
        index
            .add_all(["."], IndexAddOption::DEFAULT, None)
            .expect("add");
        index.write().expect("index written");
        let tree = index.write_tree().expect("tree");
        let tree = repository.find_tree(tree).expect("tree");
        let who = Signature::new("t", "t@example", &Time::new(seconds, 0)).expect("signature");
        let parent = repository
            .head()
            .ok()
            .and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        let id = repository.commit(Some("HEAD"), &who, &who, "m", &tree, &parents);
        id.expect("commit").to_string()
    }

    #[test]
    fn says_the_commit_and_which_of_the_files_read_differ() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let repository = Repository::init(directory.path()).expect("repository");
        let fleet = directory.path().join("fleet");
        fs::create_dir(&fleet).expect("directory");
        let file = |name: &str| fleet.join(name);
        let write = |name: &str, text: &str| fs::write(file(name), text).expect("written");
        assert_eq!(look(&fleet, &[]).expect("reads"), None, "no commit yet");

        for name in ["same", "changed", "unread"] {
            write(name, "1");
        }
        let first = commit(&repository, 1_000_000_000);
        write("changed", "22");
        write("new", "1");
        write("unread", "22");
        let files = ["same", "changed", "new"].map(|name| Listed::new(file(name), None));
        let state = look(&fleet, &files).expect("reads").expect("a commit");
        assert_eq!((&state.commit, state.committed), (&first, 1_000_000_000));
        assert!(first.starts_with(&state.short) && state.short.len() >= 7);
        let names: Vec<_> = state.dirty.iter().map(|n| n.rsplit('/').next()).collect();
        assert_eq!(names, [Some("changed"), Some("new")]);

        let second = commit(&repository, 1_000_000_001);
        let ancestor = |a: &str, b: &str| is_ancestor(&fleet, a, b).expect("known commits");
        assert!(ancestor(&first, &second) && ancestor(&first, &first));
        assert!(!ancestor(&second, &first));
        let unknown = is_ancestor(&fleet, &"0".repeat(40), &first);
        assert!(matches!(unknown, Err(GitError::NoCommit { .. })));
    }

    /// The link is in the commit, and what it leads to is in none.
    #[cfg(unix)]
    #[test]
    fn what_a_link_leads_out_to_is_of_no_commit() {
        let outside = tempfile::tempdir().expect("temporary directory");
        let directory = tempfile::tempdir().expect("temporary directory");
        let repository = Repository::init(directory.path()).expect("repository");
        let link = |to: &Path, name: &str| {
            std::os::unix::fs::symlink(to, directory.path().join(name)).expect("linked");
        };
        let elsewhere = outside.path().join("elsewhere");
        fs::write(&elsewhere, "1").expect("written");
        fs::create_dir(directory.path().join("real")).expect("directory");
        fs::write(directory.path().join("real/same"), "1").expect("written");
        link(&elsewhere, "file");
        link(outside.path(), "out");
        link(Path::new("real"), "inside");
        link(Path::new("real/same"), "beside");
        commit(&repository, 1_000_000_000);
        let files = [
            "real/same",
            "inside/same",
            "beside",
            "file",
            "out/elsewhere",
        ];
        // Whether its directory has said what it is, or nobody has.
        for told in [false, true] {
            let files = files.map(|name| {
                let path = directory.path().join(name);
                let kind = path.symlink_metadata().expect("there").file_type();
                Listed::new(path, told.then_some(kind))
            });
            let state = look(directory.path(), &files).expect("reads");
            let dirty = state.expect("a commit").dirty;
            assert_eq!(dirty, [3, 4].map(|at: usize| slashed(&files[at].path)));
        }
    }

    #[test]
    fn no_repository_is_no_error() {
        let directory = tempfile::tempdir().expect("temporary directory");
        assert_eq!(look(directory.path(), &[]).expect("reads"), None);
    }

    #[test]
    fn what_libgit2_cannot_read_is_explained() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let repository = Repository::init(directory.path()).expect("repository");
        let mut config = repository.config().expect("configuration");
        config
            .set_i32("core.repositoryformatversion", 1)
            .expect("set");
        config
            .set_str("extensions.objectformat", "sha256")
            .expect("set");
        let error = look(directory.path(), &[]).expect_err("SHA-256");
        assert!(matches!(error, GitError::Format { .. }), "{error}");

        let owner = git2::Error::new(ErrorCode::Owner, ErrorClass::Config, "not owned");
        let text = explain(&owner, Path::new("/src")).to_string();
        assert!(text.contains("safe.directory /src"), "{text}");
    }
}
