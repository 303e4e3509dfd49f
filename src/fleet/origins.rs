//! Where each field of a cluster was said.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use super::Origin;
use super::pointer::escaped;
use super::tree::Node;

/// By JSON pointer; lists as a whole. It is read off the effective document where somebody asks: nobody does of a cluster
/// in sync, as most are.
#[derive(Clone, Default)]
pub struct Origins {
    document: Option<Document>,
    read: OnceLock<BTreeMap<String, Origin>>,
}

#[derive(Clone)]
struct Document {
    tree: Node,
    /// Of the files that its places are in.
    names: Arc<[String]>,
}

impl Origins {
    pub(super) fn of(tree: Node, names: Arc<[String]>) -> Self {
        Self {
            document: Some(Document { tree, names }),
            read: OnceLock::new(),
        }
    }
}

impl From<BTreeMap<String, Origin>> for Origins {
    fn from(read: BTreeMap<String, Origin>) -> Self {
        Self {
            document: None,
            read: read.into(),
        }
    }
}

impl Deref for Origins {
    type Target = BTreeMap<String, Origin>;

    fn deref(&self) -> &Self::Target {
        self.read.get_or_init(|| {
            let mut origins = BTreeMap::new();
            if let Some(document) = &self.document {
                collect(&document.tree, "", &document.names, &mut origins);
            }
            origins
        })
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

fn collect(node: &Node, at: &str, names: &[String], into: &mut BTreeMap<String, Origin>) {
    for entry in node.entries() {
        let pointer = format!("{at}/{}", escaped(&entry.key));
        let origin = Origin {
            file: names[entry.key_place.file()].clone(),
            line: entry.key_place.line(),
            commit: None,
        };
        collect(&entry.value, &pointer, names, into);
        into.insert(pointer, origin);
    }
}
