//! What a plan says of the network.

use serde::{Deserialize, Serialize};

/// How nodes reach each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Wire {
    /// Microseconds that every frame takes at least; not below the fleet's quantum.
    pub least: u64,
    /// Microseconds more: any number below this, or around this with a long tail.
    pub more: u64,
    /// Whether delays have a long tail: once in `n` frames some `n` times as late.
    pub has_tail: bool,
    /// Whether some pairs of nodes are much farther from each other than others.
    pub is_uneven: bool,
    /// Of each direction between two nodes; none for no limit.
    pub kib_per_second: Option<u64>,
    /// Milliseconds of silence after which a connection is given up.
    pub silence: u64,
}

impl Default for Wire {
    fn default() -> Self {
        Self {
            least: 1_000,
            more: 500,
            has_tail: false,
            is_uneven: false,
            kib_per_second: None,
            silence: 2_000,
        }
    }
}
