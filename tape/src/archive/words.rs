//! What an archive hears and wants. Lists show their lengths in the flight recorder, not more.

use std::fmt;

use bytes::Bytes;
use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::catalog::tape::TapeCommand;
use holdfast_actors::kernel::{RepositoryId, Timestamp};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::changer::Element;
use holdfast_actors::tape::media;
use holdfast_actors::tape::{KeyId, MediumId, SetId, job};

use crate::format::{End, Fault, Label, Place, ReadError, Row, SetLabel, recovery};
use crate::ports::{Failed, Item};
use crate::spool::Gauge;

/// Many of something.
#[derive(Clone, PartialEq, Eq)]
pub struct Lot<T>(pub Vec<T>);

impl<T> fmt::Debug for Lot<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of them", self.0.len())
    }
}

/// The catalog as of now, and a number drawn for a set that may be begun.
#[derive(Clone)]
pub struct Book {
    /// All rows.
    pub rows: Box<Rows>,
    /// Drawn anew each time.
    pub drawn: SetId,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Book({})", self.rows.index)
    }
}

/// The bytes of a list.
#[derive(Clone, PartialEq, Eq)]
pub struct Text(pub Bytes);

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// What is written as one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// An object of a repository.
    Object(RepositoryId, Item),
    /// What a run found.
    List(Text),
}

/// One object that goes on tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Where it stands there.
    pub place: Place,
    /// What it is.
    pub content: Content,
    /// The run that it is of, counted in the group.
    pub(super) run: usize,
}

impl Piece {
    /// Its bytes.
    pub(super) fn length(&self) -> u64 {
        match &self.content {
            Content::Object(_, item) => item.length.as_bytes(),
            Content::List(text) => text.0.len() as u64,
        }
    }
}

/// What is written at the beginning of a cartridge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Papers {
    /// Its label.
    pub label: Label,
    /// The label of its set.
    pub set: SetLabel,
    /// Wrapped keys: their names and texts.
    pub keys: Lot<(String, Vec<u8>)>,
}

/// What a tape is found to hold that is gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// All rows of its last index.
    pub rows: Lot<Row>,
    /// Nothing can be added.
    pub is_sealed: bool,
}

/// Why a tape is not gone on with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is another one than the catalog has in its place.
    Other,
    /// What is on it cannot be read.
    Damaged,
    /// The drive had trouble.
    Drive,
}

impl From<&ReadError> for Unfit {
    fn from(error: &ReadError) -> Self {
        match error {
            ReadError::Drive(Fault::Unreadable(_)) => Self::Damaged,
            ReadError::Drive(_) => Self::Drive,
            ReadError::Garbled { .. } | ReadError::NoIndex | ReadError::Sealed => Self::Damaged,
            ReadError::Blank
            | ReadError::Key { .. }
            | ReadError::Foreign
            | ReadError::OtherTape { .. }
            | ReadError::OtherSet { .. }
            | ReadError::Generation { .. }
            | ReadError::End { .. } => Self::Other,
        }
    }
}

/// What became of what was given to the tape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// These are on tape for good.
    Committed(Lot<Row>),
    /// The source did not give what it had promised.
    Unsound,
    /// Nothing more goes on this tape.
    Ended(End),
    /// The drive was given up, and nobody knows how far it came.
    Lost,
    /// How well the drive is fed.
    Fed(Gauge),
}

/// What an archive hears: `Start` once, then the answer to each effect.
#[derive(Clone, Debug)]
pub enum Event {
    /// It begins.
    Start,
    /// To [`Effect::Look`].
    Looked(Book),
    /// To [`Effect::Rows`]; none if nobody knows them.
    Rows(Option<Lot<Row>>),
    /// To [`Effect::View`].
    Viewed(Result<Lot<Item>, Failed>),
    /// To [`Effect::Submit`].
    Submitted(Result<(), Failed>, Book),
    /// To [`Effect::Mount`]: what the cartridge says of itself.
    Mounted(Result<media::Label, Failed>),
    /// To [`Effect::Append`].
    Opened(Result<Opened, Unfit>),
    /// To [`Effect::Begin`], `Catalog`, `Put`, `Commit` and `Seal`: if all went well nothing but
    /// how the drive is fed.
    Told(Vec<Told>),
    /// To [`Effect::Clear`] and [`Effect::Shelve`].
    Shelved(Result<(), Failed>),
    /// To [`Effect::Dismount`], however that went.
    Dismounted,
}

/// What an archive wants. One thing at a time: the next when this is answered.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Read the catalog.
    Look,
    /// Read the rows of a cartridge from the shelf.
    Rows(MediumId),
    /// Read what a repository showed at an instant.
    View(RepositoryId, Timestamp),
    /// Have the catalog decide.
    Submit(TapeCommand),
    /// Put a cartridge into a drive and read its label.
    Mount {
        /// Where it is.
        library: TapeName,
        /// In which slot.
        slot: Element,
    },
    /// Forget the rows of a cartridge.
    Clear(MediumId),
    /// Begin the mounted cartridge anew.
    Begin(Box<Papers>),
    /// Go on behind what is on the mounted cartridge, if it is this one.
    Append(recovery::Expected),
    /// Write the rows of an earlier cartridge of the set.
    Catalog(u32, MediumId),
    /// Write one object.
    Put {
        /// Which.
        piece: Piece,
        /// The next will probably be that one.
        next: Option<(RepositoryId, Item)>,
        /// What objects of repositories are encrypted with.
        key: Option<KeyId>,
    },
    /// Make what was written safe.
    Commit,
    /// The same, and nothing more goes on the mounted cartridge.
    Seal,
    /// Add rows to those of a cartridge.
    Shelve(MediumId, Lot<Row>),
    /// Unload and carry home.
    Dismount,
    /// The attempt is over.
    End(job::Outcome),
}
