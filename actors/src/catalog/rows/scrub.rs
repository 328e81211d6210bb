//! What reading a repository back brought.

use serde::{Deserialize, Serialize};

use crate::kernel::Timestamp;

/// What the last reading back of a repository brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scrub {
    /// When it ended.
    pub at: Timestamp,
    /// How many objects were read.
    pub objects: u64,
    /// How many of them are not what they were.
    pub damaged: u64,
    /// Which, as a number that two readings share if they found the same; zero if nobody said.
    pub finding: u64,
}
