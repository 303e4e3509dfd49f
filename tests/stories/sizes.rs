//! Bootstrap 3 → 5 → 3 → 1 → 3, under the writers: all of it once, and its parts on every version and by every way in.

use crate::bed;
use crate::certificates::secret_lines;
use crate::story::{Setting, Story};

const PLAIN: Setting = Setting {
    version: "3.6.16",
    tls: false,
    reach: None,
};

/// The whole way from an empty namespace.
fn walk(name: &'static str, setting: Setting, sizes: &[u32]) -> Option<Story> {
    // One of them tells its gaps from a machine that does nothing else.
    let (bed, _turn) = if sizes.len() > 3 {
        bed::take(name)?
    } else {
        bed::beside(name)?
    };
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
    Some(story)
}

#[test]
fn sizes_on_3_5() {
    let version = "3.5.35";
    walk("sizes_on_3_5", Setting { version, ..PLAIN }, &[3, 5, 3]);
}

#[test]
fn sizes_on_3_6() {
    walk("sizes_on_3_6", PLAIN, &[3, 5, 3, 1, 3]);
}

#[test]
fn sizes_on_3_7() {
    let version = "3.7.3";
    walk("sizes_on_3_7", Setting { version, ..PLAIN }, &[3, 5, 3]);
}

#[test]
fn sizes_with_tls() {
    let setting = Setting { tls: true, ..PLAIN };
    if let Some(story) = walk("sizes_with_tls", setting, &[3, 1, 3]) {
        story.assert_never_printed(&secret_lines(story.directory.path()));
        let recorded = story.observe().to_string();
        for line in secret_lines(story.directory.path()) {
            assert!(!recorded.contains(&line), "a secret is in the recording");
        }
    }
}

#[test]
fn sizes_through_port_forwards() {
    let reach = Some("portForward");
    walk(
        "sizes_through_port_forwards",
        Setting { reach, ..PLAIN },
        &[3, 5, 3],
    );
}
