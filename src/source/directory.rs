//! Reads a fleet's directory: `fleet.yaml` and `clusters/**/*.yaml`, in an order that does not depend on the disk.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::git::{self, GitState};
use crate::diag::{Code, Diagnostic, Label, SourceFile};
use crate::fleet::MAX_FILE_BYTES;

/// A fleet's files as read; what could not be read is among the diagnostics.
#[derive(Debug, Default)]
pub struct Documents {
    /// `fleet.yaml` first, then clusters by path.
    pub files: Vec<SourceFile>,
    /// The commit, where there is one.
    pub git: Option<GitState>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the fleet in a directory; the path may also be its `fleet.yaml`.
pub fn read(path: &Path) -> Documents {
    let mut documents = Documents::default();
    let directory = if path.is_file() {
        match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    } else {
        path
    };
    if let Err(error) = fs::read_dir(directory.join(".")) {
        documents.unreadable(directory, &error.to_string());
        return documents;
    }
    for name in ["fleet.yaml", "fleet.yml"] {
        let file = directory.join(name);
        if file.symlink_metadata().is_ok() {
            documents.read_file(&file);
        }
    }
    let mut files = Vec::new();
    let clusters = directory.join("clusters");
    if clusters.symlink_metadata().is_ok() {
        documents.list(&clusters, &mut BTreeSet::new(), &mut files);
    }
    files.sort();
    for file in files {
        documents.read_file(&file);
    }
    let read: Vec<PathBuf> = documents
        .files
        .iter()
        .map(|file| PathBuf::from(&file.name))
        .collect();
    match git::look(directory, &read) {
        Ok(state) => documents.git = state,
        Err(error) => {
            let diagnostic = Diagnostic::new(Code::GitUnreadable, error.to_string());
            documents.diagnostics.push(diagnostic);
        }
    }
    documents
}

impl Documents {
    /// Collects YAML files; a directory is entered once, however many symbolic links lead to it.
    fn list(
        &mut self,
        directory: &Path,
        entered: &mut BTreeSet<PathBuf>,
        files: &mut Vec<PathBuf>,
    ) {
        let listed = fs::canonicalize(directory)
            .and_then(|real| Ok((real, fs::read_dir(directory)?)))
            .and_then(|(real, entries)| Ok((real, entries.collect::<Result<Vec<_>, _>>()?)));
        let (real, mut entries) = match listed {
            Ok(listed) => listed,
            Err(error) => return self.unreadable(directory, &error.to_string()),
        };
        if !entered.insert(real) {
            return;
        }
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            // Editors' and Kubernetes' own files (`.#x.yaml`, `..data`) are not documents.
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            if path.is_dir() {
                self.list(&path, entered, files);
            } else if path.extension().is_some_and(|e| e == "yaml" || e == "yml") {
                files.push(path);
            }
        }
    }

    fn read_file(&mut self, path: &Path) {
        // One byte more than is taken: enough to know that the file is too large, whatever its size.
        let limit = MAX_FILE_BYTES as u64 + 1;
        let mut bytes = Vec::new();
        let read = fs::metadata(path).and_then(|metadata| {
            if !metadata.is_file() {
                return Err(std::io::Error::other("not a regular file"));
            }
            fs::File::open(path)?.take(limit).read_to_end(&mut bytes)
        });
        if let Err(error) = read {
            return self.unreadable(path, &error.to_string());
        }
        if bytes.len() > MAX_FILE_BYTES {
            let message = "the file is larger than 4 MiB".to_owned();
            let label = place(path, 1, String::new());
            let help = "split it into several files under `clusters/`";
            let diagnostic = Diagnostic::new(Code::TooLarge, message).label(label);
            self.diagnostics.push(diagnostic.help(help));
            return;
        }
        match String::from_utf8(bytes) {
            Ok(text) => self.files.push(SourceFile {
                name: slashed(path),
                text,
            }),
            Err(error) => {
                let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = valid.split(|byte| *byte == b'\n').count();
                let message = "the file is not UTF-8 text".to_owned();
                let label = place(path, line, "not UTF-8".to_owned());
                self.diagnostics
                    .push(Diagnostic::new(Code::Unreadable, message).label(label));
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: &str) {
        let message = format!("could not be read: {error}");
        let label = place(path, 1, String::new());
        self.diagnostics
            .push(Diagnostic::new(Code::Unreadable, message).label(label));
    }
}

/// A place in a file whose text there is not.
fn place(path: &Path, line: usize, text: String) -> Label {
    Label {
        file: slashed(path),
        span: 0..0,
        line,
        column: 1,
        text,
    }
}

/// A path as documents are named.
pub(super) fn slashed(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.to_string_lossy()
        .replace(std::path::MAIN_SEPARATOR, "/")
}
