//! From what can be written as JSON.

use std::ops::Range;

use serde::Serialize;
use serde::ser::{Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use serde_json::Error;

use super::{Flat, Node};

const WRITTEN: &str = "Kubernetes types have string keys and finite numbers";

impl Flat {
    /// The object without fields that are null. Empty maps stay, since `{}` and nothing differ where a person wrote them
    /// (an empty label selector matches everything).
    pub fn of<T: Serialize + ?Sized>(object: &T) -> Self {
        Self::build(object, false)
    }

    /// With them.
    pub(in crate::state) fn with_nulls<T: Serialize + ?Sized>(object: &T) -> Self {
        Self::build(object, true)
    }

    fn build<T: Serialize + ?Sized>(object: &T, nulls: bool) -> Self {
        let mut builder = Builder {
            flat: Self::with_room(),
            names: Vec::new(),
            nulls,
        };
        object.serialize(&mut builder).expect(WRITTEN);
        builder.flat
    }
}

/// Puts down a map's fields as they come, and in order when it is closed.
struct Builder {
    flat: Flat,
    /// Where the names of maps that are not closed yet are, the innermost's last.
    names: Vec<usize>,
    /// Fields that are null stay.
    nulls: bool,
}

impl Builder {
    fn push(&mut self, node: Node) {
        self.flat.nodes.push(node);
    }

    fn name(&self, at: usize) -> Option<&str> {
        self.flat.spot(at).as_str()
    }
}

struct List<'b> {
    builder: &'b mut Builder,
    at: usize,
}

struct Map<'b> {
    builder: &'b mut Builder,
    at: usize,
    /// Its first name among the names.
    first: usize,
    /// No name came after a greater one.
    sorted: bool,
}

impl Map<'_> {
    fn begin(&mut self, name: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        let at = self.builder.flat.nodes.len();
        name.serialize(&mut *self.builder)?;
        if self.builder.name(at).is_none() {
            return Err(Error::custom("a name that is no text"));
        }
        self.builder.names.push(at);
        Ok(())
    }

    fn value(&mut self, value: &(impl Serialize + ?Sized)) -> Result<(), Error> {
        value.serialize(&mut *self.builder)?;
        let [.., name] = self.builder.names[self.first..] else {
            return Err(Error::custom("a value without a name"));
        };
        let flat = &mut self.builder.flat;
        if let [Node::Text(start, _), Node::Null] = flat.nodes[name..]
            && !self.builder.nulls
        {
            flat.text.truncate(start as usize);
            flat.nodes.truncate(name);
            self.builder.names.pop();
        } else if let [.., before, _] = self.builder.names[self.first..] {
            let in_order = self.builder.name(before) <= self.builder.name(name);
            self.sorted = self.sorted && in_order;
        }
        Ok(())
    }

    fn close(mut self) {
        if !self.sorted {
            self.sort();
        }
        self.builder.names.truncate(self.first);
        self.builder.flat.close(self.at, Node::Map);
    }

    fn sort(&mut self) {
        let names = &self.builder.names[self.first..];
        let flat = &mut self.builder.flat;
        let ends = names.iter().skip(1).copied().chain([flat.nodes.len()]);
        let fields = names.iter().zip(ends).map(|(name, end)| *name..end);
        let mut fields: Vec<Range<usize>> = fields.collect();
        fields.sort_by_key(|field| flat.spot(field.start).as_str());
        let nodes = fields.into_iter().flat_map(|field| &flat.nodes[field]);
        let sorted: Vec<Node> = nodes.copied().collect();
        flat.nodes.truncate(self.at + 1);
        flat.nodes.extend(sorted);
    }
}

impl SerializeStruct for Map<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        name: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        self.begin(name)?;
        self.value(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

impl SerializeMap for Map<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, name: &T) -> Result<(), Error> {
        self.begin(name)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.value(value)
    }

    fn end(self) -> Result<(), Error> {
        self.close();
        Ok(())
    }
}

impl SerializeSeq for List<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Error> {
        item.serialize(&mut *self.builder)
    }

    fn end(self) -> Result<(), Error> {
        self.builder.flat.close(self.at, Node::List);
        Ok(())
    }
}

/// Of another width than it is kept in.
macro_rules! widened {
    ($($method:ident: $type:ty => $as:ident),*) => {
        $(fn $method(self, value: $type) -> Result<(), Error> {
            self.$as(value.into())
        })*
    };
}

/// What no Kubernetes type is made of.
macro_rules! unknown {
    ($($method:ident($($type:ty),*) -> $out:ty),*) => {
        $(fn $method(self, $(_: $type),*) -> Result<$out, Error> {
            Err(Error::custom(stringify!($method)))
        })*
    };
}

type Never = Impossible<(), Error>;

impl<'b> Serializer for &'b mut Builder {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = List<'b>;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Map<'b>;
    type SerializeStruct = Map<'b>;
    type SerializeStructVariant = Never;

    widened! {
        serialize_i8: i8 => serialize_i64, serialize_i16: i16 => serialize_i64,
        serialize_i32: i32 => serialize_i64, serialize_u8: u8 => serialize_u64,
        serialize_u16: u16 => serialize_u64, serialize_u32: u32 => serialize_u64,
        serialize_f32: f32 => serialize_f64
    }

    unknown! {
        serialize_bytes(&[u8]) -> (),
        serialize_unit_struct(&'static str) -> (),
        serialize_unit_variant(&'static str, u32, &'static str) -> (),
        serialize_tuple(usize) -> Never,
        serialize_tuple_struct(&'static str, usize) -> Never,
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never,
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Error> {
        Err(Error::custom("serialize_newtype_variant"))
    }

    fn serialize_unit(self) -> Result<(), Error> {
        self.push(Node::Null);
        Ok(())
    }

    fn serialize_none(self) -> Result<(), Error> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_bool(self, value: bool) -> Result<(), Error> {
        self.push(Node::Bool(value));
        Ok(())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Error> {
        self.push(Node::Unsigned(value));
        Ok(())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Error> {
        self.push(Node::signed(value));
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Result<(), Error> {
        if !value.is_finite() {
            return Err(Error::custom("a number that is not finite"));
        }
        self.push(Node::Float(value));
        Ok(())
    }

    fn serialize_char(self, value: char) -> Result<(), Error> {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, value: &str) -> Result<(), Error> {
        self.flat.push_text(value);
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'b>, Error> {
        let at = self.flat.nodes.len();
        self.push(Node::List(0));
        Ok(List { builder: self, at })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map<'b>, Error> {
        let at = self.flat.nodes.len();
        self.push(Node::Map(0));
        Ok(Map {
            first: self.names.len(),
            sorted: true,
            builder: self,
            at,
        })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Map<'b>, Error> {
        self.serialize_map(None)
    }
}
