//! A value put into another.

use std::ops::Range;

use super::{Flat, Node};

impl Flat {
    /// Puts a value at `path`, a field's name after the other. Maps that are not there yet are made, also in the place of
    /// what is no map.
    pub fn put(&mut self, path: &[&str], value: &Self) {
        let mut maps = Vec::new();
        let mut spot = self.root();
        for (depth, name) in path.iter().enumerate() {
            let Some(mut fields) = spot.fields() else {
                let place = spot.at..spot.end();
                let map = self.nested(&path[depth..], value);
                return self.splice(&maps, place, map);
            };
            maps.push(spot.at);
            let Some(found) = fields.find(name) else {
                // Right before the first name that is greater.
                let place = fields.next..fields.next;
                let map = self.nested(&path[depth..], value);
                return self.splice(&maps, place, map.into_iter().skip(1));
            };
            spot = found;
        }
        let place = spot.at..spot.end();
        let nodes = self.adopted(value);
        self.splice(&maps, place, nodes);
    }

    /// The nodes of a map that has this at `path`.
    fn nested(&mut self, path: &[&str], value: &Self) -> Vec<Node> {
        let count = value.nodes.len();
        let mut nodes = Vec::with_capacity(2 * path.len() + count);
        for (depth, name) in path.iter().enumerate() {
            let below = 2 * (path.len() - depth) - 1;
            nodes.push(Node::Map(below + count));
            nodes.push(self.kept(name));
        }
        nodes.extend(self.adopted(value));
        nodes
    }

    /// Another's nodes, its texts after these.
    fn adopted<'o>(&mut self, other: &'o Self) -> impl Iterator<Item = Node> + use<'o> {
        let texts = self.text_end();
        self.text.push_str(&other.text);
        self.unsorted |= other.unsorted;
        other.nodes.iter().map(move |node| node.after(texts))
    }

    /// Puts nodes in the place of others that are below these maps.
    fn splice(&mut self, maps: &[usize], gone: Range<usize>, come: impl IntoIterator<Item = Node>) {
        let before = self.nodes.len();
        let gone = gone.start..gone.end.min(before);
        self.nodes.splice(gone, come);
        let after = self.nodes.len();
        for at in maps {
            if let Node::Map(below) = &mut self.nodes[*at] {
                *below = *below + after - before;
            }
        }
    }
}
