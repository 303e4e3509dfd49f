//! One way to write an object down.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io::{self, Write};
use std::mem;
use std::ops::Range;
use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{Formatter, Serializer};

const WRITTEN: &str = "Kubernetes types have string keys and finite numbers";

/// As JSON: keys sorted, no field null. Empty maps stay, since `{}` and nothing differ where a person wrote them (an
/// empty label selector matches everything).
pub(super) fn text<T: Serialize>(object: &T) -> String {
    let text = Text::default();
    let sorted = Sorted {
        text: text.clone(),
        open: Vec::new(),
    };
    let mut serializer = Serializer::with_formatter(text.clone(), sorted);
    object.serialize(&mut serializer).expect(WRITTEN);
    String::from_utf8(text.0.take()).expect("JSON is UTF-8")
}

/// What is written so far, seen by the serializer that goes on and by the formatter that puts it in order.
#[derive(Clone, Default)]
struct Text(Rc<RefCell<Vec<u8>>>);

impl Text {
    fn len(&self) -> usize {
        self.0.borrow().len()
    }
}

impl Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes a map's fields as they come, and puts them in order when it is closed.
struct Sorted {
    text: Text,
    /// Maps that are not closed yet, the innermost last.
    open: Vec<Open>,
}

struct Open {
    /// Where its first field starts.
    start: usize,
    fields: Vec<Field>,
    /// The one that is being written; what is before its name is the comma.
    field: Field,
}

/// Its name without quotation marks, and what of the text is the field.
#[derive(Default)]
struct Field {
    start: usize,
    name: Range<usize>,
    end: usize,
    /// The name is not written as it is.
    escaped: bool,
}

impl Formatter for Sorted {
    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b"{")?;
        self.open.push(Open {
            start: self.text.len(),
            fields: Vec::with_capacity(8),
            field: Field::default(),
        });
        Ok(())
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, _: &mut W, _: bool) -> io::Result<()> {
        if let Some(open) = self.open.last_mut() {
            open.begin_name(&mut self.text.0.borrow_mut());
        }
        Ok(())
    }

    fn end_object_key<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(open) = self.open.last_mut() {
            open.end_name(&self.text.0.borrow());
        }
        Ok(())
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        if let Some(open) = self.open.last_mut() {
            open.end_field(&mut self.text.0.borrow_mut());
        }
        Ok(())
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        if let Some(open) = self.open.pop() {
            open.sort(&mut self.text.0.borrow_mut());
        }
        writer.write_all(b"}")
    }
}

impl Open {
    fn begin_name(&mut self, text: &mut Vec<u8>) {
        if !self.fields.is_empty() {
            text.push(b',');
        }
        self.field.start = text.len();
    }

    fn end_name(&mut self, text: &[u8]) {
        self.field.name = self.field.start + 1..text.len() - 1;
        self.field.escaped = text[self.field.name.clone()].contains(&b'\\');
    }

    fn end_field(&mut self, text: &mut Vec<u8>) {
        let mut field = mem::take(&mut self.field);
        if text[field.name.end + 1..] == *b":null" {
            let comma = usize::from(!self.fields.is_empty());
            text.truncate(field.start - comma);
        } else {
            field.end = text.len();
            self.fields.push(field);
        }
    }

    fn sort(mut self, text: &mut Vec<u8>) {
        let name = |field: &Field| field.name(text);
        if self.fields.is_sorted_by(|a, b| name(a) <= name(b)) {
            return; // as nearly all are
        }
        self.fields.sort_by(|a, b| name(a).cmp(&name(b)));
        let mut sorted = Vec::with_capacity(text.len() - self.start);
        for field in &self.fields {
            sorted.extend_from_slice(&text[field.start..field.end]);
            sorted.push(b',');
        }
        sorted.pop();
        text.truncate(self.start);
        text.append(&mut sorted);
    }
}

impl Field {
    fn name<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let written = &text[self.name.clone()];
        if self.escaped {
            let quoted = &text[self.name.start - 1..=self.name.end];
            let name: Result<String, _> = serde_json::from_slice(quoted);
            return name.map_or(Cow::Borrowed(written), |name| Cow::Owned(name.into_bytes()));
        }
        Cow::Borrowed(written)
    }
}

/// As a YAML document: sorted keys, texts of several lines as blocks, so that a diff shows a member's file line by line.
pub fn yaml(object: &Value) -> String {
    let options = serde_saphyr::ser_options! {
        folded_wrap_chars: usize::MAX,
    };
    serde_saphyr::to_string_with_options(object, options).expect("JSON values have a YAML form")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::difference::tests::any_json;
    use super::*;

    #[test]
    fn yaml_reads_back_and_shows_lines() {
        let value = json!({
            "b": "one\ntwo\n",
            "a": {"on": "yes", "no": "1", "n": 1, "empty": "", "e": "1e3", "list": [{"k": "v"}]},
            "long": "word ".repeat(40),
        });
        let text = yaml(&value);
        assert!(text.contains("b: |\n  one\n  two\n"), "{text}");
        let back: Value = serde_saphyr::from_str(&text).expect("our own YAML");
        assert_eq!(back, value, "{text}");
    }

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
        let written = text(&fields);
        let expected =
            r#"{"a":{"a":[{},"null",":null"],"b":{}},"a!":-1.5,"a\"":"\u0001ü","b":[null,1]}"#;
        assert_eq!(written, expected);
        assert_eq!(text(&json!(null)), "null");
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
            prop_assert_eq!(text(&value), by_tree(&value));
        }
    }
}
