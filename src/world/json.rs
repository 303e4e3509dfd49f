//! JSON that came as bytes.

use std::str;

use serde::Deserialize;

/// Whether it is UTF-8 is asked of the whole at once: of a slice `serde_json` asks it of every text in it.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> serde_json::Result<T> {
    match str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        // It says where the bytes are that are none.
        Err(_) => serde_json::from_slice(bytes),
    }
}
