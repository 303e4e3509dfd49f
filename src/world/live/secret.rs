//! Values that must not be shown, and taking them out of text that will be.

use std::fmt;

use serde_json::Value;

/// A value with no `Display`, no content in `Debug`, and no serialisation.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself: for the wire only.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Shorter values would take out half the language.
const SHORTEST: usize = 8;
const MASK: &str = "<secret>";

/// Takes known secret values out of strings.
#[derive(Debug, Clone, Default)]
pub struct Scrubber {
    values: Vec<Secret<String>>,
}

impl Scrubber {
    /// Remembers a value; those under 8 bytes and those that are not text are passed over.
    pub fn learn(&mut self, bytes: &[u8]) {
        let Ok(text) = std::str::from_utf8(bytes) else {
            return;
        };
        for value in [text, text.trim_end()] {
            let value = Secret::new(value.to_owned());
            if value.expose().len() >= SHORTEST && !self.values.contains(&value) {
                self.values.push(value);
            }
        }
        // The longest first, or a value that holds another would be left in pieces.
        self.values
            .sort_by_key(|v| std::cmp::Reverse(v.expose().len()));
    }

    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub fn text(&self, text: &str) -> String {
        self.values.iter().fold(text.to_owned(), |text, value| {
            if text.contains(value.expose().as_str()) {
                text.replace(value.expose().as_str(), MASK)
            } else {
                text
            }
        })
    }

    /// Every string in it, keys apart.
    pub fn value(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item)),
            Value::Object(map) => map.values_mut().for_each(|item| self.value(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_never_shows_in_debug() {
        assert_eq!(format!("{:?}", Secret::new("hunter2-hunter2")), "Secret(…)");
    }

    #[test]
    fn known_values_leave_every_string() {
        let mut scrubber = Scrubber::default();
        scrubber.learn(b"hunter2-hunter2\n");
        scrubber.learn(b"short");
        let mut value = serde_json::json!({
            "a": ["login root:hunter2-hunter2 failed"], "b": {"c": "short"}, "d": 1
        });
        scrubber.value(&mut value);
        assert_eq!(
            value,
            serde_json::json!({"a": ["login root:<secret> failed"], "b": {"c": "short"}, "d": 1})
        );
    }

    #[test]
    fn a_value_inside_another_leaves_no_piece_behind() {
        let mut scrubber = Scrubber::default();
        scrubber.learn(b"password");
        scrubber.learn(b"password-of-root");
        assert_eq!(scrubber.text("it is password-of-root"), "it is <secret>");
    }
}
