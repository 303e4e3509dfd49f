//! Which commit wrote a line of a document.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use git2::{BlameOptions, Oid, Repository};
use rayon::iter::ParallelIterator as _;
use rayon::slice::ParallelSlice as _;

use super::git::{Followed, GitState};
use super::newest;

/// Lines asked for, by the file's name as in the documents. Lines count from 1.
pub type Lines = BTreeMap<String, BTreeSet<usize>>;

/// The commit that wrote each of these lines, as far as this clone tells. A line that is not committed has none, nor has
/// one that a shallow clone ends at: who wrote it is in the history that is not here.
pub fn blame(git: &GitState, asked: &Lines) -> BTreeMap<(String, usize), String> {
    let asked: Vec<(&String, &BTreeSet<usize>)> = asked.iter().collect();
    // A repository is for one thread: each of a few opens its own.
    let share = asked.len().div_ceil(rayon::current_num_threads()).max(1);
    let told = asked.par_chunks(share).map(|some| told(git, some));
    told.flatten_iter().collect()
}

type Told = Vec<((String, usize), String)>;

fn told(git: &GitState, asked: &[(&String, &BTreeSet<usize>)]) -> Told {
    let Some(history) = History::open(git, asked) else {
        return Told::new();
    };
    let mut told = Told::new();
    for (file, lines) in asked {
        match history.authors(file, lines, git.dirty.contains(file)) {
            Ok(authors) => {
                let named = authors.into_iter();
                told.extend(named.map(|(line, commit)| (((*file).clone(), line), commit)));
            }
            Err(error) => tracing::debug!(%error, file, "no commit for its lines"),
        }
    }
    told
}

struct History<'f> {
    repository: Repository,
    root: PathBuf,
    followed: Followed<'f>,
    newest: Oid,
    /// What the newest commit wrote.
    written: BTreeMap<PathBuf, BTreeSet<usize>>,
    ends: BTreeSet<String>,
}

/// Commits whose parents a shallow clone leaves out.
fn ends(repository: &Repository) -> BTreeSet<String> {
    if !repository.is_shallow() {
        return BTreeSet::new();
    }
    let listed = fs::read_to_string(repository.commondir().join("shallow"));
    listed
        .unwrap_or_default()
        .lines()
        .map(str::to_owned)
        .collect()
}

