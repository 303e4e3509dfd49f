//! Control characters of documents must not reach a terminal: an escape sequence in a value could repaint the screen.

use std::borrow::Cow;

/// Invisible or reordering characters that make text read as something else.
const fn is_deceptive(c: char) -> bool {
    matches!(c, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t') || is_deceptive(c)
}

/// Text fit for a terminal: unsafe characters are spelled `\u{1b}`.
pub fn defuse(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let spelled = text.chars().flat_map(|c| {
        let escaped = is_unsafe(c).then(|| c.escape_unicode());
        let plain = if escaped.is_none() { Some(c) } else { None };
        escaped.into_iter().flatten().chain(plain)
    });
    Cow::Owned(spelled.collect())
}

/// The same for a source text, each character replaced by one of the same byte length, so that spans keep.
pub(super) fn defuse_source(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let same_length = |c: char| match (c, c.len_utf8()) {
        _ if !is_unsafe(c) => c,
        ('\r', _) => ' ',
        (_, 1) => '?',
        (_, 2) => '¿',
        _ => '\u{FFFD}',
    };
    Cow::Owned(text.chars().map(same_length).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_spelled_out() {
        assert_eq!(defuse("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(defuse("tab\tline\n"), "tab\tline\n");
    }

    #[test]
    fn source_keeps_its_length() {
        let text = "\u{feff}a: \"\u{1b}[2J\u{85}\u{202e}é\"\r\n";
        let safe = defuse_source(text);
        assert_eq!(safe.len(), text.len());
        assert!(!safe.contains(is_unsafe), "{safe:?}");
    }
}
