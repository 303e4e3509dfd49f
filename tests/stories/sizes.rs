//! Bootstrap 3 → 5 → 3, under the writers, on every version and by every way in.

use crate::bed::{self, Bed, Turn};
use crate::certificates::secret_lines;
use crate::story::{PLAIN, Setting, Story};

/// The whole way from an empty namespace.
pub(crate) fn walk(
    name: &'static str,
    (bed, _turn): (&'static Bed, Turn),
    setting: Setting,
    sizes: &[u32],
) -> Story {
    let story = Story::new(name, bed, setting);
    story.start_writers();
    let mut last = 0;
    for &members in sizes {
        if last != 0 {
            story.mark(&format!("{last} to {members}"));
        }
        story.become_size(members);
        if last == 0 {
            story.await_writers();
        }
        last = members;
    }
    story.judge(last);
    story
}

#[test]
fn sizes_on_3_5() {
    let name = "sizes_on_3_5";
    let version = "3.5.35";
    if let Some(turn) = bed::by_choice(name).and_then(bed::beside) {
        walk(name, turn, Setting { version, ..PLAIN }, &[3, 5, 3]);
    }
}

#[test]
fn sizes_on_3_6() {
    let name = "sizes_on_3_6";
    if let Some(turn) = bed::beside(name) {
        walk(name, turn, PLAIN, &[3, 5, 3, 1, 3]);
    }
}

#[test]
fn sizes_on_3_7() {
    let name = "sizes_on_3_7";
    let version = "3.7.3";
    if let Some(turn) = bed::by_choice(name).and_then(bed::beside) {
        walk(name, turn, Setting { version, ..PLAIN }, &[3, 5, 3]);
    }
}

#[test]
fn sizes_with_tls() {
    let name = "sizes_with_tls";
    let setting = Setting {
        version: "3.5.35",
        tls: true,
        ..PLAIN
    };
    let Some(turn) = bed::beside(name) else {
        return;
    };
    let story = walk(name, turn, setting, &[3, 1, 3]);
    story.assert_never_printed(&secret_lines(story.directory.path()));
    let recorded = story.observe().to_string();
    for line in secret_lines(story.directory.path()) {
        assert!(!recorded.contains(&line), "a secret is in the recording");
    }
}

#[test]
fn sizes_through_port_forwards() {
    let name = "sizes_through_port_forwards";
    let setting = Setting {
        version: "3.7.3",
        reach: Some("portForward"),
        ..PLAIN
    };
    if let Some(turn) = bed::beside(name) {
        walk(name, turn, setting, &[3, 5, 3]);
    }
}
