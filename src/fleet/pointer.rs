//! Names in JSON pointers (RFC 6901).

use std::borrow::Cow;

/// A name as a part of a pointer.
pub fn escaped(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) {
        name.replace('~', "~0").replace('/', "~1").into()
    } else {
        name.into()
    }
}

/// The other way round; of a whole pointer, what it says to people.
pub fn unescaped(part: &str) -> Cow<'_, str> {
    if part.contains('~') {
        part.replace("~1", "/").replace("~0", "~").into()
    } else {
        part.into()
    }
}

/// The names in a pointer.
pub fn names(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = pointer;
    // Not by `split`, which is made for texts that are longer than names are.
    std::iter::from_fn(move || {
        let below = rest.strip_prefix('/')?;
        let end = below.bytes().position(|byte| byte == b'/');
        let (name, next) = below.split_at(end.unwrap_or(below.len()));
        rest = next;
        Some(unescaped(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_is_taken_apart_at_its_slashes() {
        let cases: [(&str, &[&str]); 5] = [
            ("", &[]),
            ("/", &[""]),
            ("/a//b/", &["a", "", "b", ""]),
            ("/metadata/a~1b", &["metadata", "a/b"]),
            ("/ü/0", &["ü", "0"]),
        ];
        for (pointer, expected) in cases {
            assert!(names(pointer).eq(expected.iter().copied()), "{pointer}");
        }
    }

    #[test]
    fn what_is_escaped_comes_back() {
        let names = [
            ("plain", "plain"),
            ("a/b", "a~1b"),
            ("a~b", "a~0b"),
            ("~1", "~01"),
            ("~/~0", "~0~1~00"),
            ("", ""),
        ];
        for (name, part) in names {
            assert_eq!(escaped(name), part);
            assert_eq!(unescaped(part), name);
        }
    }
}
