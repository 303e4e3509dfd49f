//! Bootstrap 3 → 5 → 3 → 1 → 3 under the writers, on a machine that does nothing else: its gaps are told.

use crate::bed;
use crate::sizes::walk;
use crate::story::PLAIN;

#[test]
fn sizes_on_3_6() {
    let name = "sizes_on_3_6";
    if let Some(turn) = bed::take(name) {
        walk(name, turn, PLAIN, &[3, 5, 3, 1, 3]);
    }
}
