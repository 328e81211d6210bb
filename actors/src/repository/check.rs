//! Reading objects back: one after the other, each compared with what its entry and its name say.

use std::ops::Bound;

use sha2::{Digest, Sha256};

use super::reader::{ReadError, Reader};
use super::snapshot::{Life, Object, Snapshot};
use crate::kernel::Size;
use crate::object::{Hash, Key, Kind};

/// Why an object is not what it was, or why nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum Unsound {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[from] ReadError),
    /// Its bytes are not those that were taken in.
    #[error("its bytes hash to {found}")]
    Bytes {
        /// To what.
        found: Hash,
    },
    /// It is not as long as it was.
    #[error("it has {found} and should have {size}")]
    Length {
        /// How long it is.
        found: Size,
        /// How long it was.
        size: Size,
    },
}

impl Unsound {
    /// Whether nobody knows if the object is what it was: it may be read later.
    pub const fn is_silent(&self) -> bool {
        matches!(self, Self::Read(error) if error.is_silent())
    }
}

impl Reader {
    /// Reads an object back and compares it.
    ///
    /// # Errors
    /// When it is not what it was, or cannot be read now.
    pub async fn check(&self, key: &Key, object: Object) -> Result<(), Unsound> {
        let whole = 0..object.size.as_bytes();
        let (stored, mut body) = self.find(key, object, whole).await?;
        let (mut hash, mut length) = (Sha256::new(), 0);
        while let Some(piece) = body.next().await {
            let piece = piece?;
            length += piece.len() as u64;
            hash.update(&piece);
        }
        let (found, size) = (Size::bytes(length), object.size);
        if found != size {
            return Err(Unsound::Length { found, size });
        }
        let found = Hash::new(hash.finalize().into());
        let is_named = key.kind == Kind::Config || found == key.name;
        if is_named && found == stored.hash {
            Ok(())
        } else {
            Err(Unsound::Bytes { found })
        }
    }
}

/// How far a walk over all that a repository keeps has come: first what is live, then the bin.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cursor {
    live: Option<Key>,
    bin: Option<Life>,
}

impl Snapshot {
    /// The object behind a cursor, and the cursor at it. What came since the walk passed its place
    /// is not met.
    pub fn behind(&self, cursor: &Cursor) -> Option<(Cursor, Key, Object)> {
        let mut at = *cursor;
        if cursor.bin.is_none() {
            let rest = (from(cursor.live), Bound::Unbounded);
            if let Some((key, object)) = self.live.range(rest).next() {
                at.live = Some(*key);
                return Some((at, *key, *object));
            }
        }
        let rest = (from(cursor.bin), Bound::Unbounded);
        let (life, binned) = self.bin.range(rest).next()?;
        at.bin = Some(*life);
        Some((at, life.0, binned.object))
    }

    /// The object at a cursor, if it is there still.
    pub fn at(&self, cursor: &Cursor) -> Option<Object> {
        match (cursor.bin, cursor.live) {
            (Some(life), _) => self.bin.get(&life).map(|binned| binned.object),
            (None, Some(key)) => self.live.get(&key).copied(),
            (None, None) => None,
        }
    }
}

fn from<T>(seen: Option<T>) -> Bound<T> {
    seen.map_or(Bound::Unbounded, Bound::Excluded)
}

#[cfg(test)]
mod tests {
    use super::super::entry::Place;
    use super::super::snapshot::Binned;
    use super::*;
    use crate::kernel::{ExtentId, Sequence, Space, Timestamp};

    fn key(name: u8) -> Key {
        Key {
            space: Space::TENANT,
            kind: Kind::Data,
            name: Hash::new([name; 32]),
        }
    }

    fn object(offset: u64) -> Object {
        let at = Timestamp::from_millis(1);
        Object {
            size: Size::bytes(1),
            at,
            since: at,
            added: Sequence::new(offset),
            first: ExtentId::new(1),
            place: Place {
                extent: ExtentId::new(1),
                offset,
            },
        }
    }

    #[test]
    fn a_walk_meets_all_that_is_live_and_all_lives_in_the_bin_once() {
        let mut held = Snapshot::default();
        for name in [1, 2, 3] {
            held.live.insert(key(name), object(u64::from(name)));
        }
        for (name, added) in [(2, 10), (2, 11), (9, 12)] {
            let binned = Binned {
                object: object(added),
                deleted: Timestamp::from_millis(2),
                until: Timestamp::from_millis(3),
            };
            held.bin.insert((key(name), Sequence::new(added)), binned);
        }
        let (mut cursor, mut met) = (Cursor::default(), Vec::new());
        while let Some((at, _, object)) = held.behind(&cursor) {
            assert_eq!(held.at(&at), Some(object));
            met.push(object.place.offset);
            // What is deleted meanwhile is met in the bin, if at all.
            held.live.remove(&key(2));
            cursor = at;
        }
        assert_eq!(met, [1, 3, 10, 11, 12]);
        assert_eq!(held.at(&Cursor::default()), None);
    }
}
