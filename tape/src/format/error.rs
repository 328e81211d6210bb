//! What can be wrong with what a tape says, and with what a writer is asked.

use super::label::{KeyId, SetId, VolumeId};
use super::medium::Fault;
use super::place::Place;
use super::sum::Sum;

/// Why bytes from a tape are not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Garbled {
    /// A block that no writer of ours makes.
    #[error("a block of {length} bytes: blocks have 262144")]
    Block {
        /// Its bytes.
        length: usize,
    },
    /// A header whose own sum is wrong.
    #[error("at byte {at}: not a tar header, or a damaged one")]
    Header {
        /// Where in the tape file.
        at: u64,
    },
    /// A kind of member that the format has not.
    #[error("at byte {at}: a member of type {kind:?}, which no tape of ours has")]
    Type {
        /// Where in the tape file.
        at: u64,
        /// Tar's letter for it.
        kind: char,
    },
    /// A name that the format has not: absolute, with `..`, or simply another.
    #[error("at byte {at}: {name:?} is no name of this format")]
    Name {
        /// Where in the tape file.
        at: u64,
        /// The name, cut to 256 characters.
        name: String,
    },
    /// A member longer than its kind may be.
    #[error("at byte {at}: {name} claims {length} bytes, {most} is the most")]
    Length {
        /// Where in the tape file.
        at: u64,
        /// The member.
        name: String,
        /// What it claims.
        length: u64,
        /// The limit.
        most: u64,
    },
    /// A pax header that breaks the rules.
    #[error("at byte {at}: a pax header {why}")]
    Pax {
        /// Where in the tape file.
        at: u64,
        /// Which rule.
        why: &'static str,
    },
    /// Bytes that were not encrypted with the key that they name, or are others by now.
    #[error("{name} cannot be decrypted: it is damaged, or the key is another one")]
    Ciphertext {
        /// The object.
        name: String,
    },
    /// An object that nobody can check without its key.
    #[error("{name} is encrypted with key {key}, which is not open")]
    Locked {
        /// The object.
        name: String,
        /// The key.
        key: KeyId,
    },
    /// Bytes after the end of the archive.
    #[error("at byte {at}: something stands after the end of the archive")]
    Trailing {
        /// Where in the tape file.
        at: u64,
    },
    /// A paper that is none.
    #[error("the {what} cannot be read: {why}")]
    Paper {
        /// Which paper.
        what: &'static str,
        /// Why not.
        why: String,
    },
    /// Written by a later Holdfast.
    #[error("written in version {version} of the format: this Holdfast reads up to 1")]
    Version {
        /// The version.
        version: u32,
    },
    /// A row of an index or catalog that is none.
    #[error("row {row} of the index cannot be read: {why}")]
    Row {
        /// Counted from 1.
        row: u64,
        /// Why not.
        why: String,
    },
    /// The bytes are not the ones that were written.
    #[error("{name} is damaged: its SHA-256 is {found} and was {written}")]
    Damaged {
        /// What it is.
        name: String,
        /// As written.
        written: Sum,
        /// As read.
        found: Sum,
    },
    /// The tape file ends before what it promised.
    #[error("{name} is cut short: {missing} bytes are missing")]
    Short {
        /// What it is.
        name: String,
        /// How many.
        missing: u64,
    },
}

/// Why a tape could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The drive failed, not the format.
    #[error("the drive failed")]
    Drive(#[from] Fault),
    /// What is there is not believed.
    #[error("tape file {file} cannot be used")]
    Garbled {
        /// Its number, from 0.
        file: u32,
        /// Why.
        source: Garbled,
    },
    /// The object is encrypted, and the key is not open here.
    #[error(
        "it is encrypted with key {key}, which is not open on this node: 'tape key open {key}'"
    )]
    Key {
        /// The key.
        key: KeyId,
    },
    /// Nothing was ever written on it.
    #[error("the tape is blank")]
    Blank,
    /// It has no label of ours.
    #[error("the tape is foreign: its first file has no label of ours")]
    Foreign,
    /// A tape of ours, and another one than was asked for.
    #[error("this is tape {found}, not {asked}")]
    OtherTape {
        /// Asked for.
        asked: VolumeId,
        /// In the drive.
        found: VolumeId,
    },
    /// It belongs to another set than its catalog says.
    #[error("the tape belongs to set {found}, not {asked}")]
    OtherSet {
        /// Asked for.
        asked: SetId,
        /// On the tape.
        found: SetId,
    },
    /// It was written anew since, or is older than its catalog.
    #[error("the tape is of generation {found}, its catalog of {asked}")]
    Generation {
        /// In the catalog.
        asked: u64,
        /// On the tape.
        found: u64,
    },
    /// It ends before its catalog does.
    #[error("the tape has {found} objects in its last index, its catalog {asked}")]
    End {
        /// In the catalog.
        asked: u64,
        /// On the tape.
        found: u64,
    },
    /// Nothing can be added.
    #[error("the tape is sealed")]
    Sealed,
    /// No index of it can be used.
    #[error("no index of the tape can be used")]
    NoIndex,
}

/// Why a writer does not take what it is given. Nothing has changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The writer did not ask for it.
    #[error("the writer did not ask for this")]
    NotNow,
    /// A piece of more than 1 MiB, or past the end of its object.
    #[error("a piece of {length} bytes where at most {most} are taken")]
    Piece {
        /// Its bytes.
        length: usize,
        /// The limit.
        most: u64,
    },
    /// An object longer than its kind may be.
    #[error("{place:?} has {length} bytes: too many for its kind")]
    TooLong {
        /// The object.
        place: Place,
        /// Its bytes.
        length: u64,
    },
    /// Its name promises another sum.
    #[error("{place:?} is announced with the sum {sum}")]
    Name {
        /// The object.
        place: Place,
        /// The sum.
        sum: Sum,
    },
    /// A directory in a set of one repository, or none in a set of many.
    #[error("{place:?} does not fit the layout of the set")]
    Layout {
        /// The object.
        place: Place,
    },
    /// A catalog of a tape that is not an earlier one, or out of order.
    #[error("the catalog of tape {sequence} is not the next earlier one")]
    Catalog {
        /// Its place in the set.
        sequence: u32,
    },
}
