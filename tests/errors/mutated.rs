//! Documents as nobody writes them: those of the examples and of the goldens, bent at random.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};

use super::laws;

/// The same every day; `PROPTEST_CASES` and `PROPTEST_RNG_SEED` look elsewhere.
const CASES: u32 = 400;
const SEED: u64 = 20_261_129;

/// Pieces that mean something to a parser or to a terminal.
const PIECES: &[&str] = &[
    "\0",
    "\t",
    "\r",
    "\r\n",
    "\n",
    "\u{feff}",
    "\u{1b}[2J",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "ö",
    "\u{10ffff}",
    "[",
    "]",
    "{",
    "}",
    "[[[[[[[[",
    "- ",
    "? ",
    ": ",
    ", ",
    "# ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "\\",
    "\"\\u0000\"",
    "&a ",
    "*a",
    "&a [*a]",
    "<<: ",
    "<<: *a\n",
    "!!binary ",
    "!!str ",
    "!x ",
    "!include ",
    "---\n",
    "...\n",
    "%YAML 1.2\n",
    "%TAG ! x\n",
    "~",
    "null",
    ".nan",
    "-.inf",
    "0x7fffffffffffffff",
    "1e999",
    "99999999999999999999",
    "true: ",
    "members: ",
    "spec:\n",
    "  ",
    "kind: Fleet\n",
    "apiVersion: reconcile/v1alpha1\n",
    "{version}",
    "Ei",
    "/",
];

#[derive(Debug, Clone)]
enum Edit {
    Insert(prop::sample::Index, &'static str),
    Replace(prop::sample::Index, u8),
    Remove(prop::sample::Index, usize),
    Repeat(prop::sample::Index, usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        6 => (at(), prop::sample::select(PIECES)).prop_map(|(at, piece)| Edit::Insert(at, piece)),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Edit::Replace(at, byte)),
        2 => (at(), 1..40_usize).prop_map(|(at, length)| Edit::Remove(at, length)),
        1 => (at(), 1..80_usize, 1..40_usize)
            .prop_map(|(at, length, times)| Edit::Repeat(at, length, times)),
    ]
}

fn bend(text: &mut Vec<u8>, edit: &Edit) {
    let length = text.len();
    let range = |at: &prop::sample::Index, many: usize| {
        let start = at.index(length + 1);
        start..(start + many).min(length)
    };
    match edit {
        Edit::Insert(at, piece) => {
            text.splice(range(at, 0), piece.bytes());
        }
        Edit::Replace(at, byte) => {
            text.splice(range(at, 1), [*byte]);
        }
        Edit::Remove(at, many) => {
            text.drain(range(at, *many));
        }
        Edit::Repeat(at, many, times) => {
            let range = range(at, *many);
            let piece = text[range.clone()].repeat(*times);
            text.splice(range.end..range.end, piece);
        }
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of documents") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "yaml") {
            found.push(path);
        }
    }
}

fn documents() -> Vec<Vec<u8>> {
    let mut paths = Vec::new();
    collect(Path::new("examples/clusters"), &mut paths);
    collect(Path::new(super::CASES), &mut paths);
    paths.sort();
    let texts = paths.iter().map(|path| fs::read(path).expect("a document"));
    texts.collect()
}

pub(crate) fn config() -> ProptestConfig {
    let told = std::env::var("PROPTEST_CASES").ok();
    let file = "tests/errors.proptest-regressions";
    ProptestConfig {
        cases: told.and_then(|n| n.parse().ok()).unwrap_or(CASES),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(file))),
        max_shrink_iters: 2000,
        rng_seed: match ProptestConfig::default().rng_seed {
            RngSeed::Random => RngSeed::Fixed(SEED),
            given @ RngSeed::Fixed(_) => given,
        },
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn bent_documents_are_answered(
        document in prop::sample::select(documents()), edits in prop::collection::vec(edit(), 1..6)
    ) {
        let mut text = document;
        for edit in &edits {
            bend(&mut text, edit);
        }
        laws::hold(&text);
    }

    #[test]
    fn pieces_in_any_order_are_answered(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        laws::hold(pieces.concat().as_bytes());
    }
}

#[test]
fn documents_as_they_are_keep_the_laws() {
    let documents = documents();
    assert!(documents.len() > 100, "{} documents", documents.len());
    for text in documents {
        laws::hold(&text);
    }
}
