//! The nodes of the cluster as a node knows them: who may speak, and where they are.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use holdfast_actors::catalog::rows::{Cluster, Node as Row, NodeState};
use holdfast_actors::kernel::{NodeId, Version};

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
    /// Keys of nodes that were removed, which are never let in again.
    removed: BTreeMap<KeyHash, NodeId>,
    /// The minor version in which the cluster speaks; who speaks an older one is not heard.
    minor: u16,
    /// Whether it is what the catalog says, and not what this node was told when it joined.
    is_current: bool,
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

    /// Which node that was removed had this key.
    pub fn removed(&self, key: &KeyHash) -> Option<NodeId> {
        self.removed.get(key).copied()
    }

    /// Whether who is not in it is not of the cluster. Until a node has the catalog's own rows it
    /// knows those that were there when it joined, and nobody who came later.
    pub fn is_current(&self) -> bool {
        self.is_current
    }

    /// The same as what a node was told when it joined: others may have come since.
    #[must_use]
    pub fn of_joining(self) -> Self {
        Self {
            is_current: false,
            ..self
        }
    }

    /// The version in which the cluster speaks.
    pub fn version(&self) -> Version {
        Version::of_minor(self.minor)
    }

    /// All numbers, in order.
    pub fn numbers(&self) -> impl Iterator<Item = NodeId> {
        self.rows.keys().copied()
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
        Self {
            rows,
            keys,
            removed: BTreeMap::new(),
            minor: 0,
            is_current: true,
        }
    }
}

impl From<&Cluster> for Nodes {
    /// All that were not removed. An address that cannot be read is left out, so that it cuts off
    /// nobody but its own node.
    fn from(cluster: &Cluster) -> Self {
        let is_removed = |row: &&Row| row.state == NodeState::Removed;
        let gone = cluster.nodes.iter().filter(|(_, row)| is_removed(row));
        let removed = gone.map(|(number, row)| (KeyHash::new(row.key), *number));
        let live = cluster.nodes.iter().filter(|(_, row)| !is_removed(row));
        let live: Self = live
            .map(|(number, row)| {
                let addresses = row.addresses.iter();
                let node = Node {
                    key: KeyHash::new(row.key),
                    addresses: addresses.filter_map(|it| it.parse().ok()).collect(),
                };
                (*number, node)
            })
            .collect();
        Self {
            removed: removed.collect(),
            minor: cluster.minor,
            is_current: true,
            ..live
        }
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::catalog::rows;
    use holdfast_actors::kernel::NodeName;

    use super::*;

    #[test]
    fn a_row_of_the_catalog_speaks_until_its_node_is_removed() {
        let row = |key, state, addresses: &[&str]| rows::Node {
            name: NodeName::parse("a").unwrap(),
            addresses: addresses.iter().map(|it| (*it).to_owned()).collect(),
            key: [key; 32],
            roles: Default::default(),
            zone: String::new(),
            state,
            incarnation: 0,
            wall: None,
        };
        let mut cluster = Cluster::default();
        let addresses = ["somewhere", "192.0.2.7:7443", "[2001:db8::1]:7443"];
        let states = [
            NodeState::Joining,
            NodeState::Active,
            NodeState::Draining,
            NodeState::Down,
            NodeState::Removed,
        ];
        for (number, state) in (1..).zip(states) {
            let row = row(number as u8, state, &addresses);
            cluster.nodes.insert(NodeId::new(number), row);
        }
        let nodes = Nodes::from(&cluster);
        let numbers: Vec<u64> = nodes.numbers().map(NodeId::raw).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!(nodes.owner(&KeyHash::new([5; 32])), None);
        assert!(nodes.admits(NodeId::new(4), &KeyHash::new([4; 32])));
        let read = &nodes.node(NodeId::new(1)).unwrap().addresses;
        assert_eq!(read[0].to_string(), "192.0.2.7:7443");
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn only_the_catalogs_own_rows_say_who_is_not_of_the_cluster_and_what_it_speaks() {
        let cluster = Cluster {
            minor: 3,
            ..Cluster::default()
        };
        let nodes = Nodes::from(&cluster);
        assert!(nodes.is_current());
        assert_eq!(nodes.version().to_string(), "1.3");
        assert!(!nodes.of_joining().is_current());
    }

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
