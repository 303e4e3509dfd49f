//! From whatever JSON is read from.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::{Flat, Node};

impl<'de> Deserialize<'de> for Flat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut flat = Self::with_room();
        Below(&mut flat).deserialize(deserializer)?;
        Ok(flat)
    }
}

/// A value that is read into what is there already.
struct Below<'f>(&'f mut Flat);

impl Below<'_> {
    fn push(self, node: Node) {
        self.0.nodes.push(node);
    }
}

impl<'de> DeserializeSeed<'de> for Below<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Below<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.push(Node::Null);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.push(Node::Bool(value));
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.push(Node::Unsigned(value));
        Ok(())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.push(Node::signed(value));
        Ok(())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.push(Node::Float(value));
        Ok(())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.0.push_text(value);
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let at = self.0.nodes.len();
        self.0.nodes.push(Node::List(0));
        while items.next_element_seed(Below(self.0))?.is_some() {}
        self.0.close(at, Node::List);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let at = self.0.nodes.len();
        self.0.nodes.push(Node::Map(0));
        let (mut before, mut name) = (None, self.0.nodes.len());
        while fields.next_key_seed(Below(self.0))?.is_some() {
            let flat = &mut *self.0;
            let text = |at| flat.spot(at).as_str();
            let sorted = before.is_none_or(|before| text(before) < text(name));
            flat.unsorted |= !sorted;
            fields.next_value_seed(Below(self.0))?;
            before = Some(name);
            name = self.0.nodes.len();
        }
        self.0.close(at, Node::Map);
        Ok(())
    }
}
