//! What the standbys of a node are told, and what they ask for.

use crate::kernel::{RepositoryId, Ticket};
use crate::repository::Found;

/// What can happen.
#[derive(Debug)]
pub enum Event {
    /// Which repositories this node is to stand by for has changed.
    News {
        /// For these it is.
        wanted: Vec<RepositoryId>,
        /// For these not, or not any more.
        unwanted: Vec<RepositoryId>,
        /// These were destroyed.
        gone: Vec<RepositoryId>,
    },
    /// One was begun or caught up, or could not be, and nothing is known of it then.
    Followed {
        /// Which.
        id: RepositoryId,
        /// What is known of it.
        found: Result<Found, Lost>,
    },
    /// The index was told what is known of one, or not.
    Written {
        /// Which.
        id: RepositoryId,
        /// Whether it was.
        done: bool,
    },
    /// Its next owner asks for what is known of one.
    Asked {
        /// Of which.
        id: RepositoryId,
        /// Whom to answer.
        ticket: Ticket,
    },
}

/// Why nothing is known of a repository any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lost {
    /// Its log was emptied of what came next.
    Missed,
    /// Its log cannot be read now.
    Failed,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Begin to follow one.
    Begin {
        /// Which.
        id: RepositoryId,
        /// With the log alone, whatever the index has.
        anew: bool,
    },
    /// Read what is new.
    CatchUp(RepositoryId),
    /// Tell the index.
    Write(RepositoryId),
    /// Leave off telling the index.
    LeaveOff(RepositoryId),
    /// Forget what is known.
    Forget(RepositoryId),
    /// Give what is known to whoever asked, and forget it.
    Give(RepositoryId, Ticket),
    /// Say that nothing is known.
    Refuse(Ticket),
    /// Forget one that was destroyed, in the index too.
    Clear(RepositoryId),
}
