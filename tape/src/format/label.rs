//! The papers of a tape: its label, the label of its set, the seal at its end.
//!
//! Each is one JSON object with `format`, `version` and `kind` first. A reader refuses unknown
//! fields and versions above its own.

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::error::Garbled;
use super::sum::{Sum, hex, unhex};
use super::text::Text;
use super::{BLOCK, PAPER_MAX, VERSION};

const FORMAT: &str = "holdfast-tape";
/// The most earlier tapes that the label of a set names.
const PREVIOUS_MAX: usize = 4096;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $name([u8; 16]);

        impl $name {
            /// Wraps the 16 bytes of a UUID.
            pub const fn new(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            pub const fn bytes(self) -> [u8; 16] {
                self.0
            }

            /// Parses a UUID in lower-case hex with its four dashes.
            pub fn parse(text: &str) -> Option<Self> {
                let id = Self(unhex(&text.replace('-', ""))?);
                (id.to_string() == text).then_some(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let text = hex(&self.0);
                let (a, b, c) = (&text[..8], &text[8..12], &text[12..16]);
                write!(f, "{a}-{b}-{c}-{}-{}", &text[16..20], &text[20..])
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| de::Error::custom("not a UUID"))
            }
        }
    };
}

id! {
    /// Which cartridge this is, whatever its barcode says.
    VolumeId
}
id! {
    /// Which media set a tape belongs to.
    SetId
}
id! {
    /// Which key an object is encrypted with.
    KeyId
}

/// The first three fields of every paper.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Opening {
    format: String,
    version: u32,
    kind: String,
}

/// What a paper is, and what must hold beyond its form.
pub(crate) trait Paper: Serialize + DeserializeOwned {
    const KIND: &'static str;

    fn rule(&self) -> Result<(), &'static str> {
        Ok(())
    }
}

#[derive(Serialize)]
struct Written<'a, P> {
    format: &'a str,
    version: u32,
    kind: &'a str,
    #[serde(flatten)]
    paper: &'a P,
}

/// The bytes of a paper: JSON with a line for each field, ended by a newline.
pub(crate) fn write<P: Paper>(paper: &P) -> Vec<u8> {
    let (format, version, kind) = (FORMAT, VERSION, P::KIND);
    let all = Written {
        format,
        version,
        kind,
        paper,
    };
    let mut bytes = serde_json::to_vec_pretty(&all).expect("a paper is always JSON");
    bytes.push(b'\n');
    bytes
}

/// Reads a paper of this kind.
pub(crate) fn read<P: Paper>(bytes: &[u8]) -> Result<P, Garbled> {
    let what = P::KIND;
    let bad = |why: String| Garbled::Paper { what, why };
    if bytes.len() as u64 > PAPER_MAX {
        return Err(bad(format!("{} bytes", bytes.len())));
    }
    let mut fields: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(bytes).map_err(|e| bad(e.to_string()))?;
    let opening: serde_json::Map<_, _> = ["format", "version", "kind"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), fields.remove(name)?)))
        .collect();
    let opening: Opening =
        serde_json::from_value(opening.into()).map_err(|e| bad(e.to_string()))?;
    if opening.format != FORMAT || opening.kind != what {
        return Err(bad(format!(
            "it is a {:?} of {:?}",
            opening.kind, opening.format
        )));
    }
    if opening.version > VERSION {
        return Err(Garbled::Version {
            version: opening.version,
        });
    }
    let paper: P = serde_json::from_value(fields.into()).map_err(|e| bad(e.to_string()))?;
    paper.rule().map_err(|why| bad(why.to_owned()))?;
    Ok(paper)
}

/// `LABEL.json`: whose tape this is. Written once in the life of a tape's contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The tape's identity.
    pub volume: VolumeId,
    /// What the sticker said when it was written: a hint, no identity.
    pub barcode: Option<Text>,
    /// The cluster that wrote it.
    pub cluster: Text,
    /// The media pool.
    pub pool: Text,
    /// Bytes of a block.
    pub block: u32,
    /// When it was written, in seconds since 1970; every member has this time.
    pub written: u64,
    /// The Ed25519 key that the seal is checked with, in hex.
    pub signer: Sum,
}

