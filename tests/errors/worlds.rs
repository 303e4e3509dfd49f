//! Recordings that a person has edited, or a program of tomorrow wrote: whatever is taken for an observation has a plan.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use reconcile::cli::validate;
use reconcile::fleet::{ClusterId, ClusterSpec};
use reconcile::plan;
use reconcile::state::Observation;
use serde_json::{Value, json};

use super::mutated;

static WORLD: LazyLock<Vec<(ClusterSpec, Value)>> = LazyLock::new(world);

fn world() -> Vec<(ClusterSpec, Value)> {
    let fleet = validate::open(Path::new("examples/clusters")).fleet;
    let text = include_str!("../../examples/clusters/sandbox.json");
    let mut world: Value = serde_json::from_str(text).expect("a sandbox");
    let mut clusters: BTreeMap<ClusterId, Value> =
        serde_json::from_value(world["clusters"].take()).expect("its clusters");
    let specs = fleet.expect("a valid fleet").clusters.into_iter();
    let known = specs.filter_map(|spec| clusters.remove(&spec.id).map(|seen| (*spec, seen)));
    known.collect()
}

/// All there is of a value, its parts after it.
fn parts<'v>(value: &'v Value, at: &str, found: &mut Vec<(String, &'v Value)>) {
    found.push((at.to_owned(), value));
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                parts(item, &format!("{at}/{index}"), found);
            }
        }
        Value::Object(map) => {
            for (key, value) in map {
                let key = key.replace('~', "~0").replace('/', "~1");
                parts(value, &format!("{at}/{key}"), found);
            }
        }
        _ => {}
    }
}

/// What may stand in the place of a value; most of it has another type and is refused.
fn instead(of: &Value) -> Vec<Value> {
    match of {
        Value::Number(_) => [0_i64, 1, -1, 7, i64::from(u32::MAX), i64::MAX]
            .map(Value::from)
            .into_iter()
            .chain([json!(u64::MAX)])
            .collect(),
        Value::Bool(flag) => vec![json!(!flag)],
        Value::String(_) => vec![
            json!(""),
            json!("\u{1b}[2J\n"),
            json!("x".repeat(5000)),
            json!("9999-12-31T23:59:59Z"),
            json!("-9999-01-02T01:59:59Z"),
            json!("18446744073709551615"),
        ],
        Value::Array(items) => vec![
            json!([]),
            json!([items.as_slice(), items.as_slice()].concat()),
        ],
        Value::Object(_) => vec![json!({}), json!({"unknown": "no answer"}), Value::Null],
        Value::Null => vec![json!(0), json!(""), json!({})],
    }
}

proptest! {
    #![proptest_config(mutated::config())]

    #[test]
    fn bent_observations_have_a_plan(
        cluster in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>()), 1..4),
    ) {
        let (spec, seen) = &WORLD[cluster.index(WORLD.len())];
        let mut seen = seen.clone();
        for (at, what) in edits {
            let (pointer, new) = {
                let mut found = Vec::new();
                parts(&seen, "", &mut found);
                let (pointer, old) = &found[at.index(found.len())];
                let new = instead(old);
                (pointer.clone(), new[what.index(new.len())].clone())
            };
            let mut bent = seen.clone();
            *bent.pointer_mut(&pointer).expect("found there") = new;
            // One that is refused by itself must not hide what the others do.
            if serde_json::from_value::<Observation>(bent.clone()).is_ok() {
                seen = bent;
            }
        }
        let observed: Observation = serde_json::from_value(seen).expect("taken");
        let plan = plan::unroll(spec, &observed);
        prop_assert_eq!(&plan.id, &spec.id);
    }
}
