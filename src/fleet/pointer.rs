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

#[cfg(test)]
mod tests {
    use super::*;

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
