//! Whether an object holds what we render, without a tree of what we render.
//!
//! Most objects are as they shall be. This says so quickly or not at all: what it does not find alike may still mean the
//! same, and is for [`differences`](super::differences) to judge.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::difference::{is_identity, may_be_ours_alone};

/// Every field of `text`, which is JSON, is the same in `live`.
pub(super) fn holds(live: &Value, text: &str) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let whole = Beside {
        live,
        root: true,
        alone: false,
    };
    whole.deserialize(&mut deserializer).is_ok()
}

/// A value that is read, beside the one that is there. It fails where they are not alike.
struct Beside<'l> {
    live: &'l Value,
    /// What the object is: a list in a LIST's answer says it only once.
    root: bool,
    /// Nothing else may be in it.
    alone: bool,
}

impl<'l> Beside<'l> {
    const fn within(live: &'l Value, alone: bool) -> Self {
        Self {
            live,
            root: false,
            alone,
        }
    }

    fn alike<E: Error>(alike: bool) -> Result<(), E> {
        if alike {
            Ok(())
        } else {
            Err(E::custom("not alike"))
        }
    }
}

impl<'de> DeserializeSeed<'de> for Beside<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Beside<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Self::alike(self.live.is_null())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        Self::alike(self.live.as_bool() == Some(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        Self::alike(self.live.as_u64() == Some(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        Self::alike(self.live.as_i64() == Some(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        Self::alike(*self.live == value)
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        Self::alike(self.live.as_str() == Some(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let Some(there) = self.live.as_array() else {
            return Self::alike(false);
        };
        for live in there {
            let item = items.next_element_seed(Self::within(live, false))?;
            Self::alike(item.is_some())?;
        }
        Self::alike(items.next_element::<IgnoredAny>()?.is_none())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let Some(there) = self.live.as_object() else {
            return Self::alike(false);
        };
        let mut held = 0;
        while let Some(name) = fields.next_key_seed(Name)? {
            held += 1;
            if let Some(live) = there.get(&*name) {
                fields.next_value_seed(Self::within(live, may_be_ours_alone(&name)))?;
            } else {
                Self::alike(self.root && is_identity(&name))?;
                fields.next_value::<IgnoredAny>()?;
            }
        }
        Self::alike(!self.alone || held == there.len())
    }
}

/// A field's name, of the text it is read from where that says it as it is.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field's name")
    }

    fn visit_borrowed_str<E: Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::difference::tests::{any_json, keys_are_unique};
    use super::super::{canonical, differences, example, steady};
    use super::*;

    fn holds_all(live: &Value, wanted: &Value) -> bool {
        holds(live, &canonical::text(wanted))
    }

    #[test]
    fn an_object_holds_itself_whatever_others_add() {
        for object in steady(&example::spec(3)) {
            let mut live = object.body.clone();
            assert!(holds_all(&live, &object.body), "{}", object.key);
            live["metadata"]["annotations"]["of/others"] = json!("1");
            live["status"] = json!({"ready": true});
            live.as_object_mut().expect("a map").remove("kind");
            assert!(holds_all(&live, &object.body), "{}", object.key);
            live["metadata"]["name"] = json!("another");
            assert!(!holds_all(&live, &object.body), "{}", object.key);
        }
    }

    #[test]
    fn what_is_not_alike_is_told() {
        let cases = [
            (json!({"a": 1}), json!({"a": 2})),
            (json!({"a": 1}), json!({"a": "1"})),
            (json!({"a": 1}), json!({})),
            (json!({"a": -1}), json!({"a": 1})),
            (json!({"a": [1]}), json!({"a": [1, 2]})),
            (json!({"a": [1, 2]}), json!({"a": [1]})),
            (json!({"a": []}), json!({"a": {}})),
            (json!({"a": {}}), json!({"a": []})),
            (json!({"a": {"kind": "x"}}), json!({"a": {}})),
            (
                json!({"data": {"a": "1"}}),
                json!({"data": {"a": "1", "b": "2"}}),
            ),
        ];
        for (wanted, live) in cases {
            assert!(holds_all(&wanted, &wanted), "{wanted}");
            assert!(!holds_all(&live, &wanted), "{wanted} beside {live}");
        }
    }

    proptest! {
        #[test]
        fn what_is_held_does_not_differ(wanted in any_json(), mut live in any_json(), same in any::<bool>()) {
            let text = canonical::text(&wanted);
            let wanted: Value = serde_json::from_str(&text).expect("JSON");
            prop_assume!(keys_are_unique(&wanted, "") && keys_are_unique(&live, ""));
            if same {
                live = wanted.clone();
                if let Some(map) = live.as_object_mut() {
                    map.insert("added".into(), json!(1));
                }
            }
            if holds(&live, &text) {
                prop_assert_eq!(differences(&wanted, &live), vec![]);
            }
        }
    }
}