impl<'f> History<'f> {
    fn open(git: &GitState, asked: &[(&'f String, &BTreeSet<usize>)]) -> Option<Self> {
        // As git itself reads: that an object is what its name says is for `git fsck` to find out.
        git2::opts::strict_hash_verification(false);
        let repository = Repository::discover(&git.root).ok()?;
        let mut history = Self {
            root: fs::canonicalize(&git.root).ok()?,
            followed: Followed::new(asked.iter().map(|&(file, _)| Path::new(file))),
            newest: Oid::from_str(&git.commit).ok()?,
            written: BTreeMap::new(),
            ends: ends(&repository),
            repository,
        };
        history.written = match history.written(asked) {
            Ok(written) => written,
            Err(error) => {
                tracing::debug!(%error, "what the newest commit wrote is asked file by file");
                BTreeMap::new()
            }
        };
        Some(history)
    }

    fn written(
        &self,
        asked: &[(&String, &BTreeSet<usize>)],
    ) -> Result<BTreeMap<PathBuf, BTreeSet<usize>>, git2::Error> {
        if self.ends.contains(&self.newest.to_string()) {
            return Ok(BTreeMap::new());
        }
        let inside = asked.iter().filter_map(|(file, _)| self.inside(file).ok());
        let inside: Vec<PathBuf> = inside.collect();
        let newest = self.repository.find_commit(self.newest)?;
        newest::written(&self.repository, &newest, &inside)
    }

    /// Its path in the working tree.
    fn inside(&self, file: &str) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let path = self.followed.real(Path::new(file));
        Ok(path.strip_prefix(&self.root)?.to_owned())
    }

    fn authors(
        &self,
        file: &str,
        lines: &BTreeSet<usize>,
        dirty: bool,
    ) -> Result<BTreeMap<usize, String>, Box<dyn std::error::Error>> {
        let inside = self.inside(file)?;
        let written = self.written.get(&inside).filter(|_| !dirty);
        if written.is_some_and(|written| written.is_superset(lines)) {
            let newest = self.newest.to_string();
            return Ok(lines.iter().map(|line| (*line, newest.clone())).collect());
        }
        let mut options = BlameOptions::new();
        options.newest_commit(self.newest);
        if let (false, Some(first), Some(last)) = (dirty, lines.first(), lines.last()) {
            // History is walked only until these have their commits. The lines of a changed file are at other places.
            options.min_line(*first).max_line(*last);
        }
        let committed = self.repository.blame_file(&inside, Some(&mut options))?;
        let blame = if dirty {
            committed.blame_buffer(&fs::read(file)?)?
        } else {
            committed
        };
        let author = |line: &usize| {
            let commit = blame.get_line(*line)?.final_commit_id();
            let told = !commit.is_zero() && !self.ends.contains(&commit.to_string());
            told.then(|| (*line, commit.to_string()))
        };
        Ok(lines.iter().filter_map(author).collect())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::directory::Listed;
    use super::super::git::{look, tests::commit};
    use super::*;

    /// Names the commits of these lines by `first`, `second`, …, `-` where there is none.
    fn told(git: &GitState, file: &str, commits: &[&str], lines: usize) -> Vec<String> {
        let asked = Lines::from([(file.to_owned(), (1..=lines).collect())]);
        let found = blame(git, &asked);
        let name = |line| {
            let commit = found.get(&(file.to_owned(), line))?;
            let at = commits.iter().position(|known| known == commit)?;
            Some(["first", "second"][at].to_owned())
        };
        (1..=lines)
            .map(|line| name(line).unwrap_or_else(|| "-".into()))
            .collect()
    }

    #[test]
    fn each_line_has_the_commit_that_wrote_it() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let repository = Repository::init(directory.path()).expect("repository");
        let fleet = directory.path().join("fleet");
        fs::create_dir(&fleet).expect("directory");
        let (kept, new) = (fleet.join("kept.yaml"), fleet.join("new.yaml"));
        let write = |path: &Path, text: &str| fs::write(path, text).expect("written");
        write(&kept, "a\nb\nc\nd\n");
        let first = commit(&repository, 1_000_000_000);
        write(&kept, "a\nB\nc\nd\n");
        let second = commit(&repository, 1_000_000_001);
        let commits = [first.as_str(), second.as_str()];
        let name = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        let (kept_name, new_name) = (name(&kept), name(&new));
        let state = || {
            let files = [kept.clone(), new.clone()].map(|path| Listed::new(path, None));
            look(&fleet, &files).expect("reads").expect("a commit")
        };

        let clean = state();
        let expected = ["first", "second", "first", "first"];
        assert_eq!(told(&clean, &kept_name, &commits, 4), expected);
        let one = Lines::from([(kept_name.clone(), BTreeSet::from([3]))]);
        let found = blame(&clean, &one);
        assert_eq!(found[&(kept_name.clone(), 3)], first, "walked for one line");

        // A line above the others, one changed, and a file that no commit has.
        write(&kept, "z\na\nB\nc\nD\n");
        write(&new, "a\n");
        let dirty = state();
        assert_eq!(dirty.dirty.len(), 2, "{:?}", dirty.dirty);
        let expected = ["-", "first", "second", "first", "-"];
        assert_eq!(told(&dirty, &kept_name, &commits, 5), expected);
        assert_eq!(told(&dirty, &new_name, &commits, 1), ["-"]);
        assert_eq!(told(&dirty, "nowhere.yaml", &commits, 1), ["-"]);

        // A clone of depth 1 does not know who wrote what its only commit has.
        write(&kept, "a\nB\nc\nd\n");
        fs::remove_file(&new).expect("removed");
        fs::write(directory.path().join(".git/shallow"), format!("{second}\n")).expect("written");
        assert_eq!(told(&state(), &kept_name, &commits, 4), ["-"; 4]);
    }
}
