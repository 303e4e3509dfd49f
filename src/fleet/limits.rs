//! How large a fleet may be: far above any that people write, far below what would hurt.
//!
//! Memory and time are bounded by these alone, whatever the documents say. Values are mappings, lists and scalars.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::tree::Size;

/// Bytes of a file.
pub const MAX_FILE_BYTES: usize = 4 << 20;
/// Bytes of all files.
pub const MAX_FLEET_BYTES: usize = 64 << 20;
/// YAML files.
pub const MAX_FILES: usize = 50_000;
/// Entries of all directories under `clusters/`, YAML or not: a link may lead to the root of the machine.
pub const MAX_ENTRIES: usize = 100_000;

/// Values of a file; what an alias stands for counts each time that it is used.
pub(super) const MAX_FILE_VALUES: usize = 200_000;
pub(super) const MAX_FILE_DOCUMENTS: usize = 5_000;
pub(super) const MAX_ALIASES: usize = 64;
pub(super) const MAX_DEPTH: usize = 32;
/// Values of a document; some checks look at each key for each finding.
pub(super) const MAX_DOCUMENT_VALUES: usize = 20_000;

/// Values of all clusters; what defaults and profiles say counts for each cluster that inherits it.
pub(super) const MAX_FLEET_VALUES: usize = 2_000_000;
/// Bytes of their keys and texts.
pub(super) const MAX_FLEET_TEXT: usize = 256 << 20;

/// Different findings; who has more of them mends some and asks again.
pub(super) const MAX_FINDINGS: usize = 10_000;
/// Findings before the same ones are told once: a mistake in the defaults is found for each cluster.
pub(super) const MAX_FINDINGS_LOOKED_AT: usize = 100_000;
/// Findings of one document's shape.
pub(super) const MAX_DOCUMENT_FINDINGS: usize = 1_000;

impl Size {
    /// Which limit a fleet of this size is beyond.
    pub(super) fn beyond(self) -> Option<String> {
        let counted = "what each cluster inherits counted in";
        let mib = MAX_FLEET_TEXT >> 20;
        if self.values > MAX_FLEET_VALUES {
            Some(format!(
                "the fleet has more than {MAX_FLEET_VALUES} values, {counted}"
            ))
        } else if self.text > MAX_FLEET_TEXT {
            Some(format!(
                "the fleet has more than {mib} MiB of text, {counted}"
            ))
        } else {
            None
        }
    }
}

/// What all cores have made so far, in whatever order. Once it is more than any fleet may have, the rest is left to
/// whoever goes through it in order and finds out where that is: so the answer does not depend on the cores, and the
/// memory that they take is bounded.
#[derive(Default)]
pub(super) struct Ahead {
    values: AtomicUsize,
    text: AtomicUsize,
    findings: AtomicUsize,
}

impl Ahead {
    pub(super) fn add(&self, size: Size, findings: usize) {
        self.values.fetch_add(size.values, Ordering::Relaxed);
        self.text.fetch_add(size.text, Ordering::Relaxed);
        self.findings.fetch_add(findings, Ordering::Relaxed);
    }

    /// No more is to be made ahead.
    pub(super) fn is_enough(&self) -> bool {
        self.values.load(Ordering::Relaxed) > MAX_FLEET_VALUES
            || self.text.load(Ordering::Relaxed) > MAX_FLEET_TEXT
            || self.findings.load(Ordering::Relaxed) > MAX_FINDINGS_LOOKED_AT
    }
}
