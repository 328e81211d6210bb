//! What can happen to a repository, and what it asks of its hands.

mod shown;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::audit::{Audit, Holding, Verdict};
use super::checkpoint::Checkpoint;
use super::denied::Denied;
use super::entry::{Entry, Place, Stored};
use super::report::Report;
use super::settings::Settings;
use super::snapshot::Snapshot;
use super::uploads::UploadId;
use crate::extent::Trouble;
use crate::kernel::{CredentialId, ExtentId, Sequence, Size, Ticket, Timestamp};
use crate::object::{Hash, Hashing, Key};
use crate::ports::Storage;

/// What can happen to a repository.
pub enum Event {
    /// The catalog changed.
    Settings(Settings),
    /// Another node is to have the repository: end what is under way, and then all of it.
    Yield,
    /// Somebody came in, and the repository is not put away meanwhile.
    Visited,
    /// Somebody left.
    Left,
    /// Somebody wants to upload.
    Begin(Begin),
    /// More is to come of an upload than was announced.
    Grow(Grow),
    /// Bytes of an upload.
    Frame(Frame),
    /// An upload is complete.
    Finish(Finish),
    /// An upload is given up.
    Abort(UploadId),
    /// Whoever sent an upload is gone, and may come again to go on with it.
    Park(UploadId),
    /// Somebody goes on with an upload that was cut, if any of it is held.
    Resume(Resume),
    /// An object is to go to the bin.
    Delete(Delete),
    /// The repository is to show again what it showed at an instant.
    Restore(Restore),
    /// Somebody reads: a snapshot is answered.
    Look(Ticket),
    /// Somebody wants the figures.
    Report(Ticket),
    /// A frame went to its extent, or did not.
    Written(Written),
    /// An extent was made, or could not be.
    Opened(Result<ExtentId, Denied>),
    /// An extent ended, and not all that it took is durable.
    Lost {
        /// Which.
        extent: ExtentId,
        /// Its final length in bytes, if that is known: up to there it is.
        durable: Option<u64>,
    },
    /// An extent ended, and the catalog knows.
    Sealed {
        /// Which.
        extent: ExtentId,
        /// Its final length in bytes.
        length: u64,
    },
    /// The log was asked what the oldest extents hold; and what the disk has then.
    Audited(Result<Vec<Holding>, Verdict>, Option<Storage>),
    /// The bytes of an object that is moved went to the end of the log, or did not.
    Copied(Copied),
    /// Emptied extents are gone, or are not yet.
    Discarded {
        /// Whether they are.
        done: bool,
    },
    /// The index took a checkpoint, or did not.
    Checkpointed {
        /// Whether it did.
        done: bool,
    },
}

/// Somebody wants to upload.
#[derive(Clone, Copy, Debug)]
pub struct Begin {
    /// Whom to answer.
    pub ticket: Ticket,
    /// What.
    pub key: Key,
    /// Bytes announced.
    pub size: Size,
    /// By which login.
    pub by: CredentialId,
    /// The space on the disk, if it says.
    pub storage: Option<Storage>,
    /// What the uploads of other repositories may still write there.
    pub elsewhere: Size,
}

/// More is to come of an upload than was announced.
#[derive(Clone, Copy, Debug)]
pub struct Grow {
    /// Whom to answer.
    pub ticket: Ticket,
    /// Which.
    pub upload: UploadId,
    /// Bytes announced in addition.
    pub more: Size,
    /// The space on the disk, if it says.
    pub storage: Option<Storage>,
    /// What the uploads of other repositories may still write there.
    pub elsewhere: Size,
}

/// Bytes of an upload.
pub struct Frame {
    /// Whom to answer.
    pub ticket: Ticket,
    /// Of which upload.
    pub upload: UploadId,
    /// At most [`super::FRAME_BYTES`]; all but the last of an upload should have as many.
    pub bytes: Bytes,
    /// The hash of all bytes of it up to these; none if it is not to be gone on with once cut.
    pub hashed: Option<Hashing>,
}

/// Somebody goes on with an upload that was cut.
#[derive(Clone, Copy, Debug)]
pub struct Resume {
    /// Whom to answer.
    pub ticket: Ticket,
    /// Of what.
    pub key: Key,
    /// Bytes of the whole.
    pub size: Size,
    /// By which login: nobody else's uploads are gone on with.
    pub by: CredentialId,
}

/// What is held of an upload that was cut.
#[derive(Clone, Debug)]
pub struct Held {
    /// As which it goes on.
    pub upload: UploadId,
    /// How many of its bytes came.
    pub received: Size,
    /// What they hash to up to there.
    pub hashed: Hashing,
}

/// An upload is complete.
#[derive(Clone, Copy, Debug)]
pub struct Finish {
    /// Whom to answer.
    pub ticket: Ticket,
    /// Which.
    pub upload: UploadId,
    /// What the bytes hash to.
    pub hash: Hash,
}

/// An object is to go to the bin.
#[derive(Clone, Copy, Debug)]
pub struct Delete {
    /// Whom to answer.
    pub ticket: Ticket,
    /// Which.
    pub key: Key,
    /// By which login.
    pub by: CredentialId,
}

/// The repository is to show again what it showed at an instant.
#[derive(Clone, Copy, Debug)]
pub struct Restore {
    /// Whom to answer.
    pub ticket: Ticket,
    /// As of when.
    pub to: Timestamp,
}

