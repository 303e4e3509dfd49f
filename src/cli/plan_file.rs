//! A plan in a file: written whole or not at all, read back, and held against what is left to do.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Stop, terminal, validate};
use crate::diag::{self, Code, Diagnostic};
use crate::report::SavedPlan;

/// Ten thousand clusters that are all born are a fifth of it.
const MOST_BYTES: u64 = 512 << 20;

/// Writes in the place of what was there, for its owner alone: a plan tells where a fleet is weak.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Stop> {
    let wants_file = |what: &str| {
        let path = path.display();
        Stop::usage(format!(
            "--out {path}: {what}; the plan itself is stdout's, with `-o json`"
        ))
    };
    if path == Path::new("-") {
        return Err(wants_file("wants a file"));
    }
    // Where a link leads; what is no file (a device, a pipe) would be replaced by one.
    let target = match path.metadata() {
        Ok(found) if !found.is_file() => return Err(wants_file("is no file")),
        Ok(_) => path.canonicalize(),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(path.to_owned()),
        Err(error) => Err(error),
    };
    let written = target.and_then(|target| replace(&target, text));
    written.map_err(|error| {
        let path = path.display();
        Stop::new(1, format!("cannot write the plan to {path}: {error}"))
    })
}

fn replace(target: &Path, text: &str) -> io::Result<()> {
    let temporary = beside(target)?;
    let mut options = fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600);
    let mut file = opened.open(&temporary)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&temporary, target));
    if written.is_err() {
        // Nothing better can be done where not even this succeeds.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// In the same directory, so that it can take the file's place in one go; two runs at once do not meet.
fn beside(target: &Path) -> io::Result<PathBuf> {
    let name = target.file_name().ok_or(ErrorKind::InvalidFilename)?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}.tmp", std::process::id()));
    Ok(target.with_file_name(temporary))
}

/// A path that names a plan, where it could also name a fleet: one is a file, the other a directory or its YAML.
pub(super) fn is_one(path: &Path) -> bool {
    let yaml = |e: &std::ffi::OsStr| e == "yaml" || e == "yml";
    path.is_file() && !path.extension().is_some_and(yaml)
}

/// Reads a plan; what is wrong with it is told as a finding.
pub(super) fn read(path: &Path) -> Result<SavedPlan, Stop> {
    let name = path.display().to_string();
    let saved = match content(path) {
        Ok(text) => SavedPlan::read(&name, &text),
        Err(why) => {
            let found = format!("{name} cannot be read: {why}");
            Err(Box::new(Diagnostic::new(Code::PlanUnreadable, found)))
        }
    };
    saved.map_err(|found| {
        say(&found);
        let no_plan = format!("{name} is no plan that can be read; no cluster was read or changed");
        Stop::new(validate::INVALID, no_plan)
    })
}

/// The text of a file that may be anything, and as long as anything.
fn content(path: &Path) -> Result<String, String> {
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    let read = file.take(MOST_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(format!("it is larger than {} MiB", MOST_BYTES >> 20));
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}

/// Its hash is not that of its steps.
pub(super) fn edited(path: &Path, saved: &SavedPlan) -> Option<Diagnostic> {
    let found = format!(
        "the steps in {} are not those of its hash {}",
        path.display(),
        saved.plan.intent_hash
    );
    let help = "plan again: `reconcile plan --out FILE`";
    (!saved.is_as_hashed()).then(|| Diagnostic::new(Code::PlanEdited, found).help(help))
}

/// A finding on stderr.
pub(super) fn say(found: &Diagnostic) {
    let (style, width) = (terminal::diagnostic_style(), terminal::width());
    terminal::tell(diag::render(found, &[], style, width).trim_end());
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().expect("a file").permissions().mode() & 0o777
    }

    fn files(directory: &Path) -> usize {
        fs::read_dir(directory).expect("a directory").count()
    }

    #[test]
    fn a_file_is_replaced_whole_and_for_its_owner_alone() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let file = directory.path().join("plan.json");
        fs::write(&file, "of another run").expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
        write(&file, "one").expect("written");
        assert_eq!(fs::read_to_string(&file).expect("read"), "one");
        assert_eq!(mode(&file), 0o600);
        let link = directory.path().join("link");
        symlink(&file, &link).expect("linked");
        write(&link, "two").expect("written");
        assert!(link.is_symlink());
        assert_eq!(fs::read_to_string(&file).expect("read"), "two");
        assert_eq!(files(directory.path()), 2, "nothing is left beside it");
    }

    #[test]
    fn what_is_no_file_is_not_replaced() {
        let directory = tempfile::tempdir().expect("temporary directory");
        for path in [Path::new("-"), Path::new("/dev/null"), directory.path()] {
            assert_eq!(write(path, "x").expect_err("refused").code, 64);
        }
        let nowhere = directory.path().join("no/such/plan.json");
        assert_eq!(write(&nowhere, "x").expect_err("refused").code, 1);
        assert_eq!(files(directory.path()), 0);
    }
}