impl Paper for Label {
    const KIND: &'static str = "label";

    fn rule(&self) -> Result<(), &'static str> {
        if self.block as usize == BLOCK {
            Ok(())
        } else {
            Err("blocks are not of 256 KiB")
        }
    }
}

impl Label {
    /// Reads `LABEL.json`.
    ///
    /// # Errors
    /// When it is no such paper.
    pub fn read(bytes: &[u8]) -> Result<Self, Garbled> {
        read(bytes)
    }
}

/// What runs a set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SetKind {
    /// Whole views: the union of the set is the repository as of one instant.
    Whole,
    /// Runs that add what is new: the union is a superset, a run's list cuts it.
    Daily,
}

/// How repositories share a set. Fixed when the set is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layout {
    /// One repository, its objects at the root.
    One,
    /// Any number, each below its directory.
    Many,
}

/// An earlier tape of a set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Previous {
    /// The tape.
    pub volume: VolumeId,
    /// Its place in the set, from 1.
    pub sequence: u32,
    /// What its sticker said.
    pub barcode: Option<Text>,
    /// The hash in its seal, if it has one.
    pub root: Option<Sum>,
}

/// `SET.json`: which media set the tape belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetLabel {
    /// The set.
    pub set: SetId,
    /// The name that people know it by.
    pub name: Text,
    /// What its runs are.
    pub runs: SetKind,
    /// How repositories share it.
    pub layout: Layout,
    /// The tape's place in the set, from 1.
    pub sequence: u32,
    /// How often this tape has been written anew: rises with each overwrite.
    pub generation: u64,
    /// Before this time, in seconds since 1970, nobody may overwrite the tape; none: never.
    pub protected_until: Option<u64>,
    /// Whether the medium can be written once only.
    pub worm: bool,
    /// Whose data is on it, where only one party's is.
    pub owner: Option<Text>,
    /// All earlier tapes, in order.
    pub previous: Vec<Previous>,
}

impl Paper for SetLabel {
    const KIND: &'static str = "set";

    fn rule(&self) -> Result<(), &'static str> {
        let rises = (1..)
            .zip(&self.previous)
            .all(|(n, tape)| tape.sequence == n);
        let fits = self.previous.len() <= PREVIOUS_MAX;
        match rises && fits && self.sequence as usize == self.previous.len() + 1 {
            true => Ok(()),
            false => Err("the earlier tapes are not all named in order"),
        }
    }
}

impl SetLabel {
    /// Reads `SET.json`.
    ///
    /// # Errors
    /// When it is no such paper.
    pub fn read(bytes: &[u8]) -> Result<Self, Garbled> {
        read(bytes)
    }
}

/// Why no more is written on a tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its end is near.
    Full,
    /// Its set was closed.
    Closed,
    /// It leaves the library.
    Exported,
    /// It is worn or faulty.
    Retired,
}

/// `SEAL.json`: what is on the tape, signed as `SEAL.sig`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seal {
    /// The tape.
    pub volume: VolumeId,
    /// Its set.
    pub set: SetId,
    /// Its place in the set.
    pub sequence: u32,
    /// Why it ended.
    pub reason: Reason,
    /// The number of the tape file that holds the seal, from 0.
    pub file: u32,
    /// Where that file begins, as the drive said.
    pub position: Option<u64>,
    /// Objects on the tape.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The SHA-256 of the whole last `INDEX.jsonl`: of all rows, and so of all objects.
    pub root: Sum,
}

impl Paper for Seal {
    const KIND: &'static str = "seal";
}

impl Seal {
    /// Reads `SEAL.json`.
    ///
    /// # Errors
    /// When it is no such paper.
    pub fn read(bytes: &[u8]) -> Result<Self, Garbled> {
        read(bytes)
    }
}