/// How the write of a frame came out.
#[derive(Clone, Copy, Debug)]
pub struct Written {
    /// Whom to answer.
    pub ticket: Ticket,
    /// Of which upload.
    pub upload: UploadId,
    /// To which extent.
    pub extent: ExtentId,
    /// Bytes of the object in it.
    pub length: Size,
    /// How it came out.
    pub result: Result<(), Trouble>,
}

/// How it came out that an object was read and written again.
#[derive(Clone, Debug)]
pub struct Copied {
    /// As which upload it was written.
    pub upload: UploadId,
    /// The object as it was taken in, its bytes compared with its hash.
    pub result: Result<Stored, Uncopied>,
    /// What the disk has then; none if it does not say.
    pub storage: Option<Storage>,
}

/// Why an object was not written again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uncopied {
    /// Not even its entry is what it was.
    Damaged,
    /// Its entry says this, and its bytes cannot be read or are not what they were.
    Unread(Box<Stored>),
    /// It could not be read or written now.
    Failed,
}

/// Extents that were emptied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discard {
    /// The last of them.
    pub until: ExtentId,
    /// Those that stay, because an object in them cannot be read; and whether that is news.
    pub kept: BTreeMap<ExtentId, bool>,
}

impl Event {
    /// Whether it needs an open extent.
    pub(super) const fn writes(&self) -> bool {
        match self {
            Self::Begin(_) | Self::Frame(_) | Self::Finish(_) => true,
            Self::Delete(_) | Self::Restore(_) | Self::Copied(_) => true,
            Self::Settings(_) | Self::Yield | Self::Abort(_) | Self::Grow(_) => false,
            Self::Park(_) | Self::Resume(_) => false,
            Self::Look(_) | Self::Report(_) => false,
            Self::Visited | Self::Left => false,
            Self::Written(_) | Self::Opened(_) => false,
            Self::Lost { .. } | Self::Checkpointed { .. } => false,
            Self::Sealed { .. } | Self::Audited(..) | Self::Discarded { .. } => false,
        }
    }

    /// Who waits for an answer, and which upload ends if the answer is no.
    pub(super) const fn caller(&self) -> Option<(Ticket, Option<UploadId>)> {
        match self {
            Self::Begin(begin) => Some((begin.ticket, None)),
            Self::Grow(grow) => Some((grow.ticket, Some(grow.upload))),
            Self::Resume(resume) => Some((resume.ticket, None)),
            Self::Frame(frame) => Some((frame.ticket, Some(frame.upload))),
            Self::Finish(finish) => Some((finish.ticket, Some(finish.upload))),
            Self::Delete(delete) => Some((delete.ticket, None)),
            Self::Restore(restore) => Some((restore.ticket, None)),
            Self::Look(ticket) | Self::Report(ticket) => Some((*ticket, None)),
            Self::Written(written) => Some((written.ticket, Some(written.upload))),
            Self::Settings(_) | Self::Abort(_) | Self::Opened(_) | Self::Copied(_) => None,
            Self::Visited | Self::Left | Self::Yield | Self::Park(_) => None,
            Self::Lost { .. } | Self::Checkpointed { .. } => None,
            Self::Sealed { .. } | Self::Audited(..) | Self::Discarded { .. } => None,
        }
    }
}

/// A fact, and where it is written.
#[derive(Clone)]
pub struct Record {
    /// Its number in the log.
    pub sequence: Sequence,
    /// Where its frame begins.
    pub place: Place,
    /// The fact.
    pub entry: Entry,
    /// The fact, encoded.
    pub encoded: Bytes,
}

/// What a repository asks of its hands.
pub enum Effect {
    /// Make an extent.
    Open,
    /// Append a frame to an extent, and say how it came out.
    Append {
        /// Whom to answer then.
        ticket: Ticket,
        /// For which upload.
        upload: UploadId,
        /// Where.
        place: Place,
        /// Header and body.
        parts: Vec<Bytes>,
    },
    /// Let other repositories know what the uploads under way may still write.
    Promise(Size),
    /// No more goes to an extent: end it and tell the catalog how much of it is durable.
    Seal {
        /// Which.
        extent: ExtentId,
    },
    /// Write what is held to the index, behind the log.
    Checkpoint(Checkpoint),
    /// Ask the log itself what the oldest extents hold.
    Audit(Audit),
    /// Read an object and write it again, as an upload that was begun for it.
    Copy {
        /// As which.
        upload: UploadId,
        /// Where its entry lies.
        place: Place,
    },
    /// Take emptied extents out of the catalog, and then their files away.
    Discard(Discard),
    /// Nobody has been here for a while.
    Rest {
        /// How many have been here since the actor began.
        seen: u64,
        /// When something in the bin is due to be purged, if anything is in it.
        purge: Option<Timestamp>,
    },
    /// All that was under way has ended, and so does the repository here.
    Yielded,
    /// Answer an upload that began.
    Begun {
        /// Whom.
        ticket: Ticket,
        /// Which.
        upload: UploadId,
    },
    /// Answer what is held of an upload that was cut.
    Held {
        /// Whom.
        ticket: Ticket,
        /// What, if anything.
        held: Option<Held>,
    },
    /// Answer that it is done: at once for a frame, once durable for all else.
    Done {
        /// Whom.
        ticket: Ticket,
    },
    /// Answer that it is not done.
    Deny {
        /// Whom.
        ticket: Ticket,
        /// Why.
        denied: Denied,
    },
    /// Answer with the figures.
    Tell {
        /// Whom.
        ticket: Ticket,
        /// What.
        report: Report,
    },
    /// Answer with what is held.
    Show {
        /// Whom.
        ticket: Ticket,
        /// What.
        snapshot: Snapshot,
    },
}
