//! Where nodes are reached: each at addresses of its own, and by every other.
//!
//! Two nodes of which one has IPv4 alone and the other IPv6 alone would both be of the cluster, and
//! never hear of each other; what two nodes say at one address, one of them never hears.

use std::collections::BTreeSet;
use std::fmt;
use std::net::SocketAddr;

use super::Class;
use super::cluster::NewNode;
use super::draft::Draft;
use super::rows::{Node, NodeState};
use crate::kernel::{NodeId, NodeName};

/// The minor version from which on nodes look at these rules: an older one lets such nodes in.
const SINCE: u16 = 1;

/// Why nobody is let in where he says that he is reached.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressRefused {
    /// A node that nobody can reach.
    #[error("a node needs an address at which the others reach it")]
    Missing,
    /// Another is reached there.
    #[error("{0} is the address of {1} '{2}'")]
    Taken(String, NodeId, NodeName),
    /// The two would never reach each other.
    #[error(
        "the others reach this node by {ours} alone, and {node} '{name}' by {theirs} alone, so \
         that the two would never reach each other"
    )]
    Apart {
        /// How the newcomer is reached.
        ours: Family,
        /// How the other is.
        theirs: Family,
        /// Which other.
        node: NodeId,
        /// What people call it.
        name: NodeName,
    },
}

/// A kind of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Of four bytes.
    V4,
    /// Of sixteen.
    V6,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

impl AddressRefused {
    pub(super) const fn class(&self) -> Class {
        match self {
            Self::Missing => Class::Usage,
            Self::Taken(..) => Class::Conflict,
            Self::Apart { .. } => Class::Rule,
        }
    }

    pub(super) const fn reason(&self) -> &'static str {
        match self {
            Self::Missing => "unreachable",
            Self::Taken(..) => "address-taken",
            Self::Apart { .. } => "addresses-apart",
        }
    }
}

impl Draft<'_> {
    /// Whether a newcomer can be reached, by all and as nobody else.
    pub(super) fn reachable(&self, new: &NewNode) -> Result<(), AddressRefused> {
        let mine = parsed(&new.addresses);
        if new.addresses.is_empty() {
            return Err(AddressRefused::Missing);
        }
        let cluster = &self.rows.cluster;
        let live = |node: &Node| node.state != NodeState::Removed && cluster.has(SINCE);
        for (id, node) in cluster.nodes.iter().filter(|(_, node)| live(node)) {
            let theirs = parsed(&node.addresses);
            if let Some(same) = mine.intersection(&theirs).next() {
                let (same, name) = (same.to_string(), node.name.clone());
                return Err(AddressRefused::Taken(same, *id, name));
            }
            if let (Some(ours), Some(theirs)) = (only(&mine), only(&theirs))
                && ours != theirs
            {
                let (node, name) = (*id, node.name.clone());
                return Err(AddressRefused::Apart {
                    ours,
                    theirs,
                    node,
                    name,
                });
            }
        }
        Ok(())
    }
}

fn parsed(addresses: &[String]) -> BTreeSet<SocketAddr> {
    let parsed = addresses.iter().filter_map(|address| address.parse().ok());
    let canonical = |at: SocketAddr| SocketAddr::new(at.ip().to_canonical(), at.port());
    parsed.map(canonical).collect()
}

/// The kind of all of them, if there is one.
fn only(addresses: &BTreeSet<SocketAddr>) -> Option<Family> {
    let family = |address: &SocketAddr| match address {
        SocketAddr::V4(_) => Family::V4,
        SocketAddr::V6(_) => Family::V6,
    };
    let families: BTreeSet<Family> = addresses.iter().map(family).collect();
    families.first().copied().filter(|_| families.len() == 1)
}
