//! JSON in two pieces of memory, its maps' names in order.
//!
//! A tree has a piece for every map and every text. Most objects are compared once and let go: taking a tree of each
//! apart again took as long as all else that is read of a recording.

mod build;
mod canonical;
mod put;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::cmp::Ordering;

use serde_json::Value;

use crate::fleet::pointer::names;

/// One value.
#[derive(Debug, Clone, Default)]
pub struct Flat {
    /// All texts, one after the other.
    text: String,
    /// In the order in which they would be written.
    nodes: Vec<Node>,
    /// The names of some map are not in order, or one is there twice.
    unsorted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// Where it starts and ends. No object is larger than these numbers, and there are many nodes.
    Text(u32, u32),
    /// How many nodes its elements are.
    List(usize),
    /// How many nodes its names and values are, one after the other.
    Map(usize),
}

impl Node {
    fn signed(value: i64) -> Self {
        u64::try_from(value).map_or(Self::Signed(value), Self::Unsigned)
    }

    /// In a value whose texts stand this much further on.
    const fn after(self, texts: u32) -> Self {
        match self {
            Self::Text(start, end) => Self::Text(start + texts, end + texts),
            other => other,
        }
    }
}

impl Flat {
    /// As much as most objects of ours need.
    fn with_room() -> Self {
        Self {
            text: String::with_capacity(1 << 10),
            nodes: Vec::with_capacity(1 << 7),
            unsorted: false,
        }
    }

    /// The names of each map are in order, as [`Fields::find`] needs them.
    pub(super) const fn is_sorted(&self) -> bool {
        !self.unsorted
    }

    pub fn root(&self) -> Spot<'_> {
        self.spot(0)
    }

    const fn spot(&self, at: usize) -> Spot<'_> {
        Spot { flat: self, at }
    }

    /// The same as a tree. Of a name that a map has twice the last counts.
    pub fn tree(&self) -> Value {
        self.root().tree()
    }

    /// Puts a list or map in its place, now that all below it is there.
    fn close(&mut self, at: usize, node: fn(usize) -> Node) {
        self.nodes[at] = node(self.nodes.len() - at - 1);
    }

    fn push_text(&mut self, text: &str) {
        let node = self.kept(text);
        self.nodes.push(node);
    }

    /// A text, which is kept.
    fn kept(&mut self, text: &str) -> Node {
        let start = self.text_end();
        self.text.push_str(text);
        Node::Text(start, self.text_end())
    }

    fn text_end(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }

    fn text(&self, start: u32, end: u32) -> &str {
        let place = start as usize..end as usize;
        self.text.get(place).unwrap_or_default()
    }

    /// None of its texts has a character that JSON escapes: all are looked at at once.
    pub fn is_plain(&self) -> bool {
        let escaped =
            |byte: u8| u8::from(byte < b' ') | u8::from(byte == b'"') | u8::from(byte == b'\\');
        let bytes = self.text.bytes();
        bytes.fold(0, |any, byte| any | escaped(byte)) == 0
    }
}

impl PartialEq for Flat {
    fn eq(&self, other: &Self) -> bool {
        self.root() == other.root()
    }
}

/// A value in a [`Flat`] one.
#[derive(Clone, Copy)]
pub struct Spot<'f> {
    flat: &'f Flat,
    at: usize,
}

