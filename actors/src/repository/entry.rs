//! What stands in a repository's log, and where.

use serde::{Deserialize, Serialize};

use super::usage::Usage;
use crate::frame::HEADER;
use crate::kernel::{CredentialId, ExtentId, Sequence, Size, Timestamp};
use crate::object::{Hash, Key};
use crate::schema::Stored as Schema;

/// The frame kind of an object's bytes.
pub(super) const FRAME_DATA: u8 = 1;
/// The frame kind of an [`Entry`].
pub(super) const FRAME_ENTRY: u8 = 2;
/// Bytes of an object in one frame; only the last frame of a piece has fewer.
pub const FRAME_BYTES: usize = 256 << 10;

/// Frames that follow one another in one extent and hold a stretch of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// In which extent.
    pub extent: ExtentId,
    /// Where the first frame's header begins.
    pub offset: u64,
    /// Bytes of the object, headers not counted.
    pub length: u64,
}

impl Piece {
    /// Where the byte behind its last frame lies.
    pub const fn end(&self) -> u64 {
        let frames = self.length.div_ceil(FRAME_BYTES as u64);
        self.offset + self.length + frames * HEADER as u64
    }
}

/// Where the frame of an entry lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// In which extent.
    pub extent: ExtentId,
    /// Where its header begins.
    pub offset: u64,
}

/// An object that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// Its name.
    pub key: Key,
    /// Its length.
    pub size: Size,
    /// SHA-256 of its bytes: the name again, but for `config`.
    pub hash: Hash,
    /// When, by our clock; never before the entry before it.
    pub at: Timestamp,
    /// By which login: what a snapshot's receipt is metered by.
    pub by: CredentialId,
    /// Where its bytes are, in order.
    pub pieces: Vec<Piece>,
}

/// An object that was written again, so that the extents which had it can go.
///
/// It says all that counts of the object, whatever stood before: recovery may never have seen it.
/// By which login it was deleted is asked of no log, and goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// The object as it was taken in, with its bytes where they are now.
    pub stored: Stored,
    /// Where the entry was that had said so until now.
    pub from: Place,
    /// All its lives that are kept.
    pub lives: Vec<Span>,
    /// When it was written again.
    pub at: Timestamp,
}

/// A life of an object: from when it is, or was, visible, and up to when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// The number of the entry that began it.
    pub added: Sequence,
    /// Since when.
    pub since: Timestamp,
    /// When it was deleted, and before when it is not purged; none if it lives.
    pub ended: Option<(Timestamp, Timestamp)>,
}

/// One fact of a repository.
///
/// Variants are part of the log's format: new ones go to the end, and none is ever taken out or
/// moved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// An object is there from now on.
    Stored(Stored),
    /// An object is not visible any more; it stays in the bin until its day (D5).
    Deleted {
        /// Which.
        key: Key,
        /// When.
        at: Timestamp,
        /// By which login.
        by: CredentialId,
        /// Before when it is not purged, whatever is set later.
        until: Timestamp,
    },
    /// Objects left the bin for good.
    Purged {
        /// Which lives, by name and by the number of the entry that began them.
        objects: Vec<(Key, Sequence)>,
        /// When.
        at: Timestamp,
    },
    /// The repository shows again what it showed at an instant; what came later is in the bin.
    Restored {
        /// As of when.
        to: Timestamp,
        /// When.
        at: Timestamp,
        /// Before when what came later is not purged.
        until: Timestamp,
    },
    /// Nothing that counts is left in the oldest extents: they may go. Whatever recovery would have
    /// learnt from them stands behind them.
    Emptied {
        /// The last of them.
        until: ExtentId,
        /// When.
        at: Timestamp,
        /// Byte-milliseconds by month up to now, which no longer follow from what is left.
        usage: Usage,
    },
    /// An object was written again.
    Moved(Moved),
    /// An object was to be written again, and its bytes cannot be read: they stay where they are,
    /// in extents that are emptied of all else, and this says again all that counts of it.
    Stranded(Moved),
}

impl Schema for Entry {
    const VERSION: u8 = 1;
}

