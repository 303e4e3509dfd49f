//! Control characters of documents must not reach a terminal: an escape sequence in a value could repaint the screen.

use std::borrow::Cow;

/// Moves the cursor, or is invisible or reorders so that text reads as something else.
pub fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
        '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}')
}

/// Of a text of several lines, these are what it is made of.
fn is_unsafe_in_lines(c: char) -> bool {
    is_unsafe(c) && c != '\n' && c != '\t'
}

/// Lines fit for a terminal: unsafe characters are spelled `\u{1b}`.
pub fn defuse(text: &str) -> Cow<'_, str> {
    spelled(text, is_unsafe_in_lines)
}

/// The same for what must stay one line.
pub fn defuse_line(text: &str) -> Cow<'_, str> {
    spelled(text, is_unsafe)
}

fn spelled(text: &str, is_unsafe: fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unsafe(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// More than this tells no more, and a document may hold millions.
const LONGEST: usize = 500;

/// A text of any length as one that can be read: the middle of a longer one is left out.
pub fn shortened(text: String) -> String {
    const TAIL: usize = LONGEST / 4;
    if text.len() <= LONGEST {
        return text;
    }
    let head = boundary(&text, LONGEST - TAIL);
    let tail = boundary(&text, text.len() - TAIL);
    let left_out = tail - head;
    format!(
        "{} [... {left_out} bytes ...] {}",
        &text[..head],
        &text[tail..]
    )
}

/// The place, or the one before it, at which a character begins.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The same for a source text, each character replaced by one of the same byte length, so that spans keep. A carriage
/// return alone ends a line for YAML, so it does here.
pub(super) fn defuse_source(text: &str) -> Cow<'_, str> {
    if !text.contains(is_unsafe_in_lines) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match (c, c.len_utf8()) {
            _ if !is_unsafe_in_lines(c) => safe.push(c),
            ('\r', _) if rest.peek() == Some(&'\n') => safe.push(' '),
            ('\r', _) => safe.push('\n'),
            (_, 1) => safe.push('?'),
            (_, 2) => safe.push('¿'),
            (_, 3) => safe.push('\u{fffd}'),
            // Two of two bytes: no character of four is seen everywhere.
            _ => safe.push_str("¿¿"),
        }
    }
    Cow::Owned(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_spelled_out() {
        assert_eq!(defuse("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(defuse("tab\tline\n"), "tab\tline\n");
        assert_eq!(defuse_line("tab\tline\n"), "tab\\tline\\n");
    }

    #[test]
    fn long_texts_keep_their_ends() {
        let text = |middle: usize| format!("a{}z", "ö".repeat(middle));
        assert_eq!(shortened(text(249)), text(249));
        let short = shortened(text(2_000_000));
        assert!(short.len() < LONGEST + 50, "{}", short.len());
        assert!(short.starts_with("aö") && short.ends_with("öz"));
        assert!(short.contains(" [... 3999"), "{short}");
    }

    #[test]
    fn source_keeps_its_length() {
        let text = "\u{feff}a: \"\u{1b}[2J\u{85}\u{202e}é\u{e0041}\"\r\nb\rc";
        let safe = defuse_source(text);
        assert_eq!(safe.len(), text.len());
        assert!(!safe.contains(is_unsafe_in_lines), "{safe:?}");
        assert!(safe.ends_with("\" \nb\nc"), "{safe:?}");
    }
}
