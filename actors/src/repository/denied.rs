//! What a repository does not do, and why.

use crate::kernel::Size;

/// A refusal by a repository. Nothing changed, and nothing of a refused upload stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The object would not fit (R6.41, D2).
    #[error("the quota of {quota} has {used} in use and {needed} do not fit")]
    Quota {
        /// The limit that was met: the repository's, or the subtenant's slice.
        quota: Size,
        /// What is charged and reserved against it.
        used: Size,
        /// What was asked for.
        needed: Size,
    },
    /// The bytes are not what the name says.
    #[error("the bytes do not hash to the object's name")]
    Hash,
    /// More or fewer bytes than were announced.
    #[error("{received} bytes came where {declared} were announced")]
    Length {
        /// Bytes announced.
        declared: u64,
        /// Bytes that came.
        received: u64,
    },
    /// Other bytes have that name already.
    #[error("the object exists and is not changed")]
    Exists,
    /// Larger than an object of its kind may be.
    #[error("an object of this kind has at most {0}")]
    TooLarge(Size),
    /// Too many locks.
    #[error("a repository has at most {0} locks at once")]
    Locks(usize),
    /// Too many uploads under way.
    #[error("too many uploads are under way")]
    Busy,
    /// `config` is removed with its repository only (difference 7 of the restic face).
    #[error("the config of a repository is never deleted")]
    Config,
    /// The upload was given up, timed out, or never begun.
    #[error("the upload is not under way any more")]
    NoUpload,
    /// Another node is to have the repository: whoever comes again finds it there.
    #[error("the repository is moving to another node")]
    Moving,
    /// A disk failed under what came of it: it is found out how much of that is safe.
    #[error("what came of the upload is being made safe")]
    Settling,
    /// The disk is full, or what is left of it is not for objects of this kind.
    #[error("the provider's storage is full")]
    StorageFull,
    /// The disk failed.
    #[error("the provider's storage failed")]
    StorageFailed,
}
