//! What an object holds, shared by all who look at it.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

/// JSON that is copied only where it is changed: an observation is copied whole for every plan with steps, and most of
/// it is this. One that is shared is not compared with itself, as with every [`Arc`] of what is [`Eq`].
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "Value")]
pub struct Content(Arc<Value>);

impl From<Value> for Content {
    fn from(value: Value) -> Self {
        Self(Arc::new(value))
    }
}

impl Deref for Content {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl DerefMut for Content {
    fn deref_mut(&mut self) -> &mut Value {
        Arc::make_mut(&mut self.0)
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
