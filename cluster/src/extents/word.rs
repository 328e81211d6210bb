//! What is said between the writer of an extent and the nodes that hold a replica of it.

use std::fmt;

use holdfast_actors::kernel::{Epoch, ExtentId, RepositoryId};
use holdfast_actors::schema::Stored;
use serde::{Deserialize, Serialize};

/// What a node is asked to do with its replica of an extent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ask {
    /// Make an empty replica, for the writer with this epoch.
    Create {
        /// Of which repository.
        repository: RepositoryId,
        /// Of which extent.
        extent: ExtentId,
        /// Of the one that ever writes to it.
        epoch: Epoch,
    },
    /// Take bytes at the end; they travel behind this.
    Append {
        /// To which extent.
        extent: ExtentId,
        /// Of the writer.
        epoch: Epoch,
        /// The replica's end as the writer knows it.
        offset: u64,
    },
    /// Make durable all that was taken so far.
    Sync {
        /// Of which extent.
        extent: ExtentId,
        /// Of the writer.
        epoch: Epoch,
    },
    /// Take nothing from a lower epoch any more, and say how far the replica is durable.
    Fence {
        /// Which extent.
        extent: ExtentId,
        /// Of the one that asks.
        epoch: Epoch,
    },
    /// Give bytes below the durable end; they travel behind the answer.
    Read {
        /// Of which extent.
        extent: ExtentId,
        /// From where on.
        offset: u64,
        /// How many; fewer come at the end only.
        length: u32,
    },
}

/// What a node answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tell {
    /// It is done, and durable if that was asked.
    Done,
    /// The replica takes nothing from a lower epoch any more.
    Fenced {
        /// All below survives a power loss, and the replica does not grow any more.
        durable: u64,
    },
    /// Bytes follow.
    Bytes,
    /// As [`Tell::Fenced`], of a replica that a start of its node found broken off there: a write
    /// was torn that its writer was not told of, or the disk has damaged what it was told of.
    Torn {
        /// All below survives a power loss, and the replica does not grow any more.
        durable: u64,
    },
}

/// How far the life of a replica has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The file is made, and its writer may append. After a start of the node nobody may.
    Open,
    /// It takes nothing any more: it was fenced, or its disk failed, or the node started again.
    Closed {
        /// All below survives a power loss.
        durable: u64,
    },
    /// It is as the catalog has it.
    Sealed {
        /// Its length.
        length: u64,
    },
}

/// One replica, as its node knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// Of which repository.
    pub repository: RepositoryId,
    /// Of the one writer.
    pub epoch: Epoch,
    /// Nothing from below is taken.
    pub fence: Epoch,
    /// How far its life has come.
    pub stage: Stage,
}

/// What a node keeps of its replicas, beside their files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// A replica is there, empty.
    Created {
        /// Of which extent.
        extent: ExtentId,
        /// Of which repository.
        repository: RepositoryId,
        /// Of its writer.
        epoch: Epoch,
    },
    /// Nothing from a lower epoch is taken any more.
    Fenced {
        /// Which extent.
        extent: ExtentId,
        /// Of the one that asked.
        fence: Epoch,
    },
    /// The replica is as the catalog has it.
    Sealed {
        /// Of which extent.
        extent: ExtentId,
        /// Its length.
        length: u64,
    },
    /// The replica is gone.
    Removed {
        /// Of which extent.
        extent: ExtentId,
    },
    /// A copy of a sealed extent is there, in place of whatever was there before.
    Copied(Copied),
    /// All that earlier records say of a replica; one that was closed counts as open, since only
    /// its file says how far it is sound. Part of snapshots.
    Stands {
        /// Of which extent.
        extent: ExtentId,
        /// How it stood.
        replica: Replica,
    },
}

/// A sealed extent that was copied from another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Which.
    pub extent: ExtentId,
    /// Of which repository.
    pub repository: RepositoryId,
    /// Of the one writer that it had.
    pub epoch: Epoch,
    /// Its length in bytes.
    pub length: u64,
}

impl Stored for Ask {
    const VERSION: u8 = 1;
}

impl Stored for Tell {
    const VERSION: u8 = 1;
}

impl Stored for Record {
    const VERSION: u8 = 1;
}

impl Ask {
    /// Which extent is meant.
    pub const fn extent(&self) -> ExtentId {
        match self {
            Self::Create { extent, .. }
            | Self::Append { extent, .. }
            | Self::Sync { extent, .. }
            | Self::Fence { extent, .. }
            | Self::Read { extent, .. } => *extent,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("open"),
            Self::Closed { durable } => write!(f, "closed at {durable}"),
            Self::Sealed { length } => write!(f, "sealed at {length}"),
        }
    }
}
