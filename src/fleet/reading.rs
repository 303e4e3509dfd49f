//! A tree as serde reads it: into a type at once, without JSON in between.

use serde::de::value::{MapDeserializer, SeqDeserializer, StrDeserializer};
use serde::de::{Deserializer, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

use super::tree::{Entry, Kind, Node};

/// What was reported is left out, and stands for nothing where it stands alone: as [`Node::to_json`] has it.
#[derive(Clone, Copy)]
pub(super) struct Reading<'n>(pub(super) &'n Node);

impl<'n> Reading<'n> {
    fn is_sound(node: &Node) -> bool {
        node.kind != Kind::Reported
    }

    fn items(items: &'n [Node]) -> impl Iterator<Item = Self> {
        items.iter().filter(|item| Self::is_sound(item)).map(Self)
    }

    fn entries(entries: &'n [Entry]) -> impl Iterator<Item = (&'n str, Self)> {
        let sound = entries.iter().filter(|entry| Self::is_sound(&entry.value));
        sound.map(|entry| (entry.key.as_str(), Self(&entry.value)))
    }
}

impl<'n> IntoDeserializer<'n, Error> for Reading<'n> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'n> Deserializer<'n> for Reading<'n> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            Kind::Leaf(value) => value.deserialize_any(visitor),
            Kind::List(items) => {
                let mut items = SeqDeserializer::new(Self::items(items));
                let read = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(read)
            }
            Kind::Map(entries) => {
                let mut entries = MapDeserializer::new(Self::entries(entries));
                let read = visitor.visit_map(&mut entries)?;
                entries.end()?;
                Ok(read)
            }
            Kind::Reported => {
                let none = std::iter::empty::<(&str, Self)>();
                visitor.visit_map(MapDeserializer::new(none))
            }
        }
    }

    fn deserialize_option<V: Visitor<'n>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.kind {
            Kind::Leaf(Value::Null) => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'n>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    /// Of variants without values, as all of the documents are.
    fn deserialize_enum<V: Visitor<'n>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.kind {
            Kind::Leaf(Value::String(text)) => {
                let text: StrDeserializer<'_, Error> = text.as_str().into_deserializer();
                text.deserialize_enum(name, variants, visitor)
            }
            _ => self.0.to_json().deserialize_enum(name, variants, visitor),
        }
    }

    forward_to_deserialize_any! {
        <V: Visitor<'n>>
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