/// The last member of an archive, of one unit of 512 bytes: where its index is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tail {
    /// The tape.
    pub volume: VolumeId,
    /// The number of the tape file, from 0.
    pub file: u32,
    /// Blocks of the whole file.
    pub blocks: u32,
    /// The block that the index begins with, at its first byte.
    pub index_block: u32,
    /// Bytes of the index.
    pub index_length: u64,
    /// Its sum.
    pub index_sha256: Sum,
}

impl Paper for Tail {
    const KIND: &'static str = "tail";
}

impl Tail {
    /// Reads the tail.
    ///
    /// # Errors
    /// When it is no such paper, or says that the index is outside the file.
    pub fn read(bytes: &[u8]) -> Result<Self, Garbled> {
        let end = bytes
            .iter()
            .rposition(|b| *b != 0)
            .map_or(0, |last| last + 1);
        let tail: Self = read(&bytes[..end])?;
        let room = u64::from(tail.blocks.saturating_sub(tail.index_block)) * BLOCK as u64;
        if tail.index_block > tail.blocks || tail.index_length > room {
            return Err(Garbled::Paper {
                what: "tail",
                why: "the index is outside".to_owned(),
            });
        }
        Ok(tail)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn label() -> Label {
        Label {
            volume: VolumeId::new([0x5f; 16]),
            barcode: Text::parse("VT0001L6"),
            cluster: Text::parse("north").unwrap(),
            pool: Text::parse("weekly").unwrap(),
            block: 262_144,
            written: 1_795_000_000,
            signer: Sum::new([1; 32]),
        }
    }

    #[test]
    fn a_paper_is_read_back_and_another_is_refused() {
        let bytes = write(&label());
        assert_eq!(Label::read(&bytes), Ok(label()));
        assert!(SetLabel::read(&bytes).is_err());
        let text = String::from_utf8(bytes).unwrap();
        let newer = text.replace("\"version\": 1", "\"version\": 2");
        assert_eq!(
            Label::read(newer.as_bytes()),
            Err(Garbled::Version { version: 2 })
        );
        let more = text.replace("\"pool\"", "\"poll\": 1, \"pool\"");
        assert!(Label::read(more.as_bytes()).is_err());
        let other = text.replace("262144", "512");
        assert!(Label::read(other.as_bytes()).is_err());
    }

    #[test]
    fn an_id_is_a_uuid_in_its_one_spelling() {
        let text = "0123456f-89ab-cdef-0123-456789abcdef";
        assert_eq!(VolumeId::parse(text).unwrap().to_string(), text);
        assert_eq!(VolumeId::parse("0123456f89ab-cdef-0123-456789abcdef"), None);
        assert_eq!(VolumeId::parse(""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_paper_or_refused(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            at in 0usize..400, byte in any::<u8>(),
        ) {
            let mut paper = write(&label());
            let at = at % paper.len();
            paper[at] = byte;
            for bytes in [bytes, paper] {
                let _ = (Label::read(&bytes), SetLabel::read(&bytes), Seal::read(&bytes));
                let _ = Tail::read(&bytes);
            }
        }
    }

    #[test]
    fn a_tail_that_points_outside_its_file_is_refused() {
        let (volume, index_sha256) = (VolumeId::new([1; 16]), Sum::new([0; 32]));
        let tail = Tail {
            volume,
            file: 2,
            blocks: 3,
            index_block: 2,
            index_length: 9,
            index_sha256,
        };
        assert_eq!(Tail::read(&write(&tail)), Ok(tail.clone()));
        for (index_block, index_length) in
            [(3, 9), (4, 0), (u32::MAX, 9), (2, 1 << 60), (0, u64::MAX)]
        {
            let tail = Tail {
                index_block,
                index_length,
                ..tail.clone()
            };
            assert!(Tail::read(&write(&tail)).is_err());
        }
        assert!(Tail::read(&[b' '; 2 << 20]).is_err());
    }
}
