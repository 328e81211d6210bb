//! What the catalog can be asked to do about its own cluster. It decides nothing.
//!
//! Variants are part of the journal's format, as all commands are.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rows::{Room, Speaks};
use crate::kernel::{Epoch, ExtentId, NodeId, NodeName, RepositoryId, Timestamp};

/// About the nodes that keep the catalog together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClusterCommand {
    /// Time passed. The leader's alone, and never sent again: a tick that another leader takes in
    /// would count the same time twice.
    Tick {
        /// In which the leader leads; in another one it counts for nothing.
        term: u64,
        /// By the leader's monotonic clock since its own tick before; nothing with its first.
        advance: Duration,
    },
    /// About one node.
    Node(NodeId, NodeCommand),
    /// About who acts for one node; given by a life of that node itself.
    Lease(NodeId, LeaseCommand),
    /// Makes a node the one writer of a repository; answers [`super::Outcome::Epoch`]. Refused
    /// while another one is and its lease runs.
    Own {
        /// Which.
        repository: RepositoryId,
        /// Which node.
        node: NodeId,
        /// Of the node's lease.
        lease: Epoch,
    },
    /// The owner writes no more, so that the next one need not wait for the end of a lease.
    Disown {
        /// Which.
        repository: RepositoryId,
        /// Of the owner.
        epoch: Epoch,
    },
    /// About a replica of a sealed extent; or of one that is not begun, to do without it.
    Replica {
        /// Of which.
        extent: ExtentId,
        /// On which node.
        node: NodeId,
        /// What.
        command: ReplicaCommand,
    },
    /// Makes a join token, which lets one node in; answers [`super::Outcome::Token`].
    Token {
        /// SHA-256 of its secret.
        hash: [u8; 32],
        /// For how long it does, in whole seconds; 7 days at most.
        life: Duration,
    },
    /// A newcomer showed a token; answers [`super::Outcome::Node`], with the same number for the
    /// same token and key. The system's.
    Join {
        /// SHA-256 of the secret that it showed.
        token: [u8; 32],
        /// What it says of itself. Whoever submits has seen that the key is its own.
        node: Box<NewNode>,
    },
    /// A join token lets nobody in any more.
    Revoke {
        /// SHA-256 of its secret.
        hash: [u8; 32],
    },
    /// A node turned somebody away who should not have come; makes one event however often and
    /// wherever it happens. The system's.
    Turned(Turned),
    /// What room the disk of a node has now. Its own word, under its lease.
    Room {
        /// Which.
        node: NodeId,
        /// Of its lease.
        lease: Epoch,
        /// How much.
        room: Room,
    },
}

/// Who was turned away by a node, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// Why.
    pub cause: TurnedCause,
    /// As whom he came, if that is known.
    pub peer: Option<NodeId>,
    /// From where he came, at most 64 bytes; empty if this cluster went to him.
    pub from: String,
}

/// Why somebody was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TurnedCause {
    /// It was removed from the cluster.
    Removed,
    /// A node of that number runs already: one of two data directories is a copy.
    Copy,
    /// Its certificate is of another cluster.
    Foreign,
    /// It speaks a version between nodes that this cluster does not. Needs version 1.1.
    Version,
    /// It came back without what it had acknowledged: its data directory was set back. Needs
    /// version 1.1.
    Forgot,
    /// It showed the join token that let the peer in. Needs version 1.1.
    TokenUsed,
    /// It showed a join token that had expired. Needs version 1.1.
    TokenExpired,
    /// It showed a join token that was revoked, or none of this cluster's. Needs version 1.1.
    TokenUnknown,
}

/// What is done with a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReplicaCommand {
    /// The node is to copy the extent.
    Fill,
    /// The node has all of it, durable and compared. Its own word.
    Filled,
    /// The node need not have it any more; refused if no more than the copies that the repository
    /// must have would be left.
    Drop,
    /// The node was to have all of it, and what it has is missing, too short or damaged: it copies
    /// it again. Refused if no other node that answers has all of it: what is left of the last copy
    /// is not given up.
    Lost,
    /// The node has all of it, and other bytes than most nodes have: it copies it again. Refused
    /// like [`ReplicaCommand::Lost`].
    Differs,
    /// The node's replica is damaged, and no other node that answers has all of it. Changes
    /// nothing, and makes an event, once.
    LastDamaged,
    /// The replicas of the extent differ, and nobody can say which is right. The same.
    Undecided,
}

/// A node that joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewNode {
    /// What people call it; no two nodes of a cluster have one name.
    pub name: NodeName,
    /// Where it is reached, an address with its port each; at most 8.
    pub addresses: Vec<String>,
    /// SHA-256 of its public key.
    pub key: [u8; 32],
    /// What it does; at most 16, each at most 64 bytes.
    pub roles: BTreeSet<String>,
    /// What fails together with it, at most 64 bytes.
    pub zone: String,
}

/// What is done with a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeCommand {
    /// Lets it in. The system's.
    Add(NewNode),
    /// Changes it; what is none stays as it is.
    Set {
        /// Where it is reached.
        addresses: Option<Vec<String>>,
        /// SHA-256 of its public key.
        key: Option<[u8; 32]>,
        /// What it does.
        roles: Option<BTreeSet<String>>,
        /// What fails together with it.
        zone: Option<String>,
    },
    /// Gives it nothing new, and moves away what it has.
    Drain,
    /// Gives it work again.
    Undrain,
    /// Ends its membership, whatever it holds. Its lease runs to its end, and is renewed no more.
    Remove,
    /// The same, refused while it holds replicas.
    Retire,
    /// The same for a node that is down, and another node of the cluster takes its place: its roles
    /// and its zone.
    Replace {
        /// The other.
        with: NodeId,
    },
    /// People call it something else from now on; no two nodes have one name. Needs version 1.1.
    Rename {
        /// What.
        name: NodeName,
    },
}

/// What a life of a node does with the lease of that node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseCommand {
    /// Asks for it; answers [`super::Outcome::Epoch`]. Refused while another life's runs. Whoever
    /// asks like this speaks the first version and no other.
    Acquire {
        /// Which life: a number drawn at its start.
        incarnation: u64,
        /// Its wall clock.
        wall: Timestamp,
    },
    /// Keeps it. One that has ended is kept if nobody took it since.
    Renew {
        /// Of the grant.
        epoch: Epoch,
        /// The node's wall clock.
        wall: Timestamp,
    },
    /// Gives it back, so that nobody waits for its end.
    Release {
        /// Of the grant.
        epoch: Epoch,
    },
    /// Asks for it, and says what this life speaks; refused as well if that is not what the cluster
    /// speaks by now.
    Begin {
        /// Which life: a number drawn at its start.
        incarnation: u64,
        /// Its wall clock.
        wall: Timestamp,
        /// What it speaks.
        speaks: Speaks,
    },
}
