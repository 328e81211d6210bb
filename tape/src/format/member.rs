//! The members of the tape files: each has its one name, its file and its limit.

use std::fmt;

use super::place::Place;
use super::{LIST_MAX, PAPER_MAX};

/// What one tape file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileKind {
    /// File 0: whose tape it is, and how to read it.
    Label,
    /// File 1: which media set it belongs to, and what the earlier tapes hold.
    Set,
    /// Objects.
    Archive,
    /// The rows of all objects so far.
    Index,
    /// The end.
    Seal,
}

impl FileKind {
    const ALL: [Self; 5] = [
        Self::Label,
        Self::Set,
        Self::Archive,
        Self::Index,
        Self::Seal,
    ];

    /// The word for it on tape.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Set => "set",
            Self::Archive => "archive",
            Self::Index => "index",
            Self::Seal => "seal",
        }
    }

    /// The kind with this word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One member of a tape file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Member {
    /// Nothing: it makes the next member's data begin on a block boundary.
    Pad,
    /// An object of a repository.
    Object(Place),
    /// The rows of the objects of this archive.
    ArchiveIndex,
    /// Where that index is.
    Tail,
    /// The label of the tape.
    Label,
    /// A word to whoever holds the tape.
    ReadMe,
    /// This format, byte by byte.
    Format,
    /// A script that reads a set without Holdfast.
    Recover,
    /// One that decrypts it.
    Decrypt,
    /// A wrapped key; names as [`Member::key`] says.
    Key(String),
    /// The label of the media set.
    Set,
    /// The rows of the earlier tape of this number.
    Catalog(u32),
    /// The rows of all objects on the tape so far.
    Index,
    /// The seal.
    Seal,
    /// Its signature.
    Signature,
}

const FIXED: [(&str, Member); 12] = [
    (".pad", Member::Pad),
    (".holdfast/index.jsonl", Member::ArchiveIndex),
    (".holdfast/tail.json", Member::Tail),
    ("LABEL.json", Member::Label),
    ("README.txt", Member::ReadMe),
    ("FORMAT.md", Member::Format),
    ("recover.py", Member::Recover),
    ("decrypt.py", Member::Decrypt),
    ("SET.json", Member::Set),
    ("INDEX.jsonl", Member::Index),
    ("SEAL.json", Member::Seal),
    ("SEAL.sig", Member::Signature),
];

impl Member {
    /// A wrapped key; 1 to 64 of `A-Za-z0-9._-`, not beginning with a dot.
    pub fn key(name: &str) -> Option<Self> {
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        let is_good = (1..=64).contains(&name.len()) && name.bytes().all(is_letter);
        (is_good && !name.starts_with('.')).then(|| Self::Key(name.to_owned()))
    }

    /// The member with this name; `None` for what no tape of ours has.
    pub fn parse(path: &str) -> Option<Self> {
        if let Some((_, member)) = FIXED.iter().find(|(name, _)| *name == path) {
            return Some(member.clone());
        }
        if let Some(name) = path.strip_prefix("KEYS/") {
            return Self::key(name);
        }
        if let Some(rest) = path.strip_prefix("CATALOG/") {
            let member = Self::Catalog(rest.strip_suffix(".jsonl")?.parse().ok()?);
            return (member.to_string() == path).then_some(member);
        }
        Place::parse(path).map(Self::Object)
    }

    /// The most bytes of one.
    pub const fn length_max(&self) -> u64 {
        match self {
            Self::Object(place) => place.object.length_max(),
            Self::Catalog(_) | Self::Index | Self::ArchiveIndex => LIST_MAX,
            Self::Pad
            | Self::Tail
            | Self::Label
            | Self::ReadMe
            | Self::Format
            | Self::Recover
            | Self::Decrypt
            | Self::Key(_)
            | Self::Set
            | Self::Seal
            | Self::Signature => PAPER_MAX,
        }
    }

    /// The only kind of tape file that it stands in; `None` for padding, which stands anywhere.
    pub const fn home(&self) -> Option<FileKind> {
        match self {
            Self::Pad => None,
            Self::Object(_) | Self::ArchiveIndex | Self::Tail => Some(FileKind::Archive),
            Self::Label
            | Self::ReadMe
            | Self::Format
            | Self::Recover
            | Self::Decrypt
            | Self::Key(_) => Some(FileKind::Label),
            Self::Set | Self::Catalog(_) => Some(FileKind::Set),
            Self::Index => Some(FileKind::Index),
            Self::Seal | Self::Signature => Some(FileKind::Seal),
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(place) => write!(f, "{place}"),
            Self::Key(name) => write!(f, "KEYS/{name}"),
            Self::Catalog(sequence) => write!(f, "CATALOG/{sequence:05}.jsonl"),
            Self::Pad
            | Self::ArchiveIndex
            | Self::Tail
            | Self::Label
            | Self::ReadMe
            | Self::Format
            | Self::Recover
            | Self::Decrypt
            | Self::Set
            | Self::Index
            | Self::Seal
            | Self::Signature => {
                let fixed = FIXED.iter().find(|(_, member)| member == self);
                f.write_str(fixed.map_or("", |(name, _)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_has_one_name() {
        for (name, member) in &FIXED {
            assert_eq!(member.to_string(), *name);
            assert_eq!(Member::parse(name).as_ref(), Some(member));
        }
        for name in ["KEYS/passphrase.json", "CATALOG/00007.jsonl", "config"] {
            assert_eq!(Member::parse(name).unwrap().to_string(), name);
        }
        for bad in [
            "KEYS/../x",
            "KEYS/",
            "CATALOG/7.jsonl",
            "CATALOG/+0007.jsonl",
            "x",
            "./.pad",
        ] {
            assert_eq!(Member::parse(bad), None, "{bad}");
        }
    }
}
