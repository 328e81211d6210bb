//! What replicas and clients say to each other, and how it looks on the wire and in the journal.

use bytes::Bytes;

use super::{Kept, Tag, Value};

/// Bytes of every frame and record: a kind and five numbers.
const LENGTH: usize = 1 + 5 * 8;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// A client wants to know the value.
    Read { request: u64 },
    /// A client wants this to be the value.
    Write { request: u64, value: Value },
    /// What a client read or wrote, with its tag.
    Done { request: u64, kept: Kept },
    /// A replica wants to know what another keeps.
    Ask { round: u64 },
    /// What a replica keeps.
    Told { round: u64, kept: Kept },
    /// A replica wants another to keep this, if it is newer.
    Keep { round: u64, kept: Kept },
    /// A replica keeps that, or something newer.
    Has { round: u64 },
}

/// A durable fact of a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// A life began.
    Life(u64),
    /// This is kept.
    Kept(Kept),
}

impl Word {
    /// The bytes on the wire.
    pub(super) fn encode(self) -> Bytes {
        let nothing = Kept::default();
        match self {
            Self::Read { request } => bytes(1, request, nothing),
            Self::Write { request, value } => bytes(2, request, Kept { value, ..nothing }),
            Self::Done { request, kept } => bytes(3, request, kept),
            Self::Ask { round } => bytes(4, round, nothing),
            Self::Told { round, kept } => bytes(5, round, kept),
            Self::Keep { round, kept } => bytes(6, round, kept),
            Self::Has { round } => bytes(7, round, nothing),
        }
    }

    /// The word behind bytes; none if they are none.
    pub(super) fn decode(frame: &[u8]) -> Option<Self> {
        let (kind, number, kept) = parts(frame)?;
        let (request, round, value) = (number, number, kept.value);
        Some(match kind {
            1 => Self::Read { request },
            2 => Self::Write { request, value },
            3 => Self::Done { request, kept },
            4 => Self::Ask { round },
            5 => Self::Told { round, kept },
            6 => Self::Keep { round, kept },
            7 => Self::Has { round },
            _ => return None,
        })
    }
}

impl Record {
    /// The bytes in the journal.
    pub(super) fn encode(self) -> Bytes {
        match self {
            Self::Life(life) => bytes(101, life, Kept::default()),
            Self::Kept(kept) => bytes(102, 0, kept),
        }
    }

    /// The record behind bytes; none if they are none.
    pub(super) fn decode(body: &[u8]) -> Option<Self> {
        let (kind, number, kept) = parts(body)?;
        match kind {
            101 => Some(Self::Life(number)),
            102 => Some(Self::Kept(kept)),
            _ => None,
        }
    }
}

fn bytes(kind: u8, number: u64, kept: Kept) -> Bytes {
    let Tag { round, node, life } = kept.tag;
    let mut bytes = Vec::with_capacity(LENGTH);
    bytes.push(kind);
    for number in [number, round, node, life, kept.value] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.into()
}

fn parts(bytes: &[u8]) -> Option<(u8, u64, Kept)> {
    let (kind, rest) = bytes.split_first()?;
    let mut numbers = [0; 5];
    if bytes.len() != LENGTH {
        return None;
    }
    for (number, raw) in numbers.iter_mut().zip(rest.chunks_exact(8)) {
        *number = u64::from_le_bytes(raw.try_into().ok()?);
    }
    let [number, round, node, life, value] = numbers;
    let tag = Tag { round, node, life };
    Some((*kind, number, Kept { tag, value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_and_record_comes_back_from_its_bytes() {
        let tag = Tag {
            round: 1,
            node: 2,
            life: 3,
        };
        let (kept, request, round) = (Kept { tag, value: 4 }, 5, 6);
        for word in [
            Word::Read { request },
            Word::Write { request, value: 7 },
            Word::Done { request, kept },
            Word::Ask { round },
            Word::Told { round, kept },
            Word::Keep { round, kept },
            Word::Has { round },
        ] {
            assert_eq!(Word::decode(&word.encode()), Some(word));
        }
        for record in [Record::Life(8), Record::Kept(kept)] {
            assert_eq!(Record::decode(&record.encode()), Some(record));
        }
        assert_eq!(Word::decode(b"short"), None);
    }
}
