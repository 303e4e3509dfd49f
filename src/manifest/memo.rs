//! What the spec alone makes of each object, made once per spec: a loop over one cluster asks for it with every look.
//!
//! Nothing is remembered that could differ: the same spec gives the same bytes, and another spec empties it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::Value;

use super::{Compared, LiveInputs};
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::ObjectKind;

struct Memo {
    spec: ClusterSpec,
    bodies: BTreeMap<ObjectKind, Option<Rc<Value>>>,
    template: Option<Rc<Value>>,
    stamp: Option<Rc<str>>,
    settings: BTreeMap<Ordinal, Option<Rc<str>>>,
    /// `None`: looked at once. Most clusters are, and nothing is kept of theirs.
    compared: BTreeMap<ObjectKind, Option<Seen>>,
}

/// What was compared last, and what came of it: most looks at a cluster find most objects as the look before did.
struct Seen {
    live: LiveInputs,
    found: Value,
    compared: Rc<Compared>,
}

thread_local! {
    static LAST: RefCell<Option<Memo>> = const { RefCell::new(None) };
}

/// The object of this kind without its live inputs.
pub(super) fn body(
    kind: ObjectKind,
    spec: &ClusterSpec,
    render: fn(&ClusterSpec) -> Value,
) -> Rc<Value> {
    kept(
        spec,
        |memo| memo.bodies.entry(kind).or_default(),
        || Rc::new(render(spec)),
    )
}

/// The pod template without its stamp.
pub(super) fn template(spec: &ClusterSpec, render: fn(&ClusterSpec) -> Value) -> Rc<Value> {
    kept(spec, |memo| &mut memo.template, || Rc::new(render(spec)))
}

pub(super) fn stamp(spec: &ClusterSpec, render: fn(&ClusterSpec) -> String) -> Rc<str> {
    kept(spec, |memo| &mut memo.stamp, || render(spec).into())
}

/// All but the membership of a member's file.
pub(super) fn settings(
    spec: &ClusterSpec,
    ordinal: Ordinal,
    render: fn(&ClusterSpec, Ordinal) -> String,
) -> Rc<str> {
    kept(
        spec,
        |memo| memo.settings.entry(ordinal).or_default(),
        || render(spec, ordinal).into(),
    )
}

/// What is in its place, or is made now and put there.
fn kept<T: Clone>(
    spec: &ClusterSpec,
    place: impl Fn(&mut Memo) -> &mut Option<T>,
    render: impl FnOnce() -> T,
) -> T {
    let found = look(spec, |memo| place(memo).clone());
    found.unwrap_or_else(|| {
        let made = render();
        look(spec, |memo| *place(memo) = Some(made.clone()));
        made
    })
}

/// An object beside the one that was found.
pub(super) fn compared(
    kind: ObjectKind,
    spec: &ClusterSpec,
    live: &LiveInputs,
    found: &Value,
    compare: impl FnOnce() -> Compared,
) -> Rc<Compared> {
    let known = look(spec, |memo| {
        let seen = memo.compared.get(&kind).and_then(Option::as_ref);
        let same = seen.filter(|s| live.are_the_same(&s.live, kind) && s.found == *found);
        same.map(|s| Rc::clone(&s.compared))
    });
    known.unwrap_or_else(|| {
        let compared = Rc::new(compare());
        look(spec, |memo| {
            let seen = memo.compared.contains_key(&kind).then(|| Seen {
                live: live.clone(),
                found: found.clone(),
                compared: Rc::clone(&compared),
            });
            memo.compared.insert(kind, seen);
        });
        compared
    })
}

/// What is made is made between two looks: making one thing may ask for another.
fn look<T>(spec: &ClusterSpec, ask: impl FnOnce(&mut Memo) -> T) -> T {
    LAST.with_borrow_mut(|last| {
        if last.as_ref().is_some_and(|m| !m.spec.asks_the_same(spec)) {
            *last = None;
        }
        ask(last.get_or_insert_with(|| Memo {
            spec: spec.without_origins(),
            bodies: BTreeMap::new(),
            template: None,
            stamp: None,
            settings: BTreeMap::new(),
            compared: BTreeMap::new(),
        }))
    })
}
