//! What the catalog can be asked to do about its own cluster. It decides nothing.
//!
//! Variants are part of the journal's format, as all commands are.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    /// About a replica of a sealed extent.
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
    /// Ends its membership. Its lease runs to its end, and is renewed no more.
    Remove,
}

/// What a life of a node does with the lease of that node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LeaseCommand {
    /// Asks for it; answers [`super::Outcome::Epoch`]. Refused while another life's runs.
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
}