/// What a value is.
pub enum Form<'f> {
    Null,
    Bool(bool),
    Unsigned(u64),
    /// Less than zero.
    Signed(i64),
    Float(f64),
    Text(&'f str),
    List(Elements<'f>),
    Map(Fields<'f>),
}

impl<'f> Spot<'f> {
    fn node(self) -> Node {
        self.flat.nodes.get(self.at).copied().unwrap_or(Node::Null)
    }

    /// Where what comes after it is.
    fn end(self) -> usize {
        let below = match self.node() {
            Node::List(nodes) | Node::Map(nodes) => nodes,
            _ => 0,
        };
        self.at + 1 + below
    }

    pub fn form(self) -> Form<'f> {
        match self.node() {
            Node::Null => Form::Null,
            Node::Bool(value) => Form::Bool(value),
            Node::Unsigned(value) => Form::Unsigned(value),
            Node::Signed(value) => Form::Signed(value),
            Node::Float(value) => Form::Float(value),
            Node::Text(start, end) => Form::Text(self.flat.text(start, end)),
            Node::List(_) => Form::List(self.below()),
            Node::Map(_) => Form::Map(self.fields_below()),
        }
    }

    pub fn as_u64(self) -> Option<u64> {
        match self.node() {
            Node::Unsigned(value) => Some(value),
            _ => None,
        }
    }

    pub fn as_str(self) -> Option<&'f str> {
        match self.node() {
            Node::Text(start, end) => Some(self.flat.text(start, end)),
            _ => None,
        }
    }

    pub fn fields(self) -> Option<Fields<'f>> {
        let map = matches!(self.node(), Node::Map(_));
        map.then(|| self.fields_below())
    }

    fn fields_below(self) -> Fields<'f> {
        Fields {
            flat: self.flat,
            next: self.at + 1,
            end: self.end(),
        }
    }

    fn below(self) -> Elements<'f> {
        Elements {
            next: Spot {
                at: self.at + 1,
                ..self
            },
            end: self.end(),
        }
    }

    pub fn field(self, name: &str) -> Option<Self> {
        self.fields()?.find(name)
    }

    /// What is there, a field's name after the other.
    pub fn at(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |spot, name| spot.field(name))
    }

    /// What is at a JSON pointer.
    pub fn pointer(self, pointer: &str) -> Option<Self> {
        names(pointer).try_fold(self, |spot, name| match spot.form() {
            Form::List(mut items) => items.nth(name.parse().ok()?),
            _ => spot.field(&name),
        })
    }

    /// The same as a tree.
    pub fn tree(self) -> Value {
        match self.form() {
            Form::Null => Value::Null,
            Form::Bool(value) => value.into(),
            Form::Unsigned(value) => value.into(),
            Form::Signed(value) => value.into(),
            Form::Float(value) => value.into(),
            Form::Text(value) => value.into(),
            Form::List(items) => items.map(Self::tree).collect(),
            Form::Map(fields) => {
                let fields = fields.map(|(name, value)| (name.to_owned(), value.tree()));
                Value::Object(fields.collect())
            }
        }
    }
}

/// The same value, wherever its texts are kept.
impl PartialEq for Spot<'_> {
    fn eq(&self, other: &Self) -> bool {
        let nodes = |spot: &Self| {
            let end = spot.end().min(spot.flat.nodes.len());
            spot.flat.nodes[spot.at..end].iter()
        };
        let alike = |(a, b): (&Node, &Node)| match (*a, *b) {
            (Node::Text(from, to), Node::Text(start, end)) => {
                self.flat.text(from, to) == other.flat.text(start, end)
            }
            (a, b) => a == b,
        };
        let (ours, theirs) = (nodes(self), nodes(other));
        ours.len() == theirs.len() && ours.zip(theirs).all(alike)
    }
}

#[derive(Clone)]
pub struct Elements<'f> {
    next: Spot<'f>,
    end: usize,
}

impl<'f> Iterator for Elements<'f> {
    type Item = Spot<'f>;

    fn next(&mut self) -> Option<Spot<'f>> {
        let spot = self.next;
        self.next.at = spot.end();
        (spot.at < self.end).then_some(spot)
    }
}

/// Of a map, in the order of their names.
#[derive(Clone)]
pub struct Fields<'f> {
    flat: &'f Flat,
    /// Where the next name is; its value is right after it.
    next: usize,
    end: usize,
}

impl<'f> Fields<'f> {
    /// The field of this name, where it is after those that were seen or asked for.
    pub fn find(&mut self, name: &str) -> Option<Spot<'f>> {
        while self.next < self.end {
            let value = self.flat.spot(self.next + 1);
            match self.flat.spot(self.next).as_str()?.cmp(name) {
                Ordering::Less => self.next = value.end(),
                Ordering::Equal => {
                    self.next = value.end();
                    return Some(value);
                }
                Ordering::Greater => break,
            }
        }
        None
    }
}

impl<'f> Iterator for Fields<'f> {
    type Item = (&'f str, Spot<'f>);

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let (name, value) = (self.flat.spot(self.next), self.flat.spot(self.next + 1));
        self.next = value.end();
        Some((name.as_str()?, value))
    }
}
