//! An object as people read it.

use serde_json::Value;

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
}
