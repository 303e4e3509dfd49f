//! Where a story is told: a directory of its own, with a fleet and a world.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use snapbox::data::DataFormat;
use snapbox::{Assert, Data};
use tempfile::TempDir;

use super::{FILES, example};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn golden(name: &str) -> PathBuf {
    root().join("tests/golden/plan_files").join(name)
}

/// A directory with the example fleet in `fleet` and its sandbox in `world.json`, and what was said in it.
pub(crate) struct Place {
    pub(crate) directory: TempDir,
    pub(crate) said: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            directory: example::place(),
            said: String::new(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.path(file);
        let text = std::fs::read_to_string(&path).expect("a file");
        assert!(text.contains(from), "{file} has no {from:?}");
        std::fs::write(path, text.replace(from, to)).expect("written");
    }

    pub(crate) fn plan(&self, name: &str) -> Value {
        let text = std::fs::read(self.path(name)).expect("a plan file");
        serde_json::from_slice(&text).expect("JSON")
    }

    pub(crate) fn world(&self) -> Vec<u8> {
        std::fs::read(self.path("world.json")).expect("the sandbox")
    }

    pub(crate) fn prepare(&self, command: &mut Command) {
        example::isolate(command, self.directory.path());
    }

    /// Runs, insists on the exit code, and notes what was said.
    pub(crate) fn run(&mut self, arguments: &str, exit: i32) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reconcile"));
        self.prepare(command.args(arguments.split_whitespace()));
        let output = command.output().expect("the program runs");
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        let code = output.status.code();
        assert_eq!(code, Some(exit), "reconcile {arguments}: {stdout}{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        let _ = writeln!(self.said, "$ reconcile {arguments}");
        for (stream, text) in [("stdout", &stdout), ("stderr", &stderr)] {
            if !text.is_empty() {
                let _ = write!(self.said, "--- {stream}\n{text}");
            }
        }
        let _ = write!(self.said, "--- exit {exit}\n\n");
        output
    }

    /// Whatever the exit code is; nothing is noted.
    pub(crate) fn run_any(&self, arguments: &str) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reconcile"));
        self.prepare(command.args(arguments.split_whitespace()));
        command.output().expect("the program runs")
    }

    pub(crate) fn stdout(&mut self, arguments: &str, exit: i32) -> String {
        text(&self.run(arguments, exit).stdout)
    }

    pub(crate) fn stderr(&mut self, arguments: &str, exit: i32) -> String {
        text(&self.run(arguments, exit).stderr)
    }

    /// Holds all that was said against the transcript of this name.
    pub(crate) fn is_golden(&self, name: &str) {
        assert!(FILES.contains(&name), "{name} is not listed");
        let golden = Data::read_from(&golden(name), Some(DataFormat::Text));
        Assert::new()
            .action_env("SNAPSHOTS")
            .eq(Data::text(self.said.clone()).raw(), golden.raw());
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        example::git(self.directory.path(), arguments)
    }
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}
