//! What holds for every text that is given as a document. The fuzz target (`fuzz/`) asks the same.

use reconcile::diag::{Code, Diagnostic, SourceFile, Style, render_all};
use reconcile::{fleet, source};

const FLEET: &str = include_str!("../../examples/clusters/fleet.yaml");
const CLUSTER: &str = include_str!("../../examples/clusters/clusters/eu-1/kube-main.yaml");

/// Loads these bytes in the place of a cluster's file and of the fleet's, and holds what is found against the laws.
pub(crate) fn hold(bytes: &[u8]) {
    judge("fleet.yaml", FLEET.as_bytes(), "clusters/x.yaml", bytes);
    judge("fleet.yaml", bytes, "clusters/x.yaml", CLUSTER.as_bytes());
}

fn judge(fleet_name: &str, fleet_bytes: &[u8], cluster_name: &str, cluster_bytes: &[u8]) {
    let mut files = Vec::new();
    let mut found = Vec::new();
    for (name, bytes) in [(fleet_name, fleet_bytes), (cluster_name, cluster_bytes)] {
        match source::document(name.to_owned(), bytes.to_vec()) {
            Ok(file) => files.push(file),
            Err(diagnostic) => found.push(diagnostic),
        }
    }
    let unread = !found.is_empty();
    let loaded = fleet::load(&files);
    assert_eq!(loaded.fleet.is_none(), loaded.has_errors());
    found.extend(loaded.diagnostics);
    for diagnostic in &found {
        is_placed(diagnostic, &files, unread);
    }
    for style in [Style::Plain, Style::Fancy] {
        is_readable(&render_all(&found, &files, style, 80), style);
    }
}

/// It says what is wrong, and where.
fn is_placed(diagnostic: &Diagnostic, files: &[SourceFile], unread: bool) {
    assert!(!diagnostic.message.is_empty(), "{diagnostic:?}");
    assert!(diagnostic.message.len() < 600, "{diagnostic:?}");
    // What is not there is nowhere.
    let nowhere = diagnostic.code == Code::NoFleet;
    assert!(nowhere == diagnostic.labels.is_empty(), "{diagnostic:?}");
    for label in &diagnostic.labels {
        let Some(file) = files.iter().find(|file| file.name == label.file) else {
            assert!(unread, "{diagnostic:?}");
            continue;
        };
        let inside = file.text.get(label.span.clone()).is_some();
        assert!(inside, "{diagnostic:?}\nin {:?}", file.text);
        let before = &file.text[..label.span.start];
        let lines = before.replace("\r\n", "\n").replace('\r', "\n");
        let line = lines.matches('\n').count() + 1;
        assert_eq!(label.line, line, "{diagnostic:?}\nin {:?}", file.text);
    }
}

/// Nothing of it drives a terminal, and there is not more of it than anybody reads.
fn is_readable(text: &str, style: Style) {
    let colour = |c: char| style == Style::Fancy && c == '\u{1b}';
    let drives = |c: char| reconcile::diag::is_unsafe(c) && c != '\n' && !colour(c);
    assert!(!text.contains(drives), "{text:?}");
    for (at, _) in text.match_indices('\u{1b}') {
        let rest = text[at + 1..].trim_start_matches(['[', ';']);
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';');
        let closed = end.is_some_and(|end| rest[end..].starts_with('m'));
        assert!(closed, "{:?}", &text[at..]);
    }
    assert!(text.len() < 200_000, "{} bytes", text.len());
}
