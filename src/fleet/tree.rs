//! A YAML document as a tree in which every key and value knows where it was written.

use std::ops::Range;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::{Location, Spanned};

use super::pointer::{names, unescaped};
use crate::diag::{Label, SourceFile};

/// A place in a file: the file's index in the load, bytes, line and column from 1. Every key and value of a document has
/// one, every key's is kept for as long as the fleet is looked at, and no file is larger than these numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    file: u32,
    start: u32,
    bytes: u32,
    line: u32,
    column: u32,
}

/// For places, of which there are many.
pub(super) fn short(number: impl TryInto<u32>) -> u32 {
    number.try_into().unwrap_or(u32::MAX)
}

impl Place {
    /// The beginning of a file.
    pub(super) fn start(file: usize) -> Self {
        Self {
            file: short(file),
            line: 1,
            column: 1,
            ..Self::default()
        }
    }

    /// On the same line, with other bytes.
    pub(super) fn with_span(self, span: &Range<usize>) -> Self {
        Self {
            start: short(span.start),
            bytes: short(span.len()),
            ..self
        }
    }

    pub(super) fn of(location: Location, file: usize) -> Self {
        let span = location.span();
        Self {
            file: short(file),
            start: short(span.byte_offset().unwrap_or_default()),
            bytes: short(span.byte_len().unwrap_or_default()),
            line: short(location.line()),
            column: short(location.column()),
        }
    }

    pub(super) const fn file(self) -> usize {
        self.file as usize
    }

    pub(super) const fn line(self) -> usize {
        self.line as usize
    }

    pub(super) fn span(self) -> Range<usize> {
        let start = self.start as usize;
        start..start + self.bytes as usize
    }

    pub(super) fn label(self, files: &[SourceFile], text: impl Into<String>) -> Label {
        Label {
            file: files[self.file()].name.clone(),
            span: self.span(),
            line: self.line(),
            column: self.column as usize,
            text: text.into(),
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    /// Null, boolean, number or string.
    Leaf(Value),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Was found wrong and reported; hides what it overrides, so that one mistake is told once.
    Reported,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_place: Place,
    pub(super) value: Node,
}

/// How much there is of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub(super) values: usize,
    /// Bytes of keys and texts.
    pub(super) text: usize,
}

impl std::ops::AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.values += other.values;
        self.text += other.text;
    }
}

impl Node {
    pub(super) fn size(&self) -> Size {
        let mut size = Size { values: 1, text: 0 };
        match &self.kind {
            Kind::Leaf(Value::String(text)) => size.text = text.len(),
            Kind::Leaf(_) | Kind::Reported => {}
            Kind::List(items) => items.iter().for_each(|item| size += item.size()),
            Kind::Map(entries) => {
                for entry in entries {
                    size += entry.value.size();
                    size.text += entry.key.len();
                }
            }
        }
        size
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| entry.key == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The text of a string leaf.
    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Leaf(Value::String(text)) => Some(text),
            _ => None,
        }
    }

    /// The node at a JSON pointer, and the key it stands under.
    pub(super) fn find(&self, pointer: &str) -> Option<Found<'_>> {
        let mut found = Found {
            key: None,
            node: self,
        };
        for name in names(pointer) {
            let (key, node) = found.node.child(&name)?;
            found = Found { key, node };
        }
        Some(found)
    }

    /// What stands under a name, and the name where it was written; in a list, at a place.
    fn child(&self, name: &str) -> Option<(Option<Place>, &Self)> {
        match &self.kind {
            Kind::Map(_) => {
                let entry = self.entry(name)?;
                Some((Some(entry.key_place), &entry.value))
            }
            Kind::List(items) => Some((None, items.get(name.parse::<usize>().ok()?)?)),
            Kind::Leaf(_) | Kind::Reported => None,
        }
    }

    /// Moves the node out; what stays behind is for overwriting.
    pub(super) fn take(&mut self) -> Self {
        Self {
            place: self.place,
            kind: std::mem::replace(&mut self.kind, Kind::Reported),
        }
    }

    /// Something was written at the pointer, or above it something that was reported.
    pub(super) fn was_written(&self, pointer: &str) -> bool {
        let mut node = self;
        for name in names(pointer) {
            if matches!(node.kind, Kind::Reported) {
                return true;
            }
            let Some((_, next)) = node.child(&name) else {
                return false;
            };
            node = next;
        }
        true
    }

    /// Marks what stands at the pointer as reported; further checks leave it alone.
    pub(super) fn mark_reported(&mut self, pointer: &str) {
        let mut node = self;
        for name in names(pointer) {
            let next = match &mut node.kind {
                Kind::Map(entries) => {
                    let entry = entries.iter_mut().find(|entry| entry.key == *name);
                    entry.map(|entry| &mut entry.value)
                }
                Kind::List(items) => name.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
                Kind::Leaf(_) | Kind::Reported => None,
            };
            let Some(next) = next else { return };
            node = next;
        }
        node.kind = Kind::Reported;
    }

    /// Plain JSON; what was reported is left out.
    pub(super) fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Leaf(value) => value.clone(),
            Kind::List(items) => {
                let sound = items.iter().filter(|item| item.kind != Kind::Reported);
                Value::Array(sound.map(Self::to_json).collect())
            }
            Kind::Map(entries) => {
                let sound = entries.iter().filter(|e| e.value.kind != Kind::Reported);
                Value::Object(sound.map(|e| (e.key.clone(), e.value.to_json())).collect())
            }
            Kind::Reported => Value::Object(Map::new()),
        }
    }

    /// Spans come out of the parser without a file.
    pub(super) fn set_file(&mut self, file: usize) {
        self.place.file = short(file);
        match &mut self.kind {
            Kind::List(items) => items.iter_mut().for_each(|item| item.set_file(file)),
            Kind::Map(entries) => {
                for entry in entries {
                    entry.key_place.file = short(file);
                    entry.value.set_file(file);
                }
            }
            Kind::Leaf(_) | Kind::Reported => {}
        }
    }
}

