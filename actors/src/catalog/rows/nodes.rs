//! The nodes of a cluster, their leases, and the time by which those end.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use imbl::OrdMap;
use serde::{Deserialize, Serialize};

use crate::kernel::{Epoch, ExtentId, NodeId, NodeName, RepositoryId, Size, Timestamp, Version};
use crate::schema;

/// What the catalog knows of its cluster; on one node all of it is empty. Since the fourth version
/// of the rows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    /// The catalog's own time: what committed ticks add up to. It stands still while nobody leads,
    /// and never goes back.
    pub now: Duration,
    /// That time when the day was last taken from the nodes' wall clocks.
    pub looked: Duration,
    /// Nodes, those that were removed included: an id is never used again.
    #[serde(deserialize_with = "schema::map")]
    pub nodes: OrdMap<NodeId, Node>,
    /// Who of them is served by which life, and until when.
    #[serde(deserialize_with = "schema::map")]
    pub leases: OrdMap<NodeId, Lease>,
    /// Who writes to which repository.
    #[serde(deserialize_with = "schema::map")]
    pub owners: OrdMap<RepositoryId, Owner>,
    /// Where extents are.
    #[serde(deserialize_with = "schema::map")]
    pub replicas: OrdMap<ExtentId, Replicas>,
    /// How many replicas each node has, or is to have.
    #[serde(deserialize_with = "schema::map")]
    pub load: OrdMap<NodeId, u64>,
    /// Join tokens, by the SHA-256 of their secret; those that expired go when one is made.
    #[serde(deserialize_with = "schema::map")]
    pub tokens: OrdMap<[u8; 32], Token>,
    /// What room nodes said that their disks have. Since the fifth version.
    #[serde(deserialize_with = "schema::map")]
    pub rooms: OrdMap<NodeId, Room>,
    /// What the last life of each node said that it speaks. Since the sixth version.
    #[serde(deserialize_with = "schema::map")]
    pub speak: OrdMap<NodeId, Speaks>,
    /// The minor version in which this log is written: the newest that all nodes speak, and never
    /// an older one than it was. Since the sixth version.
    pub minor: u16,
}

/// The minor versions that a node speaks, of the one major version that all nodes of a cluster do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speaks {
    /// The oldest.
    pub oldest: u16,
    /// The newest.
    pub newest: u16,
}

impl Speaks {
    /// What this program speaks, up to a version that somebody chose.
    #[must_use]
    pub const fn up_to(newest: Version) -> Self {
        Self {
            oldest: Version::OLDEST.minor,
            newest: newest.minor,
        }
    }

    /// Whether this minor version is among them.
    #[must_use]
    pub const fn has(&self, minor: u16) -> bool {
        self.oldest <= minor && minor <= self.newest
    }
}

/// What room the disk of a node has, as the node said when that last changed much.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// What may still be written.
    pub free: Size,
    /// All of it, taken or not.
    pub total: Size,
    /// Whether it gets nothing new; until there is more room again than made it so.
    pub is_full: bool,
}

/// A join token: it lets one node in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// From when on it lets nobody in.
    pub expires: Timestamp,
    /// Whom it let in, and with which key.
    pub used: Option<(NodeId, [u8; 32])>,
}

/// Who writes to a repository: one life of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// Which node.
    pub node: NodeId,
    /// Of the lease under which it does.
    pub lease: Epoch,
}

/// Where an extent is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replicas {
    /// Nodes that have all of it once it is sealed; while it is open, those that its writer writes
    /// to.
    pub whole: BTreeSet<NodeId>,
    /// Nodes that copy it.
    pub filling: BTreeSet<NodeId>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// What people call it.
    pub name: NodeName,
    /// Where it is reached, an address with its port each; at most 8.
    pub addresses: Vec<String>,
    /// SHA-256 of its public key: who has another is not it.
    pub key: [u8; 32],
    /// What it does: `gateway`, `storage`, `tape`, `host`; at most 16.
    pub roles: BTreeSet<String>,
    /// What fails together with it; empty if nobody said.
    pub zone: String,
    /// Where it stands.
    pub state: NodeState,
    /// Which life of it was seen last: a number drawn at its start.
    pub incarnation: u64,
    /// Its wall clock when it last reported, and the catalog's time then.
    pub wall: Option<(Timestamp, Duration)>,
}

/// Where a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeState {
    /// It was let in and has not been seen at work.
    Joining,
    /// It works.
    Active,
    /// It works, gets nothing new, and gives away what it has.
    Draining,
    /// It has not renewed its lease for a while.
    Down,
    /// It is not of the cluster any more, and never will be again.
    Removed,
}

impl fmt::Display for NodeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Joining => "joining",
            Self::Active => "active",
            Self::Draining => "draining",
            Self::Down => "down",
            Self::Removed => "removed",
        })
    }
}

/// That one life of a node is the one that acts for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Which life.
    pub incarnation: u64,
    /// The place in the log of the grant; what stores data refuses a lower one.
    pub epoch: Epoch,
    /// When it ends, in the catalog's time, unless it is renewed or nobody else wants it.
    pub until: Duration,
}

impl fmt::Display for Speaks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [oldest, newest] = [self.oldest, self.newest].map(Version::of_minor);
        match oldest == newest {
            true => write!(f, "version {newest}"),
            false => write!(f, "versions {oldest} to {newest}"),
        }
    }
}

impl Cluster {
    /// Whether a node's lease runs in the catalog's time.
    pub fn is_leased(&self, node: NodeId) -> bool {
        self.leases
            .get(&node)
            .is_some_and(|lease| lease.until > self.now)
    }

    /// Whether a node said that its disk is full.
    pub fn is_full(&self, node: NodeId) -> bool {
        self.rooms.get(&node).is_some_and(|room| room.is_full)
    }

    /// Nodes that are of the cluster and have been seen at work.
    pub fn members(&self) -> impl Iterator<Item = (&NodeId, &Node)> {
        self.nodes
            .iter()
            .filter(|(_, node)| !matches!(node.state, NodeState::Joining | NodeState::Removed))
    }

    /// The wall clock that a majority of the members agrees on: the middle one of those that
    /// reported under a lease that still runs; none while these are no majority. A few clocks that
    /// are wrong move it no further than to the next one that is right.
    pub fn wall(&self) -> Option<Timestamp> {
        let walls = self.members().filter(|(id, _)| self.is_leased(**id));
        let mut walls: Vec<Timestamp> = walls
            .filter_map(|(_, node)| node.wall)
            .map(|(wall, at)| wall + self.now.saturating_sub(at))
            .collect();
        walls.sort_unstable();
        if walls.len() * 2 <= self.members().count() {
            return None;
        }
        walls.get((walls.len() - 1) / 2).copied()
    }
}
