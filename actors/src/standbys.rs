//! What this node knows of repositories that other nodes write, so that it goes on at once when one
//! of those is gone.
//!
//! Of each repository one node stands by: the one that would be its home without its owner. It
//! follows the log as it grows, from its own replicas where it has some, and keeps what it knows in
//! memory and in its index. When it is to take over, only the end of the log is left to read. What
//! it knows may be behind, or nothing at all: then a takeover takes longer, and nothing else.

mod event;
mod hands;
mod machine;

use std::time::Duration;

pub use event::{Effect, Event, Lost};
pub use hands::{Message, StandbysHands};
pub use machine::Standbys;

/// How many are begun, caught up or written at once: tenants go first.
const AT_ONCE: usize = 2;
/// How soon one is looked at again whose log has grown, and at last one whose log does not grow:
/// each time after twice as long.
const EAGER: Duration = Duration::from_millis(500);
const LAZY: Duration = Duration::from_secs(8);
/// Entries after which the index is told, and how long after the last new entry it is told anyhow.
const ENTRIES_MAX: u64 = 4_096;
const QUIET: Duration = Duration::from_secs(5);
/// The most objects that are known at once, of all repositories: about 150 bytes each.
const OBJECTS_MAX: u64 = 4_000_000;
/// How long one that does not fit is left to the index.
const PARKED: Duration = Duration::from_secs(600);
/// How long one stays that is not to be stood by for any more: whoever takes over comes a moment
/// after its owner went.
const LINGER: Duration = Duration::from_secs(30);
/// How long after a failure it is tried again, the first time; each time twice as long.
const RETRY: Duration = Duration::from_secs(5);
/// And at most.
const RETRY_MOST: Duration = Duration::from_secs(600);
