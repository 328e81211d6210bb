//! What owners of repositories tell the catalog of extents.

use serde::{Deserialize, Serialize};

use crate::kernel::{Epoch, ExtentId, RepositoryId};

/// What the owner of a repository does with its extents. The system's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExtentCommand {
    /// Begins one; answers [`super::super::Outcome::Extent`].
    Open {
        /// Of which repository.
        repository: RepositoryId,
        /// Of the owner.
        epoch: Epoch,
    },
    /// Ends one at its acknowledged length, one of an earlier owner too.
    Seal {
        /// Which.
        extent: ExtentId,
        /// Of the owner.
        epoch: Epoch,
        /// In bytes.
        length: u64,
    },
    /// Forgets one: all that lived in it was rewritten, or may be destroyed.
    Drop {
        /// Which.
        extent: ExtentId,
        /// Of the owner.
        epoch: Epoch,
    },
    /// The file of one is durable: from now on it may hold what was acknowledged, so one that is
    /// missing was lost.
    Begin {
        /// Which.
        extent: ExtentId,
        /// Of the owner.
        epoch: Epoch,
    },
    /// One is emptied, but for bytes of objects that cannot be read: it stays for them.
    Keep {
        /// Which.
        extent: ExtentId,
        /// Of the owner.
        epoch: Epoch,
    },
}
