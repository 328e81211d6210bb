//! The nodes of the cluster as a node knows them: who may speak, and where they are.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use holdfast_actors::catalog::rows::{self, Cluster, NodeState};
use holdfast_actors::kernel::NodeId;

use crate::identity::KeyHash;

/// The most addresses of one node that are tried.
pub const ADDRESSES_MAX: usize = 8;

/// One row of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The only key that speaks for it.
    pub key: KeyHash,
    /// Where it listens, best first; those behind the first [`ADDRESSES_MAX`] are not tried.
    pub addresses: Vec<SocketAddr>,
}

/// The node table. Whoever is not in it is not admitted, whatever certificate he has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nodes {
    rows: BTreeMap<NodeId, Node>,
    keys: BTreeMap<KeyHash, NodeId>,
}

impl Nodes {
    /// The node with this number.
    pub fn node(&self, node: NodeId) -> Option<&Node> {
        self.rows.get(&node)
    }

    /// Whose key this is.
    pub fn owner(&self, key: &KeyHash) -> Option<NodeId> {
        self.keys.get(key).copied()
    }

    /// Whether this node speaks with this key.
    pub fn admits(&self, node: NodeId, key: &KeyHash) -> bool {
        self.owner(key) == Some(node)
    }

    /// All numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = NodeId> {
        self.rows.keys().copied()
    }
}

impl Nodes {
    /// As the catalog has it: without those that were removed, and without addresses that are none.
    pub fn of(cluster: &Cluster) -> Self {
        let there = cluster.nodes.iter();
        let there = there.filter(|(_, row)| row.state != NodeState::Removed);
        let node = |row: &rows::Node| Node {
            key: KeyHash::new(row.key),
            addresses: row
                .addresses
                .iter()
                .filter_map(|at| at.parse().ok())
                .collect(),
        };
        there.map(|(id, row)| (*id, node(row))).collect()
    }
}

impl FromIterator<(NodeId, Node)> for Nodes {
    /// Of two rows of one node the later counts; a key that two nodes have speaks for neither.
    fn from_iter<T: IntoIterator<Item = (NodeId, Node)>>(rows: T) -> Self {
        let rows: BTreeMap<_, _> = rows.into_iter().collect();
        let mut keys = BTreeMap::new();
        for (number, node) in &rows {
            keys.entry(node.key)
                .and_modify(|owner| *owner = None)
                .or_insert(Some(*number));
        }
        let keys = keys
            .into_iter()
            .filter_map(|(key, owner)| Some((key, owner?)))
            .collect();
        Self { rows, keys }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_two_nodes_have_speaks_for_neither() {
        let row = |number, key| {
            let node = Node {
                key: KeyHash::new([key; 32]),
                addresses: vec![],
            };
            (NodeId::new(number), node)
        };
        let nodes: Nodes = [row(1, 1), row(2, 2), row(3, 2)].into_iter().collect();
        assert_eq!(nodes.owner(&KeyHash::new([1; 32])), Some(NodeId::new(1)));
        assert_eq!(nodes.owner(&KeyHash::new([2; 32])), None);
        assert!(nodes.node(NodeId::new(2)).is_some());
    }
}
