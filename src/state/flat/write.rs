//! As whatever JSON is written to.

use serde::ser::{Serialize, Serializer};

use super::{Form, Spot};

impl Serialize for Spot<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.form() {
            Form::Null => serializer.serialize_unit(),
            Form::Bool(value) => serializer.serialize_bool(value),
            Form::Unsigned(value) => serializer.serialize_u64(value),
            Form::Signed(value) => serializer.serialize_i64(value),
            Form::Float(value) => serializer.serialize_f64(value),
            Form::Text(text) => serializer.serialize_str(text),
            Form::List(items) => serializer.collect_seq(items),
            Form::Map(fields) => serializer.collect_map(fields),
        }
    }
}
