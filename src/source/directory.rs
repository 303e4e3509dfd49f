//! Reads a fleet's directory: `fleet.yaml` and `clusters/**/*.yaml`, in an order that does not depend on the disk.

use std::collections::BTreeSet;
use std::fs::{self, FileType};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::iter::{IntoParallelRefIterator as _, ParallelIterator as _};

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

/// A file to read.
pub(super) struct Listed {
    pub(super) path: PathBuf,
    /// Its directory says that it is a regular file: nobody has to ask whether it is a link, or something that is never
    /// read to an end.
    pub(super) regular: bool,
}

impl Listed {
    pub(super) fn new(path: PathBuf, kind: Option<FileType>) -> Self {
        Self {
            path,
            regular: kind.is_some_and(|kind| kind.is_file()),
        }
    }
}

/// Reads the fleet in a directory; the path may also be its `fleet.yaml`.
pub fn read(path: &Path) -> Documents {
    read_and(path, |_| ()).0
}

/// The same, and what `build` makes of the files: Git's index is compared with the disk while they are read and it does so.
pub fn read_and<T: Send>(
    path: &Path,
    build: impl FnOnce(&[SourceFile]) -> T + Send,
) -> (Documents, T) {
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
        return (documents, build(&[]));
    }
    let files = documents.listed(directory);
    let look = || git::look(directory, &files);
    let read = || {
        documents.read_files(&files);
        build(&documents.files)
    };
    let (outcome, looked) = rayon::join(read, look);
    match looked {
        Ok(state) => documents.git = state,
        Err(error) => {
            let diagnostic = Diagnostic::new(Code::GitUnreadable, error.to_string());
            documents.diagnostics.push(diagnostic);
        }
    }
    (documents, outcome)
}

impl Documents {
    fn listed(&mut self, directory: &Path) -> Vec<Listed> {
        let fleet = ["fleet.yaml", "fleet.yml"].map(|name| directory.join(name));
        let there = fleet.into_iter().filter_map(|file| {
            let kind = file.symlink_metadata().ok()?.file_type();
            Some(Listed::new(file, Some(kind)))
        });
        let mut files: Vec<Listed> = there.collect();
        let clusters = directory.join("clusters");
        if clusters.symlink_metadata().is_ok() {
            files.append(&mut self.list(&clusters));
        }
        files
    }

    /// All below `clusters/`, or none where that is more than a fleet has: half of one is nobody's wish.
    fn list(&mut self, clusters: &Path) -> Vec<Listed> {
        let mut listing = Listing::default();
        listing.list(clusters, self);
        if listing.is_too_large() {
            let message = format!(
                "more than {MAX_FILES} YAML files, or {MAX_ENTRIES} of any kind, are below it"
            );
            let help = "does a link lead to somewhere else?";
            self.diagnostics.push(too_large(clusters, message, help));
            return Vec::new();
        }
        listing.files
    }

    /// On all cores, and as if one after the other. What comes when enough was read for a fleet to be too large waits
    /// for its turn, which then does not come.
    fn read_files(&mut self, listed: &[Listed]) {
        let read = AtomicUsize::new(0);
        let early = listed.par_iter().map(|listed| {
            let room = read.load(Ordering::Relaxed) <= MAX_FLEET_BYTES;
            let file = room.then(|| read_file(listed))?;
            let bytes = file.as_ref().map_or(0, |file| file.text.len());
            read.fetch_add(bytes, Ordering::Relaxed);
            Some(file)
        });
        let early: Vec<Option<_>> = early.collect();
        let mut bytes = 0;
        for (file, listed) in early.into_iter().zip(listed) {
            match file.unwrap_or_else(|| read_file(listed)) {
                Ok(file) => {
                    bytes += file.text.len();
                    self.files.push(file);
                }
                Err(diagnostic) => self.diagnostics.push(diagnostic),
            }
            if bytes > MAX_FLEET_BYTES {
                self.files.clear();
                let mib = MAX_FLEET_BYTES >> 20;
                let message = format!("the fleet's files have more than {mib} MiB up to this one");
                let diagnostic = too_large(&listed.path, message, "split the fleet");
                return self.diagnostics.push(diagnostic);
            }
        }
    }

    fn unreadable(&mut self, path: &Path, error: &str) {
        self.diagnostics.push(unreadable(path, error));
    }
}

fn read_file(listed: &Listed) -> Result<SourceFile, Diagnostic> {
    let path = &listed.path;
    let bytes = bytes(listed).map_err(|error| unreadable(path, &error.to_string()))?;
    if bytes.len() > MAX_FILE_BYTES {
        let message = format!("the file is larger than {} MiB", MAX_FILE_BYTES >> 20);
        let help = "split it into several files under `clusters/`";
        return Err(too_large(path, message, help));
    }
    document(slashed(path), bytes)
}

/// Those of a file, or one more than are taken.
fn bytes(listed: &Listed) -> io::Result<Vec<u8>> {
    // To open a pipe is to wait for who writes to it.
    if !listed.regular
        && let Some(what) = special(fs::metadata(&listed.path)?.file_type())
    {
        let message = format!("it is {what}, expected a regular file");
        return Err(io::Error::other(message));
    }
    let file = fs::File::open(&listed.path)?;
    let limit = MAX_FILE_BYTES as u64 + 1;
    let size = file.metadata()?.len().min(limit);
    // Whole at once, and not in pieces that grow.
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn too_large(path: &Path, message: String, help: &str) -> Diagnostic {
    let label = place(slashed(path), (1, 1), String::new());
    Diagnostic::new(Code::TooLarge, message)
        .label(label)
        .help(help)
}

fn unreadable(path: &Path, error: &str) -> Diagnostic {
    let message = format!("could not be read: {error}");
    let label = place(slashed(path), (1, 1), String::new());
    Diagnostic::new(Code::Unreadable, message).label(label)
}

/// The YAML files below a directory.
#[derive(Default)]
struct Listing {
    /// By their paths' parts, since each directory is gone through by name.
    files: Vec<Listed>,
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
        let mut named = Vec::new();
        for entry in entries {
            self.entries += 1;
            match entry {
                _ if self.is_too_large() => return,
                Ok(entry) => named.push((entry.file_name(), entry.file_type().ok())),
                Err(error) => documents.unreadable(directory, &error.to_string()),
            }
        }
        // Editors' and Kubernetes' own files (`.#x.yaml`, `..data`) are not documents.
        named.retain(|(name, _)| !name.as_encoded_bytes().starts_with(b"."));
        // By which of several links a directory is entered does not depend on the disk.
        named.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (name, kind) in named {
            self.enter(directory.join(name), kind, documents);
        }
    }

    fn enter(&mut self, path: PathBuf, kind: Option<FileType>, documents: &mut Documents) {
        // Only a link has to be followed to know where it leads.
        let leads_to = match kind.filter(|kind| !kind.is_symlink()) {
            Some(kind) => Ok(kind),
            None => fs::metadata(&path).map(|metadata| metadata.file_type()),
        };
        match leads_to {
            Ok(kind) if kind.is_dir() => self.list(&path, documents),
            _ if path.extension().is_some_and(|e| e == "yaml" || e == "yml") => {
                self.files.push(Listed::new(path, kind));
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
