//! Objects: what a repository holds, named as the restic protocol names them.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::kernel::{Size, Space};

/// The largest object taken: restic's largest pack is 128 MiB and a header.
pub const OBJECT_MAX: Size = Size::mib(256);
/// The largest `config` taken (difference 5 of the restic face).
pub const CONFIG_MAX: Size = Size::bytes(64 << 10);
/// The largest lock taken.
pub const LOCK_MAX: Size = Size::bytes(16 << 10);
/// The most locks alive at once in one space.
pub const LOCKS_MAX: usize = 64;

/// The SHA-256 of bytes, as far as they came. A copy goes on by itself.
#[derive(Clone, Default)]
pub struct Hashing(Sha256);

impl Hashing {
    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The hash of all that came.
    pub fn finish(self) -> Hash {
        Hash::new(self.0.finalize().into())
    }
}

impl fmt::Debug for Hashing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hashing")
    }
}

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// The one `config`.
    Config,
    /// A pack of blobs.
    Data,
    /// An index of packs.
    Index,
    /// A key, wrapped by a password.
    Key,
    /// A lock: outside quota, bin, holds, views and tape.
    Lock,
    /// A snapshot.
    Snapshot,
}

impl Kind {
    /// The kinds that have a folder, in the order of their names.
    pub const FOLDERS: [Self; 5] = [
        Self::Data,
        Self::Index,
        Self::Key,
        Self::Lock,
        Self::Snapshot,
    ];

    /// The protocol's word: `data`, `index`, `keys`, `locks`, `snapshots`, `config`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Data => "data",
            Self::Index => "index",
            Self::Key => "keys",
            Self::Lock => "locks",
            Self::Snapshot => "snapshots",
        }
    }

    /// The kind whose folder has this name; `None` for `config` too, which is no folder.
    pub fn folder(name: &str) -> Option<Self> {
        Self::FOLDERS.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The largest object of this kind.
    pub const fn size_max(self) -> Size {
        match self {
            Self::Config => CONFIG_MAX,
            Self::Lock => LOCK_MAX,
            Self::Data | Self::Index | Self::Key | Self::Snapshot => OBJECT_MAX,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A SHA-256: the name of every object but `config`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The name of `config`, which has none.
    pub const ZERO: Self = Self([0; 32]);

    /// Wraps the 32 bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Parses exactly 64 lower-case hex digits; anything else is no name.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = (digit(pair[0])? << 4) | digit(pair[1])?;
        }
        Some(Self(bytes))
    }
}

const fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Where an object is within a repository.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// Whose part of the repository.
    pub space: Space,
    /// What it is.
    pub kind: Kind,
    /// Its name; [`Hash::ZERO`] for `config`.
    pub name: Hash,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}/{:?}", self.space.raw(), self.kind, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_64_lower_case_hex_digits_and_nothing_else() {
        let name = "0123456789abcdef".repeat(4);
        assert_eq!(Hash::parse(&name).unwrap().to_string(), name);
        assert_eq!(Hash::parse(&name[1..]), None);
        assert_eq!(Hash::parse(&name.to_uppercase()), None);
        assert_eq!(Hash::parse(&"é".repeat(32)), None);
    }
}
