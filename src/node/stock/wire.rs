//! What crosses between the node that archives and the one that has a repository. Nothing is sent
//! or read here.

use bincode::config::standard;
use bytes::Bytes;
use holdfast_actors::kernel::{RepositoryId, Size, Timestamp};
use holdfast_actors::object::{Hash, Key};
use holdfast_actors::ports::FRAME_MAX;
use holdfast_actors::repository::UploadId;
use holdfast_tape::format::Sum;
use holdfast_tape::ports::{Failed, Item};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The name of the service.
pub(in crate::node) const SERVICE: &str = "stock";
/// The most bytes of an object in one call.
pub(super) const PIECE_MAX: usize = FRAME_MAX / 2;
/// The most objects of a view in one answer.
pub(super) const ITEMS_MAX: usize = 4_096;
/// The version of these words, before each.
const VERSION: u8 = 1;

/// What is asked about a repository.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Ask {
    pub(super) id: RepositoryId,
    pub(super) what: What,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum What {
    /// What it showed at an instant, behind that object.
    View(Timestamp, Option<Key>),
    /// Bytes of an object from there on.
    Read(Key, u64),
    Begin(Thing),
    Frame(UploadId, Vec<u8>),
    Finish(UploadId, Hash),
    Abort(UploadId),
    Hide(Key),
}

/// An [`Item`].
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Thing {
    key: Key,
    length: Size,
    sha256: [u8; 32],
}

impl From<Item> for Thing {
    fn from(item: Item) -> Self {
        Self {
            key: item.key,
            length: item.length,
            sha256: *item.sha256.as_bytes(),
        }
    }
}

impl From<Thing> for Item {
    fn from(thing: Thing) -> Self {
        Self {
            key: thing.key,
            length: thing.length,
            sha256: Sum::new(thing.sha256),
        }
    }
}

/// What came of it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Told {
    /// Objects; none when there are no more.
    Items(Vec<Thing>),
    /// Bytes; none at the end.
    Piece(Vec<u8>),
    Begun(UploadId),
    Done,
    Failed(String),
}

pub(super) fn written<T: Serialize>(word: &T) -> Result<Bytes, Failed> {
    let mut bytes = vec![VERSION];
    let body = bincode::serde::encode_to_vec(word, standard());
    bytes.extend(body.map_err(|error| Failed::Other(error.to_string()))?);
    Ok(bytes.into())
}

pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    let Some((&VERSION, body)) = bytes.split_first() else {
        return Err("another version of holdfast; upgrade the older node".to_owned());
    };
    let limited = standard().with_limit::<{ 2 * FRAME_MAX }>();
    match bincode::serde::decode_from_slice(body, limited) {
        Ok((word, read)) if read == body.len() => Ok(word),
        Ok(_) | Err(_) => Err("it makes no sense".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::kernel::Space;
    use holdfast_actors::object::Kind;

    use super::*;

    #[test]
    fn what_is_asked_is_read_back_and_nothing_else() {
        let key = Key {
            space: Space::TENANT,
            kind: Kind::Data,
            name: Hash::ZERO,
        };
        let ask = Ask {
            id: RepositoryId::new(7),
            what: What::Read(key, 5),
        };
        let mut bytes = written(&ask).unwrap().to_vec();
        assert_eq!(read::<Ask>(&bytes), Ok(ask));
        bytes.push(0);
        assert!(read::<Ask>(&bytes).is_err());
        bytes[0] = 2;
        assert!(read::<Ask>(&bytes).unwrap_err().contains("upgrade"));
        assert!(read::<Ask>(&[]).is_err());
    }

    #[test]
    fn the_largest_answers_fit_a_call() {
        let thing = Thing {
            key: Key {
                space: Space::new(u64::MAX),
                kind: Kind::Data,
                name: Hash::ZERO,
            },
            length: Size::bytes(u64::MAX),
            sha256: [255; 32],
        };
        for told in [
            Told::Items(vec![thing; ITEMS_MAX]),
            Told::Piece(vec![255; PIECE_MAX]),
        ] {
            assert!(written(&told).unwrap().len() < FRAME_MAX - 4_096);
        }
    }
}
