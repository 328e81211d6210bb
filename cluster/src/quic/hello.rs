//! The greeting: the first bytes on a stream of each way, and what two versions make of them.
//!
//! The first eight bytes stay as they are in every version to come, so that nodes of any two
//! versions can say why they do not talk. Behind the known fields a later minor version may write
//! more; an earlier one skips it.

use holdfast_actors::kernel::{NodeId, Version};

use super::class::Purpose;

/// What this code speaks.
pub const VERSION: Version = Version::NEWEST;

const MAGIC: [u8; 2] = *b"HF";
/// Bytes that are the same in every version: magic, length of the rest, major and minor.
pub const PREFIX: usize = 8;
/// The rest in this version: purpose, node, life and attempt.
const REST: usize = 1 + 8 + 16 + 8;
/// The most bytes that a later minor version may make of the rest.
pub const REST_MAX: usize = 512;

/// One run of a node's process.
///
/// The count lies in the data directory and rises with each start, so a copy of the directory that
/// is started beside the first shows the same count with other salt, or a lower one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Life {
    /// How often this node was started.
    pub count: u64,
    /// Drawn at the start.
    pub salt: u64,
}

/// What each end says first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// What it speaks; in an answer the minor version that both speak.
    pub version: Version,
    /// What the connection is for.
    pub purpose: Purpose,
    /// Who speaks. The certificate has proved it; this tells a wrong table.
    pub node: NodeId,
    /// Which run of it.
    pub life: Life,
    /// The number of the attempt to connect; in an answer that of the last attempt of the node that
    /// answers, which it has given up.
    pub attempt: u64,
}

/// Why a greeting is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadHello {
    /// Something else speaks here.
    #[error("no greeting of a node")]
    Magic,
    /// It speaks a version with which this one has nothing in common.
    #[error("it speaks version {theirs} between nodes and this node {ours}: {UPGRADE}")]
    Major {
        /// What it speaks.
        theirs: Version,
        /// What this node speaks.
        ours: Version,
    },
    /// Shorter than this version is, or longer than any is.
    #[error("a greeting of {0} bytes")]
    Length(u16),
    /// A purpose that this version does not have.
    #[error("an unknown class of connection, {0}")]
    Class(u8),
}

/// A peer speaks an older minor version than the one that all nodes of its cluster spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it speaks version {theirs} between nodes and the cluster {spoken} by now: {UPGRADE}")]
pub struct Older {
    /// What it speaks.
    pub theirs: Version,
    /// What the cluster speaks.
    pub spoken: Version,
}

/// What is said first of what a peer speaks.
pub(super) const OF_PEER: &str = "it speaks version ";
/// What is said last of who speaks another version.
pub(super) const UPGRADE: &str = "upgrade the older first";

impl Older {
    /// Whether a peer that speaks this is too old for a cluster that speaks that.
    ///
    /// # Errors
    /// When it is.
    pub fn judge(theirs: Version, spoken: Version) -> Result<(), Self> {
        match theirs.minor < spoken.minor {
            true => Err(Self { theirs, spoken }),
            false => Ok(()),
        }
    }
}

/// The fields that every version begins with: the version, and the length of the rest.
///
/// # Errors
/// When it is no greeting, or of another major version than `ours`.
pub fn prefix(bytes: [u8; PREFIX], ours: Version) -> Result<(Version, usize), BadHello> {
    let [m0, m1, l0, l1, a0, a1, i0, i1] = bytes;
    if [m0, m1] != MAGIC {
        return Err(BadHello::Magic);
    }
    let theirs = Version {
        major: u16::from_le_bytes([a0, a1]),
        minor: u16::from_le_bytes([i0, i1]),
    };
    if theirs.major != ours.major {
        return Err(BadHello::Major { theirs, ours });
    }
    let length = u16::from_le_bytes([l0, l1]);
    if !(REST..=REST_MAX).contains(&usize::from(length)) {
        return Err(BadHello::Length(length));
    }
    Ok((theirs, usize::from(length)))
}

/// The minor version in which two talk.
#[must_use]
pub fn agreed(ours: Version, theirs: Version) -> Version {
    ours.min(theirs)
}

