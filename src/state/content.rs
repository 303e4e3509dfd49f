//! What an object holds, shared by all who look at it.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::flat::{Flat, Spot};

/// JSON that is copied only where it is changed: an observation is copied whole for every plan with steps, and most of
/// it is this. A tree of it is made where somebody asks for one.
#[derive(Clone)]
pub struct Content(Arc<Kept>);

/// The same in one way or both.
#[derive(Clone, Default)]
struct Kept {
    flat: OnceLock<Flat>,
    tree: OnceLock<Value>,
}

impl Content {
    /// Of what can be written as JSON.
    pub fn of<T: Serialize>(object: &T) -> Self {
        Self::from(Flat::with_nulls(object))
    }

    fn flat(&self) -> &Flat {
        let Kept { flat, tree } = &*self.0;
        let of_tree = || Flat::deserialize(tree.get()?).ok();
        flat.get_or_init(|| of_tree().unwrap_or_default())
    }

    /// To be looked at, without a tree.
    pub fn spot(&self) -> Spot<'_> {
        self.flat().root()
    }

    /// A tree of one's own.
    pub fn tree(&self) -> Value {
        Value::clone(self)
    }

    /// Puts a value at `path`, a field's name after the other; whoever shares this keeps it as it was.
    pub fn put<T: Serialize + ?Sized>(&mut self, path: &[&str], value: &T) {
        let mut flat = self.flat().clone();
        flat.put(path, &Flat::with_nulls(value));
        *self = flat.into();
    }
}

/// Its maps are sorted.
impl From<Flat> for Content {
    fn from(flat: Flat) -> Self {
        Self(Arc::new(Kept {
            flat: flat.into(),
            tree: OnceLock::new(),
        }))
    }
}

impl From<Value> for Content {
    fn from(tree: Value) -> Self {
        Self(Arc::new(Kept {
            flat: OnceLock::new(),
            tree: tree.into(),
        }))
    }
}

impl Deref for Content {
    type Target = Value;

    fn deref(&self) -> &Value {
        let Kept { flat, tree } = &*self.0;
        tree.get_or_init(|| flat.get().map(Flat::tree).unwrap_or_default())
    }
}

impl DerefMut for Content {
    fn deref_mut(&mut self) -> &mut Value {
        let forms = Arc::make_mut(&mut self.0);
        let tree = forms.tree.take();
        let tree = tree.or_else(|| forms.flat.get().map(Flat::tree));
        *forms = Kept {
            flat: OnceLock::new(),
            tree: tree.unwrap_or_default().into(),
        };
        forms.tree.get_mut().expect("it was put there")
    }
}

/// One that is shared is not compared with itself.
impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.spot() == other.spot()
    }
}

impl Eq for Content {}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let flat = Flat::deserialize(deserializer)?;
        Ok(if flat.is_sorted() {
            flat.into()
        } else {
            flat.tree().into()
        })
    }
}

impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.spot().serialize(serializer)
    }
}
