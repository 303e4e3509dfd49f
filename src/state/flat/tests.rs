use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

fn flat(value: &Value) -> Flat {
    serde_json::from_str(&value.to_string()).expect("JSON")
}

#[test]
fn fields_are_found_in_the_order_of_their_names() {
    let value = json!({"a": {"b": [1, {"c": 2}], "c": -1}, "d": null, "e": "x", "f": true});
    let flat = flat(&value);
    let root = flat.root();
    let at = |path: &[&str]| root.at(path);
    assert!(matches!(
        at(&["a", "c"]).map(Spot::form),
        Some(Form::Signed(-1))
    ));
    assert_eq!(at(&["a", "c"]).and_then(Spot::as_u64), None);
    assert_eq!(at(&["e"]).and_then(Spot::as_str), Some("x"));
    assert!(matches!(at(&["d"]).map(Spot::form), Some(Form::Null)));
    assert!(at(&["a", "b", "c"]).is_none() && at(&["e", "x"]).is_none());
    let Some(Form::List(items)) = at(&["a", "b"]).map(Spot::form) else {
        panic!("a list");
    };
    let second = items.last().and_then(|last| last.at(&["c"])?.as_u64());
    assert_eq!(second, Some(2));
    let mut fields = root.fields().expect("a map");
    let found = ["a", "aa", "b", "d", "g"].map(|name| fields.find(name).is_some());
    assert_eq!(found, [true, false, false, true, false]);
}

#[test]
fn a_part_is_replaced_where_it_is() {
    let mut whole = flat(&json!({"a": {"b": {}, "c": [1]}, "d": "e"}));
    assert!(!whole.replace(&["a", "x"], &flat(&json!(1))));
    assert!(whole.replace(&["a", "b"], &flat(&json!({"f": {"g": "h"}}))));
    assert!(whole.replace(&["a", "c"], &flat(&json!("i"))));
    let expected = json!({"a": {"b": {"f": {"g": "h"}}, "c": "i"}, "d": "e"});
    assert_eq!(whole.tree(), expected);
    assert_eq!(whole, flat(&expected), "texts are elsewhere");
    assert_ne!(
        whole,
        flat(&json!({"a": {"b": {"f": {"g": "j"}}, "c": "i"}, "d": "e"}))
    );
    assert!(whole.replace(&[], &flat(&json!([]))));
    assert_eq!(whole.tree(), json!([]));
}

#[test]
fn fields_that_are_null_stay_only_where_they_shall() {
    let value = json!({"a": null, "b": [null, {"c": null}]});
    assert_eq!(Flat::with_nulls(&value).tree(), value);
    assert_eq!(Flat::of(&value).tree(), json!({"b": [null, {}]}));
}

#[test]
fn of_names_without_order_a_tree_tells() {
    let read = |text| serde_json::from_str::<Flat>(text).expect("JSON");
    assert!(read(r#"{"a": 1, "b": {"a": 1}}"#).is_sorted());
    assert!(!read(r#"[{"b": 1, "a": 2}]"#).is_sorted());
    let twice = read(r#"{"a": 1, "a": {"b": 2}}"#);
    assert!(!twice.is_sorted());
    assert_eq!(twice.tree(), json!({"a": {"b": 2}}));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        ".{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a\"\n]{0,3}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn it_is_the_tree_it_came_from(value in any_value()) {
        prop_assert!(flat(&value).is_sorted());
        prop_assert_eq!(flat(&value).tree(), value.clone());
        prop_assert_eq!(Flat::deserialize(&value).expect("a tree"), flat(&value));
    }
}
