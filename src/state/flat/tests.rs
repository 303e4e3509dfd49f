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
fn a_value_is_put_where_it_belongs() {
    let mut whole = flat(&json!({"b": {"b": {}, "d": [1]}, "d": "e"}));
    for (path, value) in [
        (&["b", "b"][..], json!({"f": {"g": "h"}})),
        (&["b", "d"], json!("i")),
        (&["a"], json!(1)),
        (&["b", "c"], json!([2])),
        (&["z", "y", "x"], json!({"w": 3})),
        (&["d", "e"], json!(null)),
    ] {
        whole.put(path, &flat(&value));
        assert_eq!(whole.root().at(path).map(Spot::tree), Some(value));
    }
    let expected = json!({
        "a": 1,
        "b": {"b": {"f": {"g": "h"}}, "c": [2], "d": "i"},
        "d": {"e": null},
        "z": {"y": {"x": {"w": 3}}},
    });
    assert_eq!(whole.tree(), expected);
    assert_eq!(whole, flat(&expected), "texts are elsewhere");
    whole.put(&["b", "b", "f", "g"], &flat(&json!("j")));
    assert_ne!(whole, flat(&expected));
    whole.put(&[], &flat(&json!([])));
    assert_eq!(whole.tree(), json!([]));
    let mut nothing = Flat::default();
    nothing.put(&["a"], &flat(&json!(1)));
    assert_eq!(nothing.tree(), json!({"a": 1}));
}

#[test]
fn a_pointer_leads_through_maps_and_lists() {
    let flat = flat(&json!({"a/b": [{"c": 1}, "d"]}));
    let at = |pointer| flat.root().pointer(pointer).map(Spot::tree);
    assert_eq!(at("/a~1b/0/c"), Some(json!(1)));
    assert_eq!(at("/a~1b/1"), Some(json!("d")));
    assert_eq!(at(""), Some(json!({"a/b": [{"c": 1}, "d"]})));
    assert!(["/a~1b/2", "/a~1b/x", "/a~1b/1/c", "/c"].map(at) == [const { None }; 4]);
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
        prop_assert_eq!(serde_json::to_value(flat(&value).root()).expect("JSON"), value);
    }
}
