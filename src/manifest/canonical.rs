//! One way to write an object down.

use std::fmt::Write;

use crate::state::{Flat, Form, Spot};

/// As JSON without white space, names in order.
pub(super) fn text(object: &Flat) -> String {
    let mut writer = Writer {
        text: String::with_capacity(4096),
        plain: object.is_plain(),
    };
    writer.value(object.root());
    writer.text
}

struct Writer {
    text: String,
    /// Nothing has to be escaped.
    plain: bool,
}

impl Writer {
    fn value(&mut self, value: Spot<'_>) {
        match value.form() {
            Form::Null => self.text.push_str("null"),
            Form::Bool(value) => self.written(value),
            Form::Unsigned(value) => self.written(value),
            Form::Signed(value) => self.written(value),
            Form::Float(value) => self.written(value),
            Form::Text(value) => self.quoted(value),
            Form::List(items) => {
                self.text.push('[');
                for (at, item) in items.enumerate() {
                    self.comma(at);
                    self.value(item);
                }
                self.text.push(']');
            }
            Form::Map(fields) => {
                self.text.push('{');
                for (at, (name, value)) in fields.enumerate() {
                    self.comma(at);
                    self.quoted(name);
                    self.text.push(':');
                    self.value(value);
                }
                self.text.push('}');
            }
        }
    }

    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.text.push(',');
        }
    }

    fn quoted(&mut self, value: &str) {
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

    use super::super::difference::tests::any_json;
    use super::*;

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
        let written = text(&Flat::of(&fields));
        let expected =
            r#"{"a":{"a":[{},"null",":null"],"b":{}},"a!":-1.5,"a\"":"\u0001ü","b":[null,1]}"#;
        assert_eq!(written, expected);
        assert_eq!(text(&Flat::of(&json!(null))), "null");
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
            prop_assert_eq!(text(&Flat::of(&value)), by_tree(&value));
        }
    }
}