impl Hello {
    /// The bytes of this version.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(PREFIX + REST);
        bytes.extend(MAGIC);
        bytes.extend((REST as u16).to_le_bytes());
        bytes.extend(self.version.major.to_le_bytes());
        bytes.extend(self.version.minor.to_le_bytes());
        bytes.push(self.purpose.code());
        for number in [
            self.node.raw(),
            self.life.count,
            self.life.salt,
            self.attempt,
        ] {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    /// Reads what stands behind the prefix.
    ///
    /// # Errors
    /// When it is too short, or of a class that this version does not know.
    pub fn decode(version: Version, rest: &[u8]) -> Result<Self, BadHello> {
        let short = || BadHello::Length(u16::try_from(rest.len()).unwrap_or(u16::MAX));
        let (code, numbers) = rest.split_first().ok_or_else(short)?;
        let numbers = numbers.first_chunk::<32>().ok_or_else(short)?;
        let (numbers, _) = numbers.as_chunks::<8>();
        let [node, count, salt, attempt] = [0, 1, 2, 3].map(|at| u64::from_le_bytes(numbers[at]));
        Ok(Self {
            version,
            purpose: Purpose::from_code(*code).ok_or(BadHello::Class(*code))?,
            node: NodeId::new(node),
            life: Life { count, salt },
            attempt,
        })
    }

    /// Reads a whole greeting and says how long it was; `None` if more bytes are needed.
    ///
    /// # Errors
    /// As [`prefix`] and [`Hello::decode`].
    pub fn read(bytes: &[u8], ours: Version) -> Result<Option<(Self, usize)>, BadHello> {
        let Some((first, rest)) = bytes.split_first_chunk::<PREFIX>() else {
            return Ok(None);
        };
        let (version, length) = prefix(*first, ours)?;
        let Some(rest) = rest.get(..length) else {
            return Ok(None);
        };
        Ok(Some((Self::decode(version, rest)?, PREFIX + length)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::class::Class;
    use super::*;

    fn hello() -> Hello {
        Hello {
            version: VERSION,
            purpose: Class::Calls.into(),
            node: NodeId::new(7),
            life: Life { count: 3, salt: 9 },
            attempt: 2,
        }
    }

    #[test]
    fn the_bytes_of_this_version_stay_as_they_are() {
        let golden = [
            &b"HF\x21\0\x01\0\x01\0\x02"[..],
            b"\x07\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0",
            b"\x09\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0",
        ];
        assert_eq!(hello().encode(), golden.concat());
    }

    #[test]
    fn a_later_minor_version_may_say_more() {
        let mut bytes = hello().encode();
        bytes[2] += 3;
        bytes[6] = 9;
        bytes.extend(b"new");
        let (read, length) = Hello::read(&bytes, VERSION).unwrap().unwrap();
        let theirs = Version { major: 1, minor: 9 };
        assert_eq!(length, bytes.len());
        assert_eq!(
            read,
            Hello {
                version: theirs,
                ..hello()
            }
        );
        assert_eq!(agreed(VERSION, theirs), VERSION);
    }

    #[test]
    fn another_major_version_is_refused_in_a_sentence_whatever_follows() {
        let mut bytes = hello().encode();
        bytes[4] = 2;
        bytes[2..4].copy_from_slice(&60_000_u16.to_le_bytes());
        let told = Hello::read(&bytes, VERSION).unwrap_err().to_string();
        assert_eq!(
            told,
            "it speaks version 2.1 between nodes and this node 1.1: upgrade the older first"
        );
    }

    #[test]
    fn who_speaks_less_than_the_cluster_does_by_now_is_too_old_for_it() {
        let judged = |theirs, spoken| {
            let [theirs, spoken] = [theirs, spoken].map(|minor| Version { major: 1, minor });
            Older::judge(theirs, spoken)
        };
        assert_eq!([judged(1, 1), judged(2, 1), judged(0, 0)], [Ok(()); 3]);
        assert_eq!(
            judged(0, 1).unwrap_err().to_string(),
            "it speaks version 1.0 between nodes and the cluster 1.1 by now: upgrade the older first"
        );
    }

    #[test]
    fn what_is_no_greeting_is_refused() {
        let with = |at: usize, byte| {
            let mut bytes = hello().encode();
            bytes[at] = byte;
            Hello::read(&bytes, VERSION)
        };
        assert_eq!(with(0, b'X'), Err(BadHello::Magic));
        assert_eq!(with(2, 32), Err(BadHello::Length(32)));
        assert_eq!(with(3, 255), Err(BadHello::Length(0xff21)));
        assert_eq!(with(8, 9), Err(BadHello::Class(9)));
        assert_eq!(Hello::read(&hello().encode()[..40], VERSION), Ok(None));
        assert_eq!(Hello::read(b"HF", VERSION), Ok(None));
    }

    proptest! {
        #[test]
        fn a_greeting_is_read_as_it_was_written(
            numbers in any::<[u64; 4]>(),
            code in 1..=4_u8,
            minor in any::<u16>(),
        ) {
            let [node, count, salt, attempt] = numbers;
            let hello = Hello {
                version: Version { major: 1, minor },
                purpose: Purpose::from_code(code).unwrap(),
                node: NodeId::new(node),
                life: Life { count, salt },
                attempt,
            };
            let bytes = hello.encode();
            prop_assert_eq!(Hello::read(&bytes, VERSION), Ok(Some((hello, bytes.len()))));
        }
    }
}
