//! What goes wrong below: processes of the bed and of its pods. On the project's own bed only.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::bed::Bed;
use crate::hands::pod;
use crate::story::Story;

impl Bed {
    /// `tests/bed/bed` with these words; panics where it fails.
    fn fault(&self, words: &[&str]) {
        let output = self.try_fault(words);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "bed {}: {told}", words.join(" "));
    }

    fn try_fault(&self, words: &[&str]) -> Output {
        let script = self
            .own
            .as_ref()
            .expect("a story of faults takes the bed with `take_own`");
        let output = Command::new(script).args(words).output();
        output.expect("the bed's script runs")
    }

    /// A process of the bed is away until what is returned is dropped.
    pub(crate) fn without(&self, process: &'static str) -> Away<'_> {
        self.fault(&["stop", process]);
        Away { bed: self, process }
    }

    /// A second node until what is returned is dropped.
    pub(crate) fn second_node(&self) -> SecondNode<'_> {
        let first = self.kubectl(&["get", "nodes", "-o=jsonpath={.items[0].metadata.name}"]);
        self.fault(&["node-up"]);
        SecondNode {
            bed: self,
            name: format!("{first}-2"),
            first,
            lost: Cell::new(false),
        }
    }
}

/// Two nodes, each of which may be closed to new pods; the second can be lost.
pub(crate) struct SecondNode<'a> {
    bed: &'a Bed,
    first: String,
    name: String,
    lost: Cell<bool>,
}

impl SecondNode<'_> {
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn close_second(&self) {
        self.bed.kubectl(&["cordon", &self.name]);
    }

    /// New pods go to the second.
    pub(crate) fn close_first(&self) {
        self.bed.kubectl(&["uncordon", &self.name]);
        self.bed.kubectl(&["cordon", &self.first]);
    }

    pub(crate) fn open_first(&self) {
        self.bed.kubectl(&["uncordon", &self.first]);
    }

    /// Its power goes.
    pub(crate) fn lose(&self) {
        self.bed.fault(&["node-lost"]);
        self.lost.set(true);
    }

    /// Somebody says that it will not come back.
    pub(crate) fn delete(&self) {
        self.bed
            .kubectl(&["delete", "node", &self.name, "--ignore-not-found"]);
    }
}

impl Drop for SecondNode<'_> {
    fn drop(&mut self) {
        self.open_first();
        if !self.lost.get() {
            self.lose();
        }
        self.delete();
    }
}

/// Starts what was stopped.
pub(crate) struct Away<'a> {
    bed: &'a Bed,
    process: &'static str,
}

impl Drop for Away<'_> {
    fn drop(&mut self) {
        self.bed.fault(&["start", self.process]);
    }
}

impl Story {
    /// As the kernel would: no goodbye, no hand-over.
    pub(crate) fn kill_etcd(&self, ordinal: u32) {
        self.signal("KILL", ordinal);
    }

    /// A signal to a member's process.
    pub(crate) fn signal(&self, signal: &str, ordinal: u32) {
        let words = ["signal", signal, &self.namespace, &pod(ordinal)];
        self.bed.fault(&words);
    }

    /// `false`: it has no process just now, as while its pod is made anew.
    pub(crate) fn try_signal(&self, signal: &str, ordinal: u32) -> bool {
        let words = ["signal", signal, &self.namespace, &pod(ordinal)];
        self.bed.try_fault(&words).status.success()
    }

    /// All data of a member is gone, its claim stays; its process starts again on an empty directory.
    pub(crate) fn wipe(&self, ordinal: u32) {
        self.bed.fault(&["wipe", &self.namespace, &pod(ordinal)]);
    }
}

/// A small file system of our own; unmounted when this is dropped.
pub(crate) struct Tmpfs(PathBuf);

impl Tmpfs {
    pub(crate) fn mount(at: &Path, options: &str) -> Self {
        std::fs::create_dir(at).expect("a writable directory");
        let here = Self(at.to_owned());
        mount(&["-t", "tmpfs", "-o", options, "tmpfs"], at);
        here
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Mounted with other options, all that is in it stays.
    pub(crate) fn again(&self, options: &str) {
        mount(&["-o", &format!("remount,{options}")], &self.0);
    }
}

fn mount(words: &[&str], at: &Path) {
    let status = Command::new("mount").args(words).arg(at).status();
    assert!(status.expect("mount runs").success(), "mount {words:?}");
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}
