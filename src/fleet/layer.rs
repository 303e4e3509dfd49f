//! Layers: cluster over profile over defaults, field by field, every field keeping the place where it was said.

use std::collections::HashMap;

use super::tree::{Entry, Kind, Node};

/// Mappings of more keys are not searched key by key for each key.
const SEARCHED: usize = 64;

/// `over` laid on `base`: mappings key by key, everything else as a whole.
pub(super) fn merge(base: &Node, mut over: Node) -> Node {
    if let (Kind::Map(below), Kind::Map(above)) = (&base.kind, &mut over.kind) {
        let places = places(above);
        for low in below {
            let place = match &places {
                Some(places) => places.get(&low.key).copied(),
                None => above.iter().position(|high| high.key == low.key),
            };
            match place {
                Some(place) => {
                    let high = &mut above[place];
                    high.value = merge(&low.value, high.value.take());
                }
                None => above.push(low.clone()),
            }
        }
    }
    over
}

/// Where each key is, of a large mapping.
fn places(entries: &[Entry]) -> Option<HashMap<String, usize>> {
    let keys = entries.iter().map(|entry| entry.key.clone());
    (entries.len() > SEARCHED).then(|| keys.enumerate().map(|(at, key)| (key, at)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::tree::Place;
    use super::*;

    fn node(value: &Value) -> Node {
        let kind = match value {
            Value::Object(map) => Kind::Map(
                map.iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_place: Place::default(),
                        value: node(value),
                    })
                    .collect(),
            ),
            other => Kind::Leaf(other.clone()),
        };
        Node {
            place: Place::default(),
            kind,
        }
    }

    #[test]
    fn large_mappings_are_laid_over_each_other_like_small_ones() {
        for many in [3, SEARCHED, SEARCHED + 1, 1000] {
            let map = |from: usize| -> Value {
                let keys = (from..from + many).map(|n| (format!("k{n}"), json!({ "from": from })));
                Value::Object(keys.collect())
            };
            let merged = merge(&node(&map(0)), node(&map(2))).to_json();
            let merged = merged.as_object().expect("a mapping");
            assert_eq!(merged.len(), many + 2);
            assert_eq!(merged["k1"], json!({"from": 0}));
            assert_eq!(merged["k2"], json!({"from": 2}));
        }
    }
}
