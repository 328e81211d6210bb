//! What can happen to the replicas of a node, and what is done about it.

use std::fmt;

use bytes::Bytes;
use holdfast_actors::extent::Trouble;
use holdfast_actors::kernel::{Epoch, ExtentId, NodeId, RepositoryId, Sequence, Ticket};
use serde::{Deserialize, Serialize};

use super::super::word::{Ask, Copied, Record, Stage, Tell};

/// Replicas of a node, each with how far its life has come; none for one whose file is gone.
pub type Listing = Vec<(ExtentId, Option<Stage>)>;

/// Why a node does not do what it was asked. Nothing was done, but for a disk that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    /// There is no such replica here, or none yet.
    #[error("no replica of {0} here")]
    Absent(ExtentId),
    /// There is one already, for this writer or another.
    #[error("{0} has a replica here already")]
    Taken(ExtentId),
    /// Somebody with a higher epoch has taken over.
    #[error("fenced by {0}")]
    Fenced(Epoch),
    /// It takes nothing any more.
    #[error("the replica is closed")]
    Closed,
    /// The epoch is not that of its writer.
    #[error("the replica belongs to {0}")]
    Foreign(Epoch),
    /// No space on the disk.
    #[error("no space left on the disk")]
    Full,
    /// The disk failed.
    #[error("the disk failed")]
    Broken,
    /// The node does not answer; it may have done it. Nobody sends this: it is what a caller makes
    /// of silence.
    #[error("{0} is silent")]
    Silent(NodeId),
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Full => Self::Full,
            Trouble::Broken | Trouble::Short => Self::Broken,
            Trouble::Fenced | Trouble::Sealed => Self::Closed,
        }
    }
}

/// What can happen to the replicas of a node.
pub enum Event {
    /// Somebody asks.
    Asked {
        /// Whom to answer.
        ticket: Ticket,
        /// What for.
        ask: Ask,
        /// What came behind it.
        bytes: Bytes,
    },
    /// The file of a new replica is there and durable, or is not.
    Made {
        /// Of which extent.
        extent: ExtentId,
        /// How it came out.
        result: Result<(), Trouble>,
    },
    /// A replica takes nothing any more, and is durable so far.
    Closed {
        /// Of which extent.
        extent: ExtentId,
        /// In bytes.
        durable: u64,
    },
    /// The actor of a replica failed: only a start finds out how far it is sound.
    Failed {
        /// Of which extent.
        extent: ExtentId,
    },
    /// The catalog has sealed an extent.
    Sealed {
        /// Which.
        extent: ExtentId,
        /// Its length.
        length: u64,
    },
    /// A replica was cut to the length of its extent, or was not.
    Cut {
        /// Of which extent.
        extent: ExtentId,
        /// To which length.
        length: u64,
        /// Whether that is durable.
        done: bool,
    },
    /// The catalog knows no such extent, or no replica of it here.
    Dropped {
        /// Which.
        extent: ExtentId,
    },
    /// The file of a replica was taken away, or somebody has to look after it.
    Unlinked {
        /// Of which extent.
        extent: ExtentId,
    },
    /// Somebody wants to know which replicas there are.
    Listed {
        /// Whom to answer.
        ticket: Ticket,
    },
    /// A durable copy lies beside the files, to take its place among them.
    Copied {
        /// Whom to answer.
        ticket: Ticket,
        /// Of which extent.
        copied: Copied,
        /// Where it lies.
        from: String,
    },
    /// It has, durably, or has not.
    Placed {
        /// Of which extent.
        extent: ExtentId,
        /// Whether it has.
        done: bool,
    },
    /// A snapshot was written, or was not.
    Kept {
        /// Whether it was.
        done: bool,
    },
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asked { ticket, ask, bytes } => {
                write!(f, "Asked {ticket} {ask:?} {}B", bytes.len())
            }
            Self::Made { extent, result } => write!(f, "Made {extent} {result:?}"),
            Self::Closed { extent, durable } => write!(f, "Closed {extent} at {durable}"),
            Self::Failed { extent } => write!(f, "Failed {extent}"),
            Self::Sealed { extent, length } => write!(f, "Sealed {extent} at {length}"),
            Self::Cut {
                extent,
                length,
                done,
            } => write!(f, "Cut {extent} to {length} {done}"),
            Self::Dropped { extent } => write!(f, "Dropped {extent}"),
            Self::Unlinked { extent } => write!(f, "Unlinked {extent}"),
            Self::Listed { ticket } => write!(f, "Listed {ticket}"),
            Self::Copied { ticket, copied, .. } => write!(f, "Copied {ticket} {}", copied.extent),
            Self::Placed { extent, done } => write!(f, "Placed {extent} {done}"),
            Self::Kept { done } => write!(f, "Kept {done}"),
        }
    }
}

