//! What came of a command.

use serde::{Deserialize, Serialize};

use crate::kernel::{CredentialId, Epoch, ExtentId, NodeId, RepositoryId, Space, Timestamp};

/// What came of a command. Part of the snapshot's format: new ones go to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It is done, and there is nothing more to say.
    Done,
    /// A tenant was made.
    Tenant {
        /// Its id.
        id: u64,
    },
    /// A subtenant was made.
    Subtenant {
        /// Its part of each repository.
        space: Space,
    },
    /// A login was made.
    Credential {
        /// Its id.
        id: CredentialId,
    },
    /// A repository was made.
    Repository {
        /// Its id.
        id: RepositoryId,
    },
    /// A repository has a new owner.
    Epoch {
        /// Under which it writes; higher than any before.
        epoch: Epoch,
    },
    /// An extent was begun.
    Extent {
        /// Its id.
        id: ExtentId,
    },
    /// It waits for a second operator.
    Pending {
        /// The request's id.
        approval: u64,
    },
    /// A join token was made.
    Token {
        /// From when on it lets nobody in.
        expires: Timestamp,
    },
    /// A node was let in.
    Node {
        /// Its number.
        node: NodeId,
    },
}

/// What kind of refusal it is; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// What is named does not exist (exit code 3).
    NotFound,
    /// Something else is already so (exit code 5).
    Conflict,
    /// A rule says no (exit code 4).
    Rule,
    /// The request makes no sense (exit code 2).
    Usage,
}
