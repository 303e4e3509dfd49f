//! What the spec alone makes of each object, made once per spec: a loop over one cluster asks for it with every look.
//!
//! Nothing is remembered that could differ: the same spec gives the same bytes, and another spec empties it.

use std::cell::RefCell;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::ObjectKind;

struct Memo {
    spec: ClusterSpec,
    bodies: BTreeMap<ObjectKind, Value>,
    stamp: Option<String>,
    settings: BTreeMap<Ordinal, String>,
}

thread_local! {
    static LAST: RefCell<Option<Memo>> = const { RefCell::new(None) };
}

/// The object of this kind without its live inputs.
pub(super) fn body(
    kind: ObjectKind,
    spec: &ClusterSpec,
    render: fn(&ClusterSpec) -> Value,
) -> Value {
    of(spec, |memo| {
        let body = memo.bodies.entry(kind);
        body.or_insert_with(|| render(spec)).clone()
    })
}

pub(super) fn stamp(spec: &ClusterSpec, make: fn(&ClusterSpec) -> String) -> String {
    of(spec, |memo| {
        memo.stamp.get_or_insert_with(|| make(spec)).clone()
    })
}

/// All but the membership of a member's file.
pub(super) fn settings(
    spec: &ClusterSpec,
    ordinal: Ordinal,
    make: fn(&ClusterSpec, Ordinal) -> String,
) -> String {
    of(spec, |memo| {
        let settings = memo.settings.entry(ordinal);
        settings.or_insert_with(|| make(spec, ordinal)).clone()
    })
}

fn of<T>(spec: &ClusterSpec, ask: impl FnOnce(&mut Memo) -> T) -> T {
    let last = LAST.take().filter(|memo| memo.spec.asks_the_same(spec));
    let mut memo = last.unwrap_or_else(|| Memo {
        spec: spec.without_origins(),
        bodies: BTreeMap::new(),
        stamp: None,
        settings: BTreeMap::new(),
    });
    let answer = ask(&mut memo);
    LAST.set(Some(memo));
    answer
}
