//! One way to write an object down.

use serde::Serialize;
use serde_json::Value;

/// As JSON: keys sorted, nothing null. Empty maps stay, since `{}` and nothing differ where a person wrote them (an
/// empty label selector matches everything).
pub(super) fn value<T: Serialize>(object: &T) -> Value {
    let mut value =
        serde_json::to_value(object).expect("Kubernetes types have string keys and finite numbers");
    sort(&mut value);
    value
}

/// The same of JSON that was added to.
pub(super) fn sort(value: &mut Value) {
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

/// As a YAML document: sorted keys, texts of several lines as blocks, so that a diff shows a member's file line by line.
pub fn yaml(object: &Value) -> String {
    let options = serde_saphyr::ser_options! {
        folded_wrap_chars: usize::MAX,
    };
    serde_saphyr::to_string_with_options(object, options).expect("JSON values have a YAML form")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    #[test]
    fn nulls_go_and_empty_maps_stay() {
        assert_eq!(
            value(&json!({"z": null, "a": {"b": {}, "c": null}})),
            json!({"a": {"b": {}}})
        );
    }
}
