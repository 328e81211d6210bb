//! How values become bytes: the one module that knows the codec.
//!
//! Every value begins with the version of its form. Old versions stay readable; a newer one is an
//! error that says so.

use std::collections::{BTreeMap, BTreeSet};

use imbl::{OrdMap, OrdSet};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

/// The largest value that is decoded, in bytes: nothing of ours is larger than a frame.
const VALUE_MAX: usize = 1 << 20;

/// Why bytes are no value.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// Nothing there.
    #[error("a value without its version")]
    Empty,
    /// Written by a newer program.
    #[error("a value of version {found}; this program reads up to version {known}")]
    Newer {
        /// What the bytes say.
        found: u8,
        /// The newest this program reads.
        known: u8,
    },
    /// The bytes do not fit the form.
    #[error("a value that does not fit its form")]
    Form(#[from] bincode::error::DecodeError),
    /// Bytes are left over behind the value.
    #[error("{0} bytes behind the end of a value")]
    Trailing(usize),
}

/// A value with a version; implemented by one type per family.
pub trait Stored: Serialize + DeserializeOwned {
    /// The version written today.
    const VERSION: u8;
}

/// The bytes of a value.
pub fn encode<T: Stored>(value: &T) -> Vec<u8> {
    let mut bytes = vec![T::VERSION];
    let encoded = bincode::serde::encode_to_vec(value, bincode::config::standard());
    // Our own types have no maps of unknown length and no failing impls; encoding cannot fail.
    bytes.extend(encoded.expect("a value of our own types encodes"));
    bytes
}

/// The value of bytes.
///
/// # Errors
/// When the bytes are of a newer version, damaged, cut or too long.
pub fn decode<T: Stored>(bytes: &[u8]) -> Result<T, SchemaError> {
    decode_within::<T, VALUE_MAX>(bytes)
}

/// The value of bytes that may be larger than a frame, up to `LIMIT` bytes: a snapshot, whose parts
/// were checked on their way from the disk.
///
/// # Errors
/// When the bytes are of a newer version, damaged, cut or too long.
pub fn decode_within<T: Stored, const LIMIT: usize>(bytes: &[u8]) -> Result<T, SchemaError> {
    let (version, body) = bytes.split_first().ok_or(SchemaError::Empty)?;
    if *version != T::VERSION {
        return Err(SchemaError::Newer {
            found: *version,
            known: T::VERSION,
        });
    }
    let config = bincode::config::standard().with_limit::<LIMIT>();
    let (value, read) = bincode::serde::decode_from_slice(body, config)?;
    match body.len() - read {
        0 => Ok(value),
        left => Err(SchemaError::Trailing(left)),
    }
}
/// Reads a map entry by entry: its own reader makes room at once for as many as the bytes claim,
/// and damaged bytes may claim anything.
///
/// # Errors
/// When an entry cannot be read.
pub fn map<'de, D, K, V>(deserializer: D) -> Result<OrdMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: Deserialize<'de> + Ord + Clone,
    V: Deserialize<'de> + Clone,
{
    BTreeMap::deserialize(deserializer).map(OrdMap::from_iter)
}

/// Reads a set in the same way as a [`map`].
///
/// # Errors
/// When an element cannot be read.
pub fn set<'de, D, T>(deserializer: D) -> Result<OrdSet<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ord + Clone,
{
    BTreeSet::deserialize(deserializer).map(OrdSet::from_iter)
}