/// What is asked of the hands.
pub enum Effect {
    /// Make an empty file, durable with its name, and an actor that writes to it.
    Make {
        /// Of which repository.
        repository: RepositoryId,
        /// Of which extent.
        extent: ExtentId,
        /// Of its writer.
        epoch: Epoch,
    },
    /// Hand bytes to the actor of a replica, which answers.
    Append {
        /// Whom it answers.
        ticket: Ticket,
        /// To which extent.
        extent: ExtentId,
        /// Of the writer.
        epoch: Epoch,
        /// Where.
        offset: u64,
        /// What.
        bytes: Bytes,
    },
    /// Let the actor of a replica make durable what it took, and answer.
    Sync {
        /// Whom it answers.
        ticket: Ticket,
        /// Of which extent.
        extent: ExtentId,
    },
    /// End the actor of a replica; it says how far it is durable.
    Close {
        /// Of which extent.
        extent: ExtentId,
    },
    /// Read bytes and answer with them.
    Read {
        /// Whom.
        ticket: Ticket,
        /// Of which repository.
        repository: RepositoryId,
        /// Of which extent.
        extent: ExtentId,
        /// From where on.
        offset: u64,
        /// How many.
        length: u32,
    },
    /// Cut a file to a length, durably.
    Cut {
        /// Of which repository.
        repository: RepositoryId,
        /// Of which extent.
        extent: ExtentId,
        /// To which length.
        length: u64,
    },
    /// Take a file away.
    Unlink {
        /// Of which repository.
        repository: RepositoryId,
        /// Of which extent.
        extent: ExtentId,
    },
    /// End, to be started again.
    Fail {
        /// Because of which extent.
        extent: ExtentId,
    },
    /// Answer.
    Answer {
        /// Whom.
        ticket: Ticket,
        /// What.
        answer: Result<Tell, Refusal>,
    },
    /// Answer with the replicas.
    List {
        /// Whom.
        ticket: Ticket,
        /// Those that there are.
        listing: Listing,
    },
    /// Give a copy the name of its extent's file, durably.
    Place {
        /// Of which repository.
        repository: RepositoryId,
        /// Of which extent.
        extent: ExtentId,
        /// Where it lies.
        from: String,
    },
    /// Write a snapshot, so that earlier records need not be kept.
    Keep {
        /// The number of the last record that it contains.
        through: Sequence,
        /// What it says.
        records: Vec<Record>,
    },
}

impl fmt::Debug for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Make { extent, epoch, .. } => write!(f, "Make {extent} for {epoch}"),
            Self::Append {
                ticket,
                extent,
                offset,
                bytes,
                ..
            } => {
                let length = bytes.len();
                write!(f, "Append {ticket} {length}B to {extent} at {offset}")
            }
            Self::Sync { ticket, extent } => write!(f, "Sync {ticket} {extent}"),
            Self::Close { extent } => write!(f, "Close {extent}"),
            Self::Read {
                ticket,
                extent,
                offset,
                length,
                ..
            } => write!(f, "Read {ticket} {length}B of {extent} at {offset}"),
            Self::Cut { extent, length, .. } => write!(f, "Cut {extent} to {length}"),
            Self::Unlink { extent, .. } => write!(f, "Unlink {extent}"),
            Self::Fail { extent } => write!(f, "Fail for {extent}"),
            Self::Answer { ticket, answer } => write!(f, "Answer {ticket} {answer:?}"),
            Self::List { ticket, listing } => write!(f, "List {ticket} {}", listing.len()),
            Self::Place { extent, .. } => write!(f, "Place {extent}"),
            Self::Keep { through, records } => write!(f, "Keep {} to {through}", records.len()),
        }
    }
}
