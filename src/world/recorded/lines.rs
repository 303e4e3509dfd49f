//! The lines of a large file, on all cores.
//!
//! Each reads parts of its own, so that none waits for another's bytes. A line is looked at where it was read: it is
//! copied nowhere.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use memchr::memchr;
use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};

/// Many enough that no core is left with a large one when the others are done.
const PARTS: u64 = 128;
/// A line has some tens of kilobytes.
const LEAST: u64 = 1 << 14;
/// What a core's own cache has room for beside what it makes of it.
const MOST: u64 = 1 << 18;

pub(super) struct Lines {
    file: File,
    /// What the last line is.
    last: &'static str,
    /// Where they are, from the first byte after a line's end on.
    place: Range<u64>,
    /// Those that no core reads into now.
    buffers: Mutex<Vec<Vec<u8>>>,
}

/// What was made of the lines.
pub(super) struct Seen<T> {
    /// In their order, without the last.
    pub(super) seen: Vec<T>,
    /// The last one is there; nothing is told of what comes after it.
    pub(super) whole: bool,
}

enum Line<T> {
    Seen(T),
    Last,
    /// It has no end.
    Cut,
}

impl Lines {
    pub(super) fn new(file: File, start: u64, last: &'static str) -> io::Result<Self> {
        let end = file.metadata()?.len();
        Ok(Self {
            file,
            last,
            place: start..end.max(start),
            buffers: Mutex::default(),
        })
    }

    /// What `look` makes of each.
    pub(super) fn each<T: Send>(&self, look: impl Fn(&[u8]) -> T + Sync) -> io::Result<Seen<T>> {
        let parts = self.parts().into_par_iter().with_max_len(1);
        let lines = parts.map(|part| {
            let mut buffer = self.free().pop().unwrap_or_default();
            let lines = self.part(part, &mut buffer, &look);
            self.free().push(buffer);
            lines
        });
        let lines: Vec<Vec<Line<T>>> = lines.collect::<io::Result<_>>()?;
        let mut seen = Vec::new();
        for line in lines.into_iter().flatten() {
            match line {
                Line::Seen(line) => seen.push(line),
                Line::Last => return Ok(Seen { seen, whole: true }),
                Line::Cut => break,
            }
        }
        Ok(Seen { seen, whole: false })
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        let free = self.buffers.lock();
        free.unwrap_or_else(PoisonError::into_inner)
    }

    fn parts(&self) -> Vec<Range<u64>> {
        let Range { start, end } = self.place;
        let size = ((end - start) / PARTS).clamp(LEAST, MOST);
        let starts = (start..end).step_by(usize::try_from(size).unwrap_or(usize::MAX));
        starts.map(|from| from..(from + size).min(end)).collect()
    }

    /// Of the lines that begin in this part; the last one may end behind it.
    fn part<T>(
        &self,
        part: Range<u64>,
        buffer: &mut Vec<u8>,
        look: impl Fn(&[u8]) -> T,
    ) -> io::Result<Vec<Line<T>>> {
        // The byte before may be the end of the line before, and the first one's always is.
        let from = part.start - 1;
        let mut read = Read {
            file: &self.file,
            from,
            most: usize::try_from(self.place.end - from).unwrap_or(usize::MAX),
            buffer,
            filled: 0,
        };
        read.more(part.end - from)?;
        let mut seen = Vec::new();
        let Some(before) = memchr(b'\n', read.bytes()) else {
            return Ok(seen);
        };
        let mut at = before + 1;
        while from + (at as u64) < part.end {
            let Some(end) = read.line_end(at)? else {
                seen.push(Line::Cut);
                break;
            };
            let line = &read.bytes()[at..end];
            if line == self.last.as_bytes() {
                seen.push(Line::Last);
                break;
            }
            seen.push(Line::Seen(look(line)));
            at = end + 1;
        }
        Ok(seen)
    }
}

/// What was read of a file from a place on.
struct Read<'r> {
    file: &'r File,
    from: u64,
    /// As many bytes as there were when it was opened: it may grow for as long as it is read.
    most: usize,
    /// It stays as long as it was, so that what is read into is not written before.
    buffer: &'r mut Vec<u8>,
    filled: usize,
}

impl Read<'_> {
    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    /// Reads on; whether there was anything.
    fn more(&mut self, bytes: u64) -> io::Result<bool> {
        let before = self.filled;
        let more = usize::try_from(bytes).unwrap_or(usize::MAX);
        let full = before.saturating_add(more).min(self.most);
        if self.buffer.len() < full {
            self.buffer.resize(full, 0);
        }
        while self.filled < full {
            let at = self.from + self.filled as u64;
            let read = self.file.read_at(&mut self.buffer[self.filled..full], at);
            match read {
                Ok(0) => break,
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(self.filled > before)
    }

    /// Where the line ends that begins there; `None`: it does not.
    fn line_end(&mut self, start: usize) -> io::Result<Option<usize>> {
        let mut searched = start;
        loop {
            if let Some(end) = memchr(b'\n', &self.bytes()[searched..]) {
                return Ok(Some(searched + end));
            }
            searched = self.filled;
            if !self.more(LEAST)? {
                return Ok(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const BEFORE: &str = "before\n";

    fn seen(lines: &[String], after: &str) -> (Vec<String>, bool) {
        let mut file = tempfile::tempfile().expect("a file");
        let text = format!("{BEFORE}{}\n{after}", lines.join("\n"));
        file.write_all(text.as_bytes()).expect("written");
        let lines = Lines::new(file, BEFORE.len() as u64, "last").expect("its size");
        let text = |line: &[u8]| String::from_utf8_lossy(line).into_owned();
        let found = lines.each(text).expect("read");
        (found.seen, found.whole)
    }

    /// Parts are of [`LEAST`] bytes at least: lines end and begin at their ends, beside them, and far behind them.
    #[test]
    fn each_line_is_seen_once_and_in_order() {
        let part = usize::try_from(LEAST).expect("a small number");
        let lengths = [0, 1, part - 1, part, part + 1, 2 * part - 3, 5, 7 * part, 0];
        let lines: Vec<String> = (0..40_u8)
            .flat_map(|round| lengths.map(|length| (round, length)))
            .map(|(round, length)| {
                let letter = char::from(b'a' + round % 26).to_string();
                letter.repeat(length + usize::from(round % 3))
            })
            .collect();
        for several in [&lines[..], &lines[..9], &lines[3..4]] {
            assert_eq!(seen(several, "last\nwhatever"), (several.to_vec(), true));
            assert_eq!(seen(several, "last"), (several.to_vec(), false), "no end");
            assert_eq!(seen(several, ""), (several.to_vec(), false));
            assert_eq!(seen(several, "cut off"), (several.to_vec(), false));
        }
        assert_eq!(seen(&["last".to_owned()], ""), (Vec::new(), true));
    }

    #[test]
    fn what_a_file_grows_by_is_not_read() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"before\na\nb").expect("written");
        let lines = Lines::new(file.try_clone().expect("another"), 7, "last").expect("its size");
        file.write_all(b"b\nlast\n").expect("written");
        let found = lines.each(<[u8]>::to_vec).expect("read");
        assert_eq!((found.seen, found.whole), (vec![b"a".to_vec()], false));
    }
}
