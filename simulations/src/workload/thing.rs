//! Objects as clients make them: their bytes follow from a number.

use bytes::Bytes;
use holdfast_actors::object::{Hash, Kind};
use sha2::{Digest, Sha256};

use crate::dice::Dice;
use crate::oracle::Name;

/// An object to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) name: Name,
    pub(crate) hash: Hash,
    pub(crate) bytes: Bytes,
}

impl Thing {
    /// An object of these bytes.
    pub(crate) fn new(kind: Kind, bytes: Bytes) -> Self {
        let hash = Hash::new(Sha256::digest(&bytes).into());
        let name = if kind == Kind::Config {
            Hash::ZERO
        } else {
            hash
        };
        Self {
            name: (kind, name),
            hash,
            bytes,
        }
    }

    /// Whether its length is said before it is sent. Of some it is not, as rustic does it: which
    /// ones is no draw, so that a thing is sent alike each time.
    pub(crate) fn is_announced(&self) -> bool {
        !self.hash.as_bytes()[0].is_multiple_of(4)
    }

    /// An object that nobody has made before.
    pub(crate) fn fresh(kind: Kind, size: u64, dice: &mut Dice) -> Self {
        let mut state = dice.below(u64::MAX);
        let mut bytes = Vec::with_capacity(size as usize + 8);
        while (bytes.len() as u64) < size.max(8) {
            // Splitmix64: cheap, and no two states give one stream.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            bytes.extend_from_slice(&(mixed ^ (mixed >> 27)).to_le_bytes());
        }
        bytes.truncate(size.max(8) as usize);
        Self::new(kind, Bytes::from(bytes))
    }

    /// The one `config` of a shelf: whoever makes it makes the same.
    pub(crate) fn config(shelf: usize) -> Self {
        Self::new(
            Kind::Config,
            Bytes::from(format!("config of shelf {shelf}")),
        )
    }

    pub(crate) fn size(&self) -> u64 {
        self.bytes.len() as u64
    }
}
