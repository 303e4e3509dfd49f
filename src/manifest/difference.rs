//! What of an object as we want it is not so in an object as it is.
//!
//! The API server fills in defaults and other managers add fields of their own: only what we render is compared, by
//! meaning and not by spelling. Where a map or list is ours as a whole, what is there besides counts too.

use std::borrow::Cow;

use serde_json::Value;

use crate::fleet::Quantity;
use crate::fleet::pointer::escaped;
use crate::state::{Elements, Fields, Form, Spot};

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// JSON pointer into the live object. An element that a keyed list lacks is `-`, the place after its last.
    pub pointer: String,
    /// `None`: it should not be there.
    pub desired: Option<Value>,
    /// `None`: it is not there.
    pub live: Option<Value>,
}

/// Every field of `desired` that `live` lacks or has otherwise, in the order of their names.
pub fn differences(desired: Spot<'_>, live: Spot<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    walk(&Place::root(), desired, Some(live), &mut found);
    found
}

/// Of the fields at an object's root: it says what the object is.
pub(super) fn is_identity(field: &str) -> bool {
    matches!(field, "apiVersion" | "kind")
}

/// A map of this name may be ours alone; [`Place::is_ours_alone`] says where it is.
pub(super) fn may_be_ours_alone(field: &str) -> bool {
    matches!(field, "data" | "selector" | "matchLabels" | "nodeSelector")
}

/// Where the walk is.
struct Place {
    pointer: String,
    /// The last field's name; an element of a list has the list's.
    field: String,
}

impl Place {
    fn root() -> Self {
        Self {
            pointer: String::new(),
            field: String::new(),
        }
    }

    fn field(&self, name: &str) -> Self {
        let token = escaped(name);
        Self {
            pointer: format!("{}/{token}", self.pointer),
            field: name.to_owned(),
        }
    }

    fn element(&self, index: Option<usize>) -> Self {
        let token = index.map_or_else(|| "-".to_owned(), |i| i.to_string());
        Self {
            pointer: format!("{}/{token}", self.pointer),
            field: self.field.clone(),
        }
    }

    /// Maps in which every key is ours: one more of them changes what the object means.
    fn is_ours_alone(&self) -> bool {
        may_be_ours_alone(&self.field)
            && (matches!(self.pointer.as_str(), "/data" | "/spec/selector")
                || matches!(self.field.as_str(), "matchLabels" | "nodeSelector"))
    }

    /// A list in a LIST's answer says what its items are only once.
    fn is_identity(&self) -> bool {
        self.pointer.strip_prefix('/').is_some_and(is_identity)
    }

    /// The fields that tell the elements of this list apart, as server-side apply has them. Others may add elements to
    /// such a list, and order has no meaning in those that we render. `None`: the list is one value.
    fn list_keys(&self) -> Option<&'static [&'static str]> {
        match self.field.as_str() {
            "containers" | "initContainers" | "env" | "volumes" | "imagePullSecrets" | "ports" => {
                Some(&["name"])
            }
            "volumeMounts" => Some(&["mountPath"]),
            "topologySpreadConstraints" => Some(&["topologyKey", "whenUnsatisfiable"]),
            _ => None,
        }
    }
}

fn walk(place: &Place, desired: Spot<'_>, live: Option<Spot<'_>>, found: &mut Vec<Difference>) {
    if place.is_identity() {
        return;
    }
    let Some(live) = live.filter(|live| !is_nothing(*live)) else {
        if !is_nothing(desired) {
            found.push(difference(place, Some(desired), None));
        }
        return;
    };
    match (desired.form(), live.form()) {
        (Form::Map(wanted), Form::Map(there)) => maps(place, wanted, there, found),
        (Form::List(wanted), Form::List(there)) => match place.list_keys() {
            Some(keys) => keyed_lists(place, keys, wanted, &there, found),
            None if wanted.clone().count() == there.clone().count() => {
                for (index, (wanted, there)) in wanted.zip(there).enumerate() {
                    walk(&place.element(Some(index)), wanted, Some(there), found);
                }
            }
            None => found.push(difference(place, Some(desired), Some(live))),
        },
        _ if same_scalar(place, desired, live) => {}
        _ => found.push(difference(place, Some(desired), Some(live))),
    }
}

