//! Whether an object holds what we render, without a tree of either.
//!
//! Most objects are as they shall be. This says so quickly or not at all: what it does not find alike may still mean the
//! same, and is for [`differences`](super::differences) to judge.

use super::difference::{is_identity, may_be_ours_alone};
use crate::state::{Elements, Fields, Form, Spot};

/// Every field that is wanted is the same in `live`.
pub(super) fn holds(live: Spot<'_>, wanted: Spot<'_>) -> bool {
    let root = Place {
        root: true,
        alone: false,
    };
    root.holds(live, wanted)
}

struct Place {
    /// What the object is: a list in a LIST's answer says it only once.
    root: bool,
    /// Nothing else may be in it.
    alone: bool,
}

impl Place {
    const fn below(alone: bool) -> Self {
        Self { root: false, alone }
    }

    fn holds(&self, live: Spot<'_>, wanted: Spot<'_>) -> bool {
        match (wanted.form(), live.form()) {
            (Form::Null, Form::Null) => true,
            (Form::Bool(wanted), Form::Bool(there)) => wanted == there,
            (Form::Unsigned(wanted), Form::Unsigned(there)) => wanted == there,
            (Form::Signed(wanted), Form::Signed(there)) => wanted == there,
            (Form::Float(wanted), Form::Float(there)) => wanted.total_cmp(&there).is_eq(),
            (Form::Text(wanted), Form::Text(there)) => wanted == there,
            (Form::List(wanted), Form::List(there)) => all_hold(there, wanted),
            (Form::Map(wanted), Form::Map(there)) => self.fields_hold(there, wanted),
            _ => false,
        }
    }

    fn fields_hold(&self, live: Fields<'_>, wanted: Fields<'_>) -> bool {
        let (mut there, mut held) = (live.clone(), 0);
        for (name, wanted) in wanted {
            let alike = match there.find(name) {
                Some(live) => Self::below(may_be_ours_alone(name)).holds(live, wanted),
                None => self.root && is_identity(name),
            };
            if !alike {
                return false;
            }
            held += 1;
        }
        !self.alone || held == live.count()
    }
}

fn all_hold(mut live: Elements<'_>, mut wanted: Elements<'_>) -> bool {
    let alike = |wanted| {
        let live = live.next();
        live.is_some_and(|live| Place::below(false).holds(live, wanted))
    };
    wanted.all(alike) && live.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::difference::tests::{any_json, between, keys_are_unique};
    use super::super::{example, steady};
    use super::*;
    use crate::state::{Content, Flat};

    fn holds_all(live: &Value, wanted: &Value) -> bool {
        let live = Content::from(live.clone());
        holds(live.spot(), Flat::of(wanted).root())
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
            let wanted = Flat::of(&wanted).tree();
            prop_assume!(keys_are_unique(&wanted, "") && keys_are_unique(&live, ""));
            if same {
                live = wanted.clone();
                if let Some(map) = live.as_object_mut() {
                    map.insert("added".into(), json!(1));
                }
            }
            if holds_all(&live, &wanted) {
                prop_assert_eq!(between(&wanted, &live), vec![]);
            }
        }
    }
}
