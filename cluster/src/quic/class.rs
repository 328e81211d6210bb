//! What a connection is for.

use std::fmt;

/// Each pair of nodes has one connection per class, so that a full one does not delay the others:
/// each has its own congestion window and its own queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Consensus, heartbeats and leases: small, and never late.
    Control,
    /// Calls between actors.
    Calls,
    /// Extents, replication and restores.
    Bulk,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Control, Self::Calls, Self::Bulk];

    /// Its byte on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Control => 1,
            Self::Calls => 2,
            Self::Bulk => 3,
        }
    }

    /// The class of a byte on the wire; `None` if it has none.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }
}

/// What a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Frames of a class.
    Frames(Class),
    /// Streams of bytes, which the node that dialled opens.
    Streams,
}

/// The byte of [`Purpose::Streams`] on the wire.
const STREAMS: u8 = 4;

impl Purpose {
    /// Its byte on the wire.
    pub const fn code(self) -> u8 {
        match self {
            Self::Frames(class) => class.code(),
            Self::Streams => STREAMS,
        }
    }

    /// The purpose of a byte on the wire; `None` if it has none.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            STREAMS => Some(Self::Streams),
            code => Class::from_code(code).map(Self::Frames),
        }
    }
}

impl From<Class> for Purpose {
    fn from(class: Class) -> Self {
        Self::Frames(class)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Control => "control",
            Self::Calls => "calls",
            Self::Bulk => "bulk",
        })
    }
}
