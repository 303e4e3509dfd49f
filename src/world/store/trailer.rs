//! etcd ends a snapshot's stream with the SHA-256 of all that went before: 32 bytes behind whole pages of 512.

use sha2::{Digest as _, Sha256};

use super::SnapshotError;

const TRAILER: usize = 32;
/// bbolt's pages are whole multiples of it.
const PAGE: u64 = 512;

/// A stream as it passes: nothing of it is kept but its last 32 bytes.
#[derive(Clone, Default)]
pub struct Trailer {
    hasher: Sha256,
    tail: Vec<u8>,
    size: u64,
}

/// What a whole, undamaged snapshot was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// With its last 32 bytes.
    pub size: u64,
    /// Of all of it, in hex.
    pub sha256: String,
}

impl Trailer {
    pub const fn size(&self) -> u64 {
        self.size
    }

    pub fn push(&mut self, piece: &[u8]) {
        self.size += piece.len() as u64;
        if piece.len() >= TRAILER {
            self.hasher.update(&self.tail);
            let (body, tail) = piece.split_at(piece.len() - TRAILER);
            self.hasher.update(body);
            self.tail.clear();
            self.tail.extend_from_slice(tail);
            return;
        }
        self.tail.extend_from_slice(piece);
        let body = self.tail.len().saturating_sub(TRAILER);
        self.hasher.update(&self.tail[..body]);
        self.tail.drain(..body);
    }

    /// Whole pages and the hash of them, or what is wrong.
    pub fn finish(self) -> Result<Digest, SnapshotError> {
        if self.size <= TRAILER as u64 || self.size % PAGE != TRAILER as u64 {
            return Err(SnapshotError::Truncated { size: self.size });
        }
        let mut whole = self.hasher.clone();
        let found = self.hasher.finalize();
        if found.as_slice() != self.tail {
            return Err(SnapshotError::Hash {
                found: hex(&found),
                expected: hex(&self.tail),
            });
        }
        whole.update(&self.tail);
        Ok(Digest {
            size: self.size,
            sha256: hex(&whole.finalize()),
        })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(pages: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = (0..pages * 512)
            .map(|at| u8::try_from(at % 251).expect("below 251"))
            .collect();
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        bytes
    }

    fn digest(bytes: &[u8], piece: usize) -> Result<Digest, SnapshotError> {
        let mut trailer = Trailer::default();
        bytes.chunks(piece).for_each(|piece| trailer.push(piece));
        trailer.finish()
    }

    #[test]
    fn pieces_of_any_size_make_the_same_digest() {
        let bytes = snapshot(3);
        let whole = hex(&Sha256::digest(&bytes));
        for piece in [1, 7, 31, 32, 33, 512, 1536, 4096] {
            let found = digest(&bytes, piece).expect("a snapshot");
            assert_eq!(found.size, 1568);
            assert_eq!(found.sha256, whole, "pieces of {piece}");
        }
    }

    #[test]
    fn a_byte_that_differs_is_found_wherever_it_is() {
        for at in [0, 700, 1535, 1536, 1567] {
            let mut bytes = snapshot(3);
            bytes[at] ^= 1;
            let found = digest(&bytes, 100);
            assert!(
                matches!(found, Err(SnapshotError::Hash { .. })),
                "byte {at}"
            );
        }
    }

    #[test]
    fn what_is_missing_is_found_even_at_a_page_s_end() {
        let bytes = snapshot(3);
        for size in [0, 32, 500, 512, 1536, 1567] {
            let found = digest(&bytes[..size], 100);
            assert_eq!(found, Err(SnapshotError::Truncated { size: size as u64 }));
        }
        // Looks whole, but its last bytes are no hash.
        let found = digest(&bytes[..1024 + 32], 100);
        assert!(matches!(found, Err(SnapshotError::Hash { .. })));
    }
}
