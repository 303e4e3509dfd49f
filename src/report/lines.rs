//! Which lines of a text are others than before.

use std::ops::Range;

use similar::DiffOp;
use similar::algorithms::{Capture, Compact, Replace, myers};

/// A line without its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'t> {
    Gone(&'t str),
    New(&'t str),
}

/// Lines that went before those that came in their place. By one algorithm: all that `similar` has are a fiftieth of the
/// program.
pub(super) fn changed<'t>(before: &'t str, after: &'t str) -> Vec<Line<'t>> {
    let (before, after) = (lines(before), lines(after));
    let mut diff = Compact::new(Replace::new(Capture::new()), &*before, &*after);
    let Ok(()) = myers::diff(
        &mut diff,
        &*before,
        0..before.len(),
        &*after,
        0..after.len(),
    );
    let gone = |at: Range<usize>| before[at].iter().map(|line| Line::Gone(bare(line)));
    let new = |at: Range<usize>| after[at].iter().map(|line| Line::New(bare(line)));
    let mut changed = Vec::new();
    for op in diff.into_inner().into_inner().into_ops() {
        if !matches!(op, DiffOp::Equal { .. }) {
            changed.extend(gone(op.old_range()).chain(new(op.new_range())));
        }
    }
    changed
}

/// With their ends: a text that lost its last line's end has changed.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

fn bare(line: &str) -> &str {
    line.trim_end_matches('\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_where_they_changed() {
        let (before, after) = ("a\nb\nc\nd\n", "a\nB\nc\nx\nd");
        let expected = [
            Line::Gone("b"),
            Line::New("B"),
            Line::Gone("d"),
            Line::New("x"),
            Line::New("d"),
        ];
        assert_eq!(changed(before, after), expected);
        assert_eq!(changed(before, before), []);
        assert_eq!(changed("", "a\n"), [Line::New("a")]);
        assert_eq!(changed("a\n", ""), [Line::Gone("a")]);
    }
}
