//! What the spec alone makes of each object, made once per spec: a loop over one cluster asks for it with every look.
//!
//! Nothing is remembered that could differ: the same spec gives the same bytes, and another spec empties it. A spec that
//! somebody holds is told by where it is; one that nobody does is copied, to tell it from the next.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::ptr;
use std::rc::Rc;

use super::{Difference, Drawn, LiveInputs};
use crate::fleet::{ClusterSpec, Ordinal};
use crate::state::{Content, Flat, ObjectKind};

struct Memo {
    /// `None`: it lasts as long as the spec is held.
    spec: Option<Box<ClusterSpec>>,
    held: Option<Held>,
    drawn: BTreeMap<ObjectKind, Option<Rc<Drawn>>>,
    template: Option<Rc<Flat>>,
    stamp: Option<Rc<str>>,
    settings: BTreeMap<Ordinal, Option<Rc<str>>>,
    seen: BTreeMap<ObjectKind, Seen>,
}

/// What was found last, and what had moved in it: most looks at a cluster find most objects as the look before did.
struct Seen {
    live: Rc<LiveInputs>,
    found: Content,
    moved: Rc<[Difference]>,
}

/// A spec that is borrowed and asks for the same.
struct Held {
    place: *const ClusterSpec,
    /// How many hold it.
    by: u32,
}

impl Memo {
    fn new(spec: Option<&ClusterSpec>) -> Self {
        Self {
            spec: spec.cloned().map(Box::new),
            held: None,
            drawn: BTreeMap::new(),
            template: None,
            stamp: None,
            settings: BTreeMap::new(),
            seen: BTreeMap::new(),
        }
    }

    /// What is remembered of this spec, or room for it.
    fn of<'m>(last: &'m mut Option<Self>, spec: &ClusterSpec, copied: bool) -> &'m mut Self {
        last.take_if(|memo| !memo.is_of(spec));
        last.get_or_insert_with(|| Self::new(copied.then_some(spec)))
    }

    fn is_of(&self, spec: &ClusterSpec) -> bool {
        let place = self.held.as_ref().map(|held| held.place);
        let asks = |last: &ClusterSpec| last.asks_the_same(spec);
        place.is_some_and(|same| ptr::eq(same, spec)) || self.spec.as_deref().is_some_and(asks)
    }
}

/// For as long as this is held nobody changes the spec, and none other is where it is: it is compared with the last one
/// once, and not whenever something is asked for. It stays in its thread, which is the one that remembers.
pub struct Unchanged<'s>(&'s ClusterSpec, PhantomData<*const ClusterSpec>);

impl<'s> Unchanged<'s> {
    pub fn new(spec: &'s ClusterSpec) -> Self {
        LAST.with_borrow_mut(|last| {
            let again = last.left.is_some_and(|left| ptr::eq(left, spec));
            let memo = Memo::of(&mut last.memo, spec, again);
            let here = memo.held.take().filter(|held| ptr::eq(held.place, spec));
            let by = here.map_or(0, |held| held.by) + 1;
            memo.held = Some(Held { place: spec, by });
        });
        Self(spec, PhantomData)
    }
}

impl Drop for Unchanged<'_> {
    fn drop(&mut self) {
        LAST.with_borrow_mut(|last| {
            let Some(memo) = &mut last.memo else { return };
            if let Some(held) = &mut memo.held
                && ptr::eq(held.place, self.0)
            {
                held.by -= 1;
                memo.held.take_if(|held| held.by == 0);
            }
            let is_over = |memo: &mut Memo| memo.spec.is_none() && memo.held.is_none();
            if last.memo.take_if(is_over).is_some() {
                last.left = Some(self.0);
            }
        });
    }
}

struct Last {
    memo: Option<Memo>,
    /// Where the spec is that was let go last, and nothing remembered of it: a loop that holds it again and again gets a
    /// copy.
    left: Option<*const ClusterSpec>,
}

