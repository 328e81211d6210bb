//! Looks after repositories that nobody visits: empties their bins in time, reads each back in its
//! turn, and destroys those that were ordered to be destroyed.
//!
//! A repository empties its own bin while it is loaded. When it rests it says when something in it
//! is due; the caretaker visits it then, which loads it. After a boot, and after a repository
//! failed, nobody knows: each is looked at once, one every [`PACE`]. So what is deleted goes at
//! most twenty minutes behind its day (I7): ten until the catalog's clock is moved on, and the
//! rounds.
//!
//! What is destroyed goes in this order: no other writer, no extents in the catalog, no files, no
//! rows in the index, no repository. Each step is durable before the next, so that after a crash
//! the order is found again and carried out from the beginning; nothing is left that nobody knows
//! of. When a node starts, its index is looked through for rows of what was destroyed.

mod hands;
mod machine;
mod reading;
mod scrub;

use std::time::Duration;

use crate::kernel::{Date, Timestamp};

pub use hands::{CaretakerHands, Message};
pub use machine::{Caretaker, Effect, Event};
pub use reading::Reading;
pub use scrub::{PERIOD, Step};

/// Between two looks.
pub const PACE: Duration = Duration::from_millis(100);
/// From the start of the node to the first look: backups that wait for the node go first.
pub const SETTLING: Duration = Duration::from_secs(60);
/// How long after a failure it is tried again.
const RETRY: Duration = Duration::from_secs(60);

/// What the catalog says of a repository, as far as a caretaker cares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is served; when it was last read back, or made if it never was.
    Served(Timestamp),
    /// The same, and another node looked after it before.
    Come(Timestamp),
    /// It was removed, and nobody ordered its data to be destroyed.
    Kept,
    /// It is to be destroyed from that day on.
    Doomed(Date),
    /// There is none any more.
    Gone,
}
