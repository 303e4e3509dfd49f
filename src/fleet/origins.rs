//! Where each field of a cluster was said.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::Origin;
use super::pointer::escaped;
use super::tree::{Node, short};

/// By JSON pointer; lists as a whole. It is read off the effective document where somebody asks: nobody does of a cluster
/// in sync, as most are.
#[derive(Clone, Default)]
pub struct Origins {
    said: Said,
    /// Of the files that it was said in.
    files: Arc<[String]>,
    read: OnceLock<BTreeMap<String, Origin>>,
}

/// The names in a document and where they stand, without its values: a tree of it would be most of what is kept of a
/// fleet.
#[derive(Clone, Default)]
struct Said {
    /// One after the other.
    names: String,
    /// As they were written: what is below a field comes right after it.
    fields: Vec<Field>,
}

/// There are some tens of them for each cluster of a fleet.
#[derive(Clone, Copy)]
struct Field {
    /// Of its name.
    end: u32,
    depth: u32,
    file: u32,
    line: u32,
}

impl Said {
    fn add(&mut self, node: &Node, depth: u32) {
        for entry in node.entries() {
            self.names.push_str(&entry.key);
            self.fields.push(Field {
                end: short(self.names.len()),
                depth,
                file: short(entry.key_place.file()),
                line: short(entry.key_place.line()),
            });
            self.add(&entry.value, depth + 1);
        }
    }

    fn origins(&self, files: &[String]) -> BTreeMap<String, Origin> {
        let (mut origins, mut start) = (BTreeMap::new(), 0);
        let mut pointer = String::new();
        // How long the pointer to each field above is.
        let mut above = Vec::new();
        for field in &self.fields {
            let (end, depth) = (field.end as usize, field.depth as usize);
            above.truncate(depth);
            pointer.truncate(above.last().copied().unwrap_or_default());
            pointer.extend(["/", &escaped(&self.names[start..end])]);
            above.push(pointer.len());
            start = end;
            let origin = Origin {
                file: files[field.file as usize].clone(),
                line: field.line as usize,
                commit: None,
            };
            origins.insert(pointer.clone(), origin);
        }
        origins
    }
}

/// How many fields there are, and how long their names.
fn room(node: &Node) -> (usize, usize) {
    let below = node.entries().iter().map(|entry| {
        let (fields, bytes) = room(&entry.value);
        (fields + 1, bytes + entry.key.len())
    });
    below.fold((0, 0), |(fields, bytes), (more, longer)| {
        (fields + more, bytes + longer)
    })
}

impl Origins {
    pub(super) fn of(tree: &Node, files: Arc<[String]>) -> Self {
        let (fields, bytes) = room(tree);
        let mut said = Said {
            names: String::with_capacity(bytes),
            fields: Vec::with_capacity(fields),
        };
        said.add(tree, 0);
        Self {
            said,
            files,
            read: OnceLock::new(),
        }
    }
}

impl From<BTreeMap<String, Origin>> for Origins {
    fn from(read: BTreeMap<String, Origin>) -> Self {
        Self {
            read: read.into(),
            ..Self::default()
        }
    }
}

impl Deref for Origins {
    type Target = BTreeMap<String, Origin>;

    fn deref(&self) -> &Self::Target {
        self.read.get_or_init(|| self.said.origins(&self.files))
    }
}

impl PartialEq for Origins {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl fmt::Debug for Origins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
