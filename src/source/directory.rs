//! Reads a fleet's directory: `fleet.yaml` and `clusters/**/*.yaml`, in an order that does not depend on the disk.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::git::{self, GitState};
use crate::diag::{Code, Diagnostic, Label, SourceFile};
use crate::fleet::{MAX_ENTRIES, MAX_FILE_BYTES, MAX_FILES, MAX_FLEET_BYTES};
use crate::world::special;

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
    let clusters = directory.join("clusters");
    if clusters.symlink_metadata().is_ok() {
        documents.read_clusters(&clusters);
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
    /// All below `clusters/`, or none where that is more than a fleet has: half of one is nobody's wish.
    fn read_clusters(&mut self, directory: &Path) {
        let mut listing = Listing::default();
        listing.list(directory, self);
        if listing.is_too_large() {
            let message = format!(
                "more than {MAX_FILES} YAML files, or {MAX_ENTRIES} of any kind, are below it"
            );
            return self.too_large(directory, message, "does a link lead to somewhere else?");
        }
        listing.files.sort();
        let mut bytes: usize = self.files.iter().map(|file| file.text.len()).sum();
        for path in listing.files {
            let known = self.files.len();
            self.read_file(&path);
            bytes += self.files[known..]
                .iter()
                .map(|file| file.text.len())
                .sum::<usize>();
            if bytes > MAX_FLEET_BYTES {
                self.files.clear();
                let mib = MAX_FLEET_BYTES >> 20;
                let message = format!("the fleet's files have more than {mib} MiB up to this one");
                return self.too_large(&path, message, "split the fleet");
            }
        }
    }

    fn read_file(&mut self, path: &Path) {
        // One byte more than is taken: enough to know that the file is too large, whatever its size.
        let limit = MAX_FILE_BYTES as u64 + 1;
        let mut bytes = Vec::new();
        let read = fs::metadata(path).and_then(|metadata| {
            // To open a pipe is to wait for who writes to it.
            if let Some(what) = special(metadata.file_type()) {
                return Err(io::Error::other(format!(
                    "it is {what}, expected a regular file"
                )));
            }
            fs::File::open(path)?.take(limit).read_to_end(&mut bytes)
        });
        if let Err(error) = read {
            return self.unreadable(path, &error.to_string());
        }
        if bytes.len() > MAX_FILE_BYTES {
            let message = format!("the file is larger than {} MiB", MAX_FILE_BYTES >> 20);
            let help = "split it into several files under `clusters/`";
            return self.too_large(path, message, help);
        }
        match document(slashed(path), bytes) {
            Ok(file) => self.files.push(file),
            Err(diagnostic) => self.diagnostics.push(diagnostic),
        }
    }

    fn too_large(&mut self, path: &Path, message: String, help: &str) {
        let label = place(slashed(path), (1, 1), String::new());
        let diagnostic = Diagnostic::new(Code::TooLarge, message).label(label);
        self.diagnostics.push(diagnostic.help(help));
    }

    fn unreadable(&mut self, path: &Path, error: &str) {
        let message = format!("could not be read: {error}");
        let label = place(slashed(path), (1, 1), String::new());
        self.diagnostics
            .push(Diagnostic::new(Code::Unreadable, message).label(label));
    }
}

/// The YAML files below a directory.
#[derive(Default)]
struct Listing {
    files: Vec<PathBuf>,
    /// Directories as they are without links.
    entered: BTreeSet<PathBuf>,
    entries: usize,
}

impl Listing {
    fn is_too_large(&self) -> bool {
        self.entries > MAX_ENTRIES || self.files.len() > MAX_FILES
    }

    /// A directory is entered once, however many symbolic links lead to it, so that those in a circle end.
    fn list(&mut self, directory: &Path, documents: &mut Documents) {
        let listed =
            fs::canonicalize(directory).and_then(|real| Ok((real, fs::read_dir(directory)?)));
        let (real, entries) = match listed {
            Ok(listed) => listed,
            Err(error) => return documents.unreadable(directory, &error.to_string()),
        };
        if !self.entered.insert(real) {
            return;
        }
        let mut paths = Vec::new();
        for entry in entries {
            self.entries += 1;
            match entry {
                _ if self.is_too_large() => return,
                // Editors' and Kubernetes' own files (`.#x.yaml`, `..data`) are not documents.
                Ok(entry) if entry.file_name().as_encoded_bytes().starts_with(b".") => {}
                Ok(entry) => paths.push(entry.path()),
                Err(error) => documents.unreadable(directory, &error.to_string()),
            }
        }
        // By which of several links a directory is entered does not depend on the disk.
        paths.sort();
        for path in paths {
            self.enter(path, documents);
        }
    }

    fn enter(&mut self, path: PathBuf, documents: &mut Documents) {
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => self.list(&path, documents),
            _ if path.extension().is_some_and(|e| e == "yaml" || e == "yml") => {
                self.files.push(path);
            }
            Ok(_) => {}
            // Clusters may be behind a link that leads nowhere, and nothing else would tell that they are gone.
            Err(error) => documents.unreadable(&path, &error.to_string()),
        }
    }
}

/// The bytes of a file as text, or why they are none.
pub fn document(name: String, bytes: Vec<u8>) -> Result<SourceFile, Diagnostic> {
    let error = match String::from_utf8(bytes) {
        Ok(text) => return Ok(SourceFile { name, text }),
        Err(error) => error,
    };
    let bytes = error.as_bytes();
    let at = error.utf8_error().valid_up_to();
    let valid = String::from_utf8_lossy(&bytes[..at]);
    let lines = valid.split('\n');
    let column = lines.clone().next_back().unwrap_or_default();
    let where_it_is = (lines.count(), column.chars().count() + 1);
    let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    let byte = bytes.get(at).copied().unwrap_or_default();
    let label = place(name, where_it_is, format!("byte 0x{byte:02x}"));
    let message = format!("the file is not UTF-8 text: the byte 0x{byte:02x} begins no character");
    let diagnostic = Diagnostic::new(Code::Unreadable, message).label(label);
    Err(if wide {
        diagnostic.help("it looks like UTF-16: save it as UTF-8")
    } else {
        diagnostic
    })
}

/// A place in a file whose text there is not.
fn place(file: String, (line, column): (usize, usize), text: String) -> Label {
    Label {
        file,
        span: 0..0,
        line,
        column,
        text,
    }
}

/// A path as documents are named.
pub(super) fn slashed(path: &Path) -> String {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.to_string_lossy()
        .replace(std::path::MAIN_SEPARATOR, "/")
}
