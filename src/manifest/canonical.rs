//! One way to write an object down.

use std::fmt::Write;

use crate::state::{Form, Spot};

/// As JSON without white space, names in order.
pub(super) fn text(object: Spot<'_>) -> String {
    let mut text = String::with_capacity(4096);
    write(object, &mut text);
    text
}

fn write(value: Spot<'_>, text: &mut String) {
    // Writing to a string cannot fail.
    let _ = match value.form() {
        Form::Null => text.write_str("null"),
        Form::Bool(value) => write!(text, "{value}"),
        Form::Unsigned(value) => write!(text, "{value}"),
        Form::Signed(value) => write!(text, "{value}"),
        Form::Float(value) => write!(text, "{}", serde_json::Value::from(value)),
        Form::Text(value) => {
            quoted(value, text);
            Ok(())
        }
        Form::List(items) => {
            text.push('[');
            for (at, item) in items.enumerate() {
                comma(at, text);
                write(item, text);
            }
            text.write_str("]")
        }
        Form::Map(fields) => {
            text.push('{');
            for (at, (name, value)) in fields.enumerate() {
                comma(at, text);
                quoted(name, text);
                text.push(':');
                write(value, text);
            }
            text.write_str("}")
        }
    };
}

fn comma(at: usize, text: &mut String) {
    if at > 0 {
        text.push(',');
    }
}

/// Most texts are written as they are, and to see it of all bytes at once is quicker than to find the first that is not.
fn quoted(value: &str, text: &mut String) {
    let escaped = |byte| matches!(byte, ..b' ' | b'"' | b'\\');
    if value.bytes().fold(false, |any, byte| any | escaped(byte)) {
        let _ = write!(text, "{}", serde_json::Value::from(value));
    } else {
        text.extend(["\"", value, "\""]);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::super::difference::tests::any_json;
    use super::*;
    use crate::state::Flat;

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
        let written = text(Flat::of(&fields).root());
        let expected =
            r#"{"a":{"a":[{},"null",":null"],"b":{}},"a!":-1.5,"a\"":"\u0001ü","b":[null,1]}"#;
        assert_eq!(written, expected);
        assert_eq!(text(Flat::of(&json!(null)).root()), "null");
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
            prop_assert_eq!(text(Flat::of(&value).root()), by_tree(&value));
        }
    }
}