fn maps(place: &Place, desired: Fields<'_>, live: Fields<'_>, found: &mut Vec<Difference>) {
    let mut there = live.clone();
    for (name, value) in desired.clone() {
        let there = there.find(name);
        // Most fields are as they shall be, and nothing differs from itself: their pointers are never made.
        if there != Some(value) {
            walk(&place.field(name), value, there, found);
        }
    }
    if place.is_ours_alone() {
        let mut ours = desired;
        let extra = live.filter(|(name, value)| ours.find(name).is_none() && !is_nothing(*value));
        found.extend(extra.map(|(name, value)| difference(&place.field(name), None, Some(value))));
    }
}

fn keyed_lists(
    place: &Place,
    keys: &[&str],
    desired: Elements<'_>,
    live: &Elements<'_>,
    found: &mut Vec<Difference>,
) {
    for wanted in desired {
        let is_it = |there: &Spot<'_>| keys.iter().all(|key| there.field(key) == wanted.field(key));
        let there = live.clone().enumerate().find(|(_, there)| is_it(there));
        let (index, there) = there.unzip();
        walk(&place.element(index), wanted, there, found);
    }
}

fn difference(place: &Place, desired: Option<Spot<'_>>, live: Option<Spot<'_>>) -> Difference {
    Difference {
        pointer: place.pointer.clone(),
        desired: desired.map(Spot::tree),
        live: live.map(Spot::tree),
    }
}

/// Absent, null and empty are one thing to Kubernetes' `omitempty`.
fn is_nothing(value: Spot<'_>) -> bool {
    match value.form() {
        Form::Null => true,
        Form::Text(text) => text.is_empty(),
        Form::List(mut items) => items.next().is_none(),
        Form::Map(mut fields) => fields.next().is_none(),
        Form::Bool(_) | Form::Unsigned(_) | Form::Signed(_) | Form::Float(_) => false,
    }
}

fn same_scalar(place: &Place, desired: Spot<'_>, live: Spot<'_>) -> bool {
    if desired == live {
        return true;
    }
    match (text(desired), text(live)) {
        (Some(desired), Some(live)) if is_quantity(place) => {
            let read = |text: &str| text.parse::<Quantity>().ok();
            desired == live || (read(&desired).is_some() && read(&desired) == read(&live))
        }
        (Some(desired), Some(live)) => is_int_or_string(place) && desired == live,
        _ => false,
    }
}

/// Below `requests` and `limits`: the API server answers with its own spelling (`1024Mi` is `1Gi`).
fn is_quantity(place: &Place) -> bool {
    let parent = place.pointer.rsplit('/').nth(1);
    matches!(parent, Some("requests" | "limits"))
}

fn is_int_or_string(place: &Place) -> bool {
    matches!(
        place.field.as_str(),
        "port" | "targetPort" | "minAvailable" | "maxUnavailable"
    )
}

