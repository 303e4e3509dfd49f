//! One way to write an object down.

use std::fmt::Write;
use std::ops::Range;

use super::{Flat, Node};

impl Flat {
    /// As JSON without white space, names in order.
    pub fn canonical(&self) -> String {
        let mut writer = Writer {
            flat: self,
            // Quotes, a comma or a colon, and a bracket now and then.
            text: String::with_capacity(self.text.len() + 4 * self.nodes.len()),
            plain: self.is_plain(),
        };
        writer.value(0);
        writer.text
    }
}

struct Writer<'f> {
    flat: &'f Flat,
    text: String,
    /// Nothing has to be escaped.
    plain: bool,
}

impl Writer<'_> {
    /// Writes what is there, and says where what comes after it is: for each object of a fleet, so without looking at
    /// anything twice.
    fn value(&mut self, at: usize) -> usize {
        let next = at + 1;
        match self.flat.nodes.get(at).copied().unwrap_or(Node::Null) {
            Node::Null => self.text.push_str("null"),
            Node::Bool(value) => self.written(value),
            Node::Unsigned(value) => self.written(value),
            Node::Signed(value) => self.written(value),
            Node::Float(value) => self.written(value),
            Node::Text(start, end) => self.quoted(start, end),
            Node::List(below) => return self.enclosed("[", next..next + below, "]", Self::value),
            Node::Map(below) => return self.enclosed("{", next..next + below, "}", Self::field),
        }
        next
    }

    fn field(&mut self, name: usize) -> usize {
        let value = self.value(name);
        self.text.push(':');
        self.value(value)
    }

    fn enclosed(
        &mut self,
        opens: &str,
        below: Range<usize>,
        closes: &str,
        write: fn(&mut Self, usize) -> usize,
    ) -> usize {
        self.text.push_str(opens);
        let mut at = below.start;
        while at < below.end {
            if at > below.start {
                self.text.push(',');
            }
            at = write(self, at);
        }
        self.text.push_str(closes);
        at
    }

    fn quoted(&mut self, start: u32, end: u32) {
        let value = self.flat.text(start, end);
        if self.plain {
            self.text.push('"');
            self.text.push_str(value);
            self.text.push('"');
        } else {
            self.written(value);
        }
    }

    /// As `serde_json` writes it; writing to a string cannot fail.
    fn written(&mut self, value: impl Into<serde_json::Value>) {
        let _ = write!(self.text, "{}", value.into());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::manifest::any_json;

    /// Written in another order than that of the names.
    #[derive(Serialize)]
    struct Fields {
        zone: Option<&'static str>,
        b: Vec<Option<u8>>,
        #[serde(flatten)]
        others: std::collections::BTreeMap<&'static str, Option<Value>>,
        a: Value,
    }

    #[test]
    fn names_are_in_order_and_nulls_go_and_empty_maps_stay() {
        let fields = Fields {
            zone: None,
            b: vec![None, Some(1)],
            others: [
                ("c", None),
                ("a!", Some(json!(-1.5))),
                ("a\"", Some(json!("\u{1}ü"))),
            ]
            .into(),
            a: json!({"z": null, "b": {}, "a": [{"c": null}, "null", ":null"]}),
        };
        let written = Flat::of(&fields).canonical();
        let expected =
            r#"{"a":{"a":[{},"null",":null"],"b":{}},"a!":-1.5,"a\"":"\u0001ü","b":[null,1]}"#;
        assert_eq!(written, expected);
        assert_eq!(Flat::of(&json!(null)).canonical(), "null");
    }

    /// The way that is longer: a tree is sorted and written.
    fn by_tree(value: &Value) -> String {
        fn sort(value: &mut Value) {
            match value {
                Value::Object(map) => {
                    map.retain(|_, v| !v.is_null());
                    map.values_mut().for_each(sort);
                    map.sort_keys();
                }
                Value::Array(items) => items.iter_mut().for_each(sort),
                _ => {}
            }
        }
        let mut value = value.clone();
        sort(&mut value);
        value.to_string()
    }

    proptest! {
        #[test]
        fn it_is_the_sorted_tree_written(value in any_json()) {
            prop_assert_eq!(Flat::of(&value).canonical(), by_tree(&value));
        }
    }
}
