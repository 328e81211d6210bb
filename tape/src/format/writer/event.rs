//! What a writer is told, and what it tells.

use bytes::Bytes;

use super::super::encryption::{Encryption, encrypted};
use super::super::error::Refusal;
use super::super::label::{Label, Reason, Seal, SetLabel};
use super::super::place::Place;
use super::super::row::Row;
use super::super::sign::Signer;
use super::super::sum::Sum;

/// The most bytes of one piece of an object.
pub const PIECE_MAX: usize = 1 << 20;

/// The tape that is written, and in whose name.
#[derive(Debug)]
pub struct Volume {
    /// Its label.
    pub label: Label,
    /// The label of its set.
    pub set: SetLabel,
    /// Signs the seal; the label names its public key.
    pub signer: Signer,
    /// Wrapped keys for `KEYS/`: names as [`Member::key`](super::super::Member::key) takes them
    /// (others are left out), and at most 1 MiB each.
    pub keys: Vec<(String, Vec<u8>)>,
}

/// How much goes into what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most bytes of one archive; one object larger than that has an archive of its own.
    pub archive_max: u64,
    /// After so many bytes of objects an index is written and flushed.
    pub commit_every: u64,
    /// An object that lacks at most so many bytes is finished behind the warning of the end.
    pub finish_max: u64,
    /// A tape with so many rows is full: their index has to fit a tar header.
    pub rows_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            archive_max: 16 << 30,
            commit_every: 64 << 30,
            finish_max: 64 << 20,
            rows_max: 16_000_000,
        }
    }
}

/// Where a tape was left, as its catalog and [`recovery::appendable`] say.
///
/// [`recovery::appendable`]: super::super::recovery::appendable
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resume {
    /// All rows of the tape's last index.
    pub rows: Vec<Row>,
    /// The number of the next tape file.
    pub next_file: u32,
    /// Whether the last file has no filemark behind it: it is counted in `next_file`.
    pub is_torn: bool,
}

/// What can be streamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// An object of a repository.
    Object(Place),
    /// The rows of the earlier tape of this number, before any object, in rising order.
    Catalog(u32),
}

/// What is announced before its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What comes.
    pub item: Item,
    /// Its bytes.
    pub length: u64,
    /// Their sum.
    pub sha256: Sum,
    /// With what it is encrypted on its way to the tape. Only objects are.
    pub encryption: Option<Encryption>,
}

impl Header {
    /// How many bytes it has on tape.
    pub fn stored(&self) -> u64 {
        match self.encryption {
            Some(_) => encrypted(self.length),
            None => self.length,
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The tape is in place: at its beginning for a fresh one, else at the end of what is on it.
    Start,
    /// The source announces an object.
    Begin(Header),
    /// The next bytes of it: 1 to [`PIECE_MAX`].
    Piece(Bytes),
    /// The source cannot give the rest: the object is filled up and never told as committed.
    Abandon,
    /// The job is at an end, or wants what it gave to be safe.
    Commit,
    /// Nothing more goes on this tape.
    Seal(Reason),
    /// The drive's answer to [`Effect::Where`]; none from a drive that has no positions.
    At(Option<u64>),
    /// The drive did the eldest order that is not answered.
    Done {
        /// It warned that the end of the tape is near.
        near_end: bool,
    },
    /// The drive did not do the eldest order, for want of tape.
    HardEnd,
    /// Nobody knows what became of the eldest order.
    Failed,
}

/// How a tape ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Sealed.
    Sealed(Seal),
    /// Full without a seal: the end came without warning.
    Full,
    /// The drive failed; what is committed is safe.
    Failed,
}

/// What is to be done, or to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the drive for its position.
    Where,
    /// Write one block.
    Write(Bytes),
    /// Write a filemark, without waiting.
    Filemark,
    /// Wait until all is on tape.
    Flush,
    /// The next input may come.
    Want,
    /// These objects are on the tape for good; empty if there was nothing to commit.
    Committed(Vec<Row>),
    /// The bytes that came were not the announced ones: this object is not on the tape.
    Spoiled(Header),
    /// These objects are not on the tape: write them on the next one.
    Again(Vec<Place>),
    /// The tape is done with. Every later event is ignored.
    Ended(End),
    /// What came is not taken; nothing has changed.
    Refuse(Refusal),
}