fn text(value: Spot<'_>) -> Option<Cow<'_, str>> {
    match value.form() {
        Form::Text(text) => Some(text.into()),
        Form::Unsigned(_) | Form::Signed(_) | Form::Float(_) => {
            Some(value.tree().to_string().into())
        }
        _ => None,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{example, steady};
    use super::*;
    use crate::state::Content;

    pub(in super::super) fn between(desired: &Value, live: &Value) -> Vec<Difference> {
        differences(Content::of(desired).spot(), Content::of(live).spot())
    }

    fn pointers(desired: &Value, live: &Value) -> Vec<String> {
        between(desired, live)
            .into_iter()
            .map(|d| d.pointer)
            .collect()
    }

    #[test]
    fn quantities_are_compared_by_value() {
        let of = |text: &str| json!({"requests": {"memory": text}});
        assert_eq!(between(&of("1024Mi"), &of("1Gi")), []);
        assert_eq!(pointers(&of("1Gi"), &of("1G")), ["/requests/memory"]);
        let label = |text: &str| json!({"labels": {"memory": text}});
        assert_eq!(
            pointers(&label("1024Mi"), &label("1Gi")).len(),
            1,
            "a label is text"
        );
    }

    #[test]
    fn a_port_may_be_a_number_or_its_text() {
        let of = |port: Value| json!({"targetPort": port});
        assert_eq!(between(&of(json!(1)), &of(json!("1"))), []);
        assert_eq!(between(&of(json!("client")), &of(json!(2379))).len(), 1);
    }

    #[test]
    fn what_the_server_fills_in_is_no_difference() {
        let desired =
            json!({"kind": "Service", "spec": {"ports": [{"name": "a", "port": 1}], "x": {}}});
        let live = json!({"spec": {
            "clusterIP": "10.0.0.1",
            "ports": [{"name": "z", "port": 9}, {"name": "a", "port": 1, "protocol": "TCP"}],
        }});
        assert_eq!(between(&desired, &live), []);
    }

    #[test]
    fn keyed_elements_are_pointed_at_where_they_live() {
        let desired = json!({"ports": [{"name": "a", "port": 1}, {"name": "b", "port": 2}]});
        let live = json!({"ports": [{"name": "z", "port": 9}, {"name": "a", "port": 3}]});
        assert_eq!(pointers(&desired, &live), ["/ports/1/port", "/ports/-"]);
    }

    #[test]
    fn one_key_more_in_a_map_of_ours_is_a_difference() {
        let desired = json!({"data": {"a": "1"}, "spec": {"selector": {"x": "y"}}});
        let live =
            json!({"data": {"a": "1", "b/c": "2"}, "spec": {"selector": {"x": "y", "z": "z"}}});
        let found = between(&desired, &live);
        assert_eq!(
            found,
            [
                Difference {
                    pointer: "/data/b~1c".into(),
                    desired: None,
                    live: Some(json!("2"))
                },
                Difference {
                    pointer: "/spec/selector/z".into(),
                    desired: None,
                    live: Some(json!("z"))
                },
            ]
        );
    }

    #[test]
    fn a_list_that_is_one_value_differs_by_one_more() {
        let of = |n: usize| json!({"tolerations": vec![json!({"key": "a"}); n]});
        assert_eq!(pointers(&of(1), &of(2)), ["/tolerations"]);
        assert_eq!(pointers(&of(1), &json!({"x": 1})), ["/tolerations"]);
    }

    /// Every scalar of every rendered object: changed, and taken away.
    #[test]
    fn no_rendered_field_can_change_unnoticed() {
        for object in steady(&example::spec(3)) {
            for pointer in leaves(&object.body, String::new()) {
                if matches!(pointer.as_str(), "/kind" | "/apiVersion") {
                    continue;
                }
                let mut live = object.body.clone();
                *live.pointer_mut(&pointer).expect("a leaf") = json!("something else");
                assert!(!between(&object.body, &live).is_empty(), "{pointer}");
                *live.pointer_mut(&pointer).expect("a leaf") = Value::Null;
                assert!(!between(&object.body, &live).is_empty(), "{pointer}");
            }
        }
    }

    fn leaves(value: &Value, at: String) -> Vec<String> {
        let place = Place {
            pointer: at,
            field: String::new(),
        };
        match value {
            Value::Object(map) => map
                .iter()
                .flat_map(|(k, v)| leaves(v, place.field(k).pointer))
                .collect(),
            Value::Array(items) => items
                .iter()
                .enumerate()
                .flat_map(|(i, v)| leaves(v, place.element(Some(i)).pointer))
                .collect(),
            _ => vec![place.pointer],
        }
    }

    pub(crate) fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "[a-z0-9]{0,6}".prop_map(Value::from),
        ];
        let names = prop::sample::select(vec![
            "name", "ports", "data", "spec", "requests", "selector", "env", "x",
        ]);
        leaf.prop_recursive(4, 32, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(names.clone().prop_map(str::to_owned), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn nothing_differs_from_itself(value in any_json()) {
            // Two elements of one key are not valid in Kubernetes: the first is then compared with itself twice.
            prop_assume!(keys_are_unique(&value, ""));
            prop_assert_eq!(between(&value, &value), vec![]);
        }

        #[test]
        fn fields_of_others_are_no_difference(name in "[a-z]{1,8}x", added in any_json()) {
            for object in steady(&example::spec(3)) {
                let mut live = object.body.clone();
                live["metadata"]["annotations"][&name] = added.clone();
                live["status"] = added.clone();
                prop_assert_eq!(between(&object.body, &live), vec![]);
            }
        }
    }

    pub(in crate::manifest) fn keys_are_unique(value: &Value, field: &str) -> bool {
        let place = Place {
            pointer: String::new(),
            field: field.to_owned(),
        };
        match value {
            Value::Object(map) => map.iter().all(|(k, v)| keys_are_unique(v, k)),
            Value::Array(items) => {
                let of = |v: &Value| {
                    place
                        .list_keys()
                        .map(|keys| keys.iter().map(|k| v.get(k).cloned()).collect::<Vec<_>>())
                };
                let unique = items
                    .iter()
                    .enumerate()
                    .all(|(i, v)| of(v).is_none() || items[..i].iter().all(|w| of(w) != of(v)));
                unique && items.iter().all(|v| keys_are_unique(v, field))
            }
            _ => true,
        }
    }
}
