//! A disk that is soon full.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// A file system of 4 MiB, gone with the value.
pub(crate) struct SmallDisk(tempfile::TempDir);

/// `None`, said aloud: it takes root to mount one.
pub(crate) fn small_disk() -> Option<SmallDisk> {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mounted = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
        .arg(folder.path())
        .output();
    if mounted.is_ok_and(|output| output.status.success()) {
        return Some(SmallDisk(folder));
    }
    let required = std::env::var("RECONCILE_TEST_REQUIRE").is_ok_and(|v| v == "all");
    assert!(
        !required,
        "a full disk cannot run: a tmpfs cannot be mounted"
    );
    let said = writeln!(
        std::io::stderr(),
        "SKIP a full disk: a tmpfs cannot be mounted"
    );
    said.expect("stderr is open");
    None
}

impl SmallDisk {
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status();
    }
}