/// `/spec/storage/size` as people write it: `spec.storage.size`.
pub(super) fn dotted(pointer: &str) -> String {
    let parts = pointer.trim_start_matches('/').split('/');
    let parts: Vec<_> = parts.map(unescaped).collect();
    parts.join(".")
}

pub(super) struct Found<'a> {
    key: Option<Place>,
    pub(super) node: &'a Node,
}

impl Found<'_> {
    /// Where to put the caret for the value: a block collection has no extent of its own, so its key.
    pub(super) fn place(&self) -> Place {
        if self.node.place.bytes == 0 {
            self.key.unwrap_or(self.node.place)
        } else {
            self.node.place
        }
    }

    /// Where it was said: the key, if there is one.
    pub(super) fn key_place(&self) -> Place {
        self.key.unwrap_or(self.node.place)
    }
}

/// A node as the parser gives it; the root's own place arrives by [`Spanned`] around it.
pub(super) struct Parsed(Kind);

impl Parsed {
    pub(super) fn into_node(spanned: Spanned<Self>) -> Node {
        Node {
            // Of an alias, the place where it is used: that is the line to mend.
            place: Place::of(spanned.referenced, 0),
            kind: spanned.value.0,
        }
    }
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor).map(Parsed)
    }
}

struct TreeVisitor;

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Kind;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Kind, E> {
        Ok(Kind::Leaf(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Kind, E> {
        Ok(Kind::Leaf(Value::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Kind, E> {
        Ok(Kind::Leaf(Value::from(value)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Kind, E> {
        let number = Number::from_f64(value);
        let number = number.ok_or_else(|| E::custom("a number that is not finite"))?;
        Ok(Kind::Leaf(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Kind, E> {
        Ok(Kind::Leaf(Value::from(value)))
    }

    fn visit_unit<E>(self) -> Result<Kind, E> {
        Ok(Kind::Leaf(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Kind, E> {
        Ok(Kind::Leaf(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Kind, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Kind, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Parsed>>()? {
            items.push(Parsed::into_node(item));
        }
        Ok(Kind::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Kind, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let value = map.next_value::<Spanned<Parsed>>()?;
            entries.push(Entry {
                key_place: Place::of(key.referenced, 0),
                key: key.value,
                value: Parsed::into_node(value),
            });
        }
        entries.shrink_to_fit(); // most have one or two, and all documents are there at once
        Ok(Kind::Map(entries))
    }
}