impl Entry {
    /// When the fact was made.
    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Stored(Stored { at, .. })
            | Self::Deleted { at, .. }
            | Self::Purged { at, .. }
            | Self::Restored { at, .. }
            | Self::Emptied { at, .. }
            | Self::Moved(Moved { at, .. })
            | Self::Stranded(Moved { at, .. }) => *at,
        }
    }

    /// The object whose bytes it names.
    pub const fn stored(&self) -> Option<&Stored> {
        match self {
            Self::Stored(stored)
            | Self::Moved(Moved { stored, .. })
            | Self::Stranded(Moved { stored, .. }) => Some(stored),
            Self::Deleted { .. }
            | Self::Purged { .. }
            | Self::Restored { .. }
            | Self::Emptied { .. } => None,
        }
    }
}

impl Stored {
    /// The oldest extent that has anything of it, with its entry in `place`.
    pub(super) fn first(&self, place: Place) -> ExtentId {
        let extents = self.pieces.iter().map(|piece| piece.extent);
        extents.fold(place.extent, ExtentId::min)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;
    use crate::kernel::Space;
    use crate::object::Kind;
    use crate::schema::{decode, encode};

    fn stored() -> Stored {
        Stored {
            key: Key {
                space: Space::TENANT,
                kind: Kind::Data,
                name: Hash::new([7; 32]),
            },
            size: Size::bytes(300),
            hash: Hash::new([7; 32]),
            at: Timestamp::from_millis(1_777_000_000_000),
            by: CredentialId::new(4),
            pieces: vec![Piece {
                extent: ExtentId::new(9),
                offset: 32,
                length: 300,
            }],
        }
    }

    fn hex(bytes: &[u8]) -> String {
        let lines = bytes.chunks(32).map(|line| {
            let line = line.iter().map(|b| format!("{b:02x}"));
            line.collect::<String>() + "\n"
        });
        lines.collect()
    }

    #[test]
    fn the_first_version_of_an_entry_stays_readable() {
        let entry = Entry::Stored(stored());
        let bytes = encode(&entry);
        expect![[r#"
            0100000107070707070707070707070707070707070707070707070707070707
            07070707fb2c0107070707070707070707070707070707070707070707070707
            07070707070707fd002a74bd9d01000004010920fb2c01
        "#]]
        .assert_eq(&hex(&bytes));
        assert_eq!(decode::<Entry>(&bytes).unwrap(), entry);
    }

    #[test]
    fn what_emptying_writes_stays_readable() {
        let at = Timestamp::from_millis(1_777_000_000_000);
        let mut usage = Usage::default();
        usage.add(Size::bytes(5), Timestamp::from_millis(1), at);
        let until = ExtentId::new(8);
        let emptied = Entry::Emptied { until, at, usage };
        let (added, since) = (Sequence::new(3), Timestamp::from_millis(1_000));
        let ended = Some((Timestamp::from_millis(2_000), Timestamp::from_millis(3_000)));
        let moved = Entry::Moved(Moved {
            stored: stored(),
            from: Place {
                extent: ExtentId::new(2),
                offset: 48,
            },
            lives: vec![Span {
                added,
                since,
                ended,
            }],
            at,
        });
        expect![[r#"
            0105000107070707070707070707070707070707070707070707070707070707
            07070707fb2c0107070707070707070707070707070707070707070707070707
            07070707070707fd002a74bd9d01000004010920fb2c0102300103fbe80301fb
            d007fbb80bfd002a74bd9d010000
        "#]]
        .assert_eq(&hex(&encode(&moved)));
        assert_eq!(decode::<Entry>(&encode(&emptied)).unwrap(), emptied);
        assert_eq!(decode::<Entry>(&encode(&moved)).unwrap(), moved);
        let Entry::Moved(moved) = moved else {
            unreachable!("it was made so")
        };
        let stranded = Entry::Stranded(moved);
        let bytes = encode(&stranded);
        assert_eq!(bytes[..2], [1, 6], "else it is as one that was moved");
        assert_eq!(decode::<Entry>(&bytes).unwrap(), stranded);
    }
}
