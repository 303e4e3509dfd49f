//! Files that somebody names: read whole, if they are files and of a size that can be meant.

use std::fs::{self, FileType};
use std::io::{self, Read as _};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

/// A recording of 10,000 clusters has half of it.
pub(super) const MOST_BYTES: u64 = 1 << 30;

/// A world's file. A pipe or a device is refused before it is opened: it may never end, or never begin. It may grow
/// while it is read.
pub(super) fn open(path: &Path) -> io::Result<fs::File> {
    let metadata = fs::metadata(path)?;
    if let Some(what) = special(metadata.file_type()) {
        let message = format!("it is {what}, expected a regular file");
        return Err(io::Error::other(message));
    }
    is_sound(metadata.len())?;
    fs::File::open(path)
}

/// Its text as a whole.
pub(super) fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)?;
    is_sound(text.len() as u64)?;
    Ok(text)
}

fn is_sound(size: u64) -> io::Result<()> {
    if size > MOST_BYTES {
        let message = format!("it has {} MiB, at most 1024 are read", size >> 20);
        return Err(io::Error::other(message));
    }
    Ok(())
}

/// What it is, where it is not a regular file.
pub(crate) fn special(kind: FileType) -> Option<&'static str> {
    if kind.is_file() {
        None
    } else if kind.is_dir() {
        Some("a directory")
    } else if kind.is_fifo() {
        Some("a named pipe")
    } else if kind.is_socket() {
        Some("a socket")
    } else if kind.is_char_device() || kind.is_block_device() {
        Some("a device")
    } else {
        Some("of an unknown kind")
    }
}