thread_local! {
    static LAST: RefCell<Last> = const {
        RefCell::new(Last {
            memo: None,
            left: None,
        })
    };
}

/// The object of this kind without its live inputs.
pub(super) fn drawn(
    kind: ObjectKind,
    spec: &ClusterSpec,
    draw: impl FnOnce(&ClusterSpec) -> Drawn,
) -> Rc<Drawn> {
    kept(
        spec,
        |memo| memo.drawn.entry(kind).or_default(),
        || Rc::new(draw(spec)),
    )
}

/// A member's pod, without its settings stamp.
pub(super) fn template(spec: &ClusterSpec, draw: fn(&ClusterSpec) -> Flat) -> Rc<Flat> {
    kept(spec, |memo| &mut memo.template, || draw(spec).into())
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

/// What has moved in an object that was found.
pub(super) fn moved(
    kind: ObjectKind,
    spec: &ClusterSpec,
    live: &Rc<LiveInputs>,
    found: &Content,
    compare: impl FnOnce() -> Vec<Difference>,
) -> Rc<[Difference]> {
    let known = look(spec, |memo| {
        let seen = memo.seen.get(&kind);
        let same = seen.filter(|s| live.are_the_same(&s.live, kind) && s.found == *found);
        same.map(|s| Rc::clone(&s.moved))
    });
    known.unwrap_or_else(|| {
        let moved: Rc<[Difference]> = compare().into();
        let seen = Seen {
            live: Rc::clone(live),
            found: found.clone(),
            moved: Rc::clone(&moved),
        };
        look(spec, |memo| memo.seen.insert(kind, seen));
        moved
    })
}

/// What is made is made between two looks: making one thing may ask for another.
fn look<T>(spec: &ClusterSpec, ask: impl FnOnce(&mut Memo) -> T) -> T {
    LAST.with_borrow_mut(|last| ask(Memo::of(&mut last.memo, spec, true)))
}

#[cfg(test)]
mod tests {
    use super::super::{example, settings_stamp};
    use super::*;

    #[test]
    fn a_spec_that_changes_where_it_is_is_another_one() {
        let mut spec = example::spec(3);
        let stamp = |spec: &ClusterSpec| {
            let _unchanged = Unchanged::new(spec);
            settings_stamp(spec)
        };
        let before = stamp(&spec);
        spec.image = "registry.example/etcd:v3.6.17".into();
        assert_ne!(stamp(&spec), before);
        assert_ne!(settings_stamp(&spec), before);
    }

    #[test]
    fn another_spec_is_seen_while_one_is_held() {
        let (one, mut other) = (example::spec(3), example::spec(3));
        other.image = "registry.example/etcd:v3.6.17".into();
        let _unchanged = Unchanged::new(&one);
        let stamp = settings_stamp(&one);
        assert_ne!(settings_stamp(&other), stamp);
        assert_eq!(settings_stamp(&one), stamp);
    }

    #[test]
    fn what_is_held_is_not_copied_and_goes_with_its_last_holder() {
        let remembers = || LAST.with_borrow(|last| last.memo.as_ref().map(|m| m.spec.is_some()));
        let (one, other) = (example::spec(3), example::spec(5));
        let outer = Unchanged::new(&one);
        drop(Unchanged::new(&one));
        settings_stamp(&one);
        assert_eq!(remembers(), Some(false));
        let inner = Unchanged::new(&other);
        drop(outer);
        assert_eq!(remembers(), Some(false), "the other's");
        drop(inner);
        assert_eq!(remembers(), None);
        settings_stamp(&one);
        drop(Unchanged::new(&one));
        assert_eq!(remembers(), Some(true), "nobody held it when it was asked");
        let again = example::spec(1);
        drop(Unchanged::new(&again));
        assert_eq!(remembers(), None);
        drop(Unchanged::new(&again));
        assert_eq!(remembers(), Some(true), "held again");
    }
}
