//! Lines that the newest commit wrote itself, of many files at once.
//!
//! What a plan shows was most often said by the commit that is looked at. One comparison with the commit before tells
//! these lines of all files; a `git blame` reads the same trees again for each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use git2::{Commit, Delta, DiffDelta, DiffLineType, DiffOptions, Error, Patch, Repository};

/// By the file's path in the working tree; lines count from 1. A file that came with the commit is left out: it may have
/// had another name before, as all are of a commit of several parents or none.
pub(super) fn written(
    repository: &Repository,
    newest: &Commit,
    files: &[PathBuf],
) -> Result<BTreeMap<PathBuf, BTreeSet<usize>>, Error> {
    if newest.parent_count() != 1 {
        return Ok(BTreeMap::new());
    }
    let mut options = DiffOptions::new();
    options.disable_pathspec_match(true);
    for file in files {
        options.pathspec(file);
    }
    let (before, after) = (newest.parent(0)?.tree()?, newest.tree()?);
    let diff = repository.diff_tree_to_tree(Some(&before), Some(&after), Some(&mut options))?;
    let mut written = BTreeMap::new();
    for delta in diff.deltas() {
        if let (Delta::Modified, Some(path)) = (delta.status(), delta.new_file().path()) {
            written.insert(Path::to_owned(path), added(repository, &delta)?);
        }
    }
    Ok(written)
}

fn added(repository: &Repository, delta: &DiffDelta) -> Result<BTreeSet<usize>, Error> {
    let mut added = BTreeSet::new();
    let before = repository.find_blob(delta.old_file().id())?;
    let after = repository.find_blob(delta.new_file().id())?;
    let mut options = DiffOptions::new();
    options.context_lines(0);
    // As blame does, without their paths: what attributes a path has is told by files in each directory above it, and by
    // the index.
    let (before, after) = (before.content(), after.content());
    let patch = Patch::from_buffers(before, None, after, None, Some(&mut options))?;
    for hunk in 0..patch.num_hunks() {
        for line in 0..patch.num_lines_in_hunk(hunk)? {
            let line = patch.line_in_hunk(hunk, line)?;
            if line.origin_value() == DiffLineType::Addition {
                added.extend(line.new_lineno().and_then(|n| usize::try_from(n).ok()));
            }
        }
    }
    Ok(added)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use git2::BlameOptions;
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::git::tests::commit;
    use super::*;

    const FILE: &str = "orders.yaml";

    fn text(lines: &[u8]) -> String {
        let lines: Vec<String> = lines.iter().map(|line| format!("line {line}")).collect();
        lines.join("\n") + "\n"
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn they_are_those_that_blame_gives_it(before in vec(0_u8..6, 0..12), after in vec(0_u8..6, 0..12)) {
            prop_assume!(before != after && !before.is_empty() && !after.is_empty());
            let directory = tempfile::tempdir().expect("temporary directory");
            let repository = Repository::init(directory.path()).expect("repository");
            for (lines, at) in [(&before, 1_000_000_000), (&after, 1_000_000_001)] {
                fs::write(directory.path().join(FILE), text(lines)).expect("written");
                commit(&repository, at);
            }
            let newest = repository.head().and_then(|head| head.peel_to_commit()).expect("a commit");
            let files = [PathBuf::from(FILE)];
            let told = written(&repository, &newest, &files).expect("told");

            let mut options = BlameOptions::new();
            let blame = repository.blame_file(Path::new(FILE), Some(&mut options)).expect("blamed");
            let of = |line: &usize| blame.get_line(*line).is_some_and(|hunk| hunk.final_commit_id() == newest.id());
            let blamed: BTreeSet<usize> = (1..=after.len()).filter(of).collect();
            prop_assert_eq!(&told[Path::new(FILE)], &blamed);
        }
    }

    #[test]
    fn what_came_with_the_commit_may_have_had_another_name() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let repository = Repository::init(directory.path()).expect("repository");
        let files = ["old.yaml", "new.yaml"].map(PathBuf::from);
        let write = |at: usize| fs::write(directory.path().join(&files[at]), text(&[1, 2]));
        write(0).expect("written");
        commit(&repository, 1_000_000_000);
        let newest = || {
            repository
                .head()
                .and_then(|head| head.peel_to_commit())
                .expect("a commit")
        };
        let told = |newest: &Commit| written(&repository, newest, &files).expect("told");
        assert_eq!(
            told(&newest()),
            BTreeMap::new(),
            "the first commit has no parent"
        );
        write(1).expect("written");
        commit(&repository, 1_000_000_001);
        assert_eq!(told(&newest()), BTreeMap::new());
    }
}
