//! When the index is told what the log has.

use std::time::Duration;

use super::Repository;
use crate::kernel::{Acts, Instant, Now, Sequence};
use crate::repository::event::Effect;

/// Entries after which the index is told at once.
const ENTRIES_MAX: u64 = 4_096;
/// The most objects that are counted again whenever the index is told: it takes a millisecond.
const COUNTED_MAX: u64 = 4_096;
/// How long after the last entry it is told.
const QUIET: Duration = Duration::from_secs(5);
/// How long an index that failed is left alone.
const RETRY: Duration = Duration::from_secs(600);

/// How far the index is behind.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// The last entry that was seen.
    seen: Sequence,
    /// How many the index was not told of.
    entries: u64,
    /// A checkpoint is being written.
    busy: bool,
    at: Option<Instant>,
}

impl Pace {
    /// The log goes on behind its last entry; the index goes up to another one, or knows nothing.
    pub(super) fn recovered(&mut self, last: Sequence, index: Sequence) {
        self.seen = last;
        self.at = (last > index).then(Instant::default);
    }

    /// A checkpoint came to an end. After a failure all is written again, later.
    pub(super) fn ended(&mut self, now: Instant, done: bool) {
        self.busy = false;
        if !done {
            self.at = Some(now + RETRY);
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.at.filter(|_| !self.busy)
    }

    /// Whether a checkpoint is due, with `last` as the last entry.
    fn is_due(&mut self, now: Instant, last: Sequence) -> bool {
        if last > self.seen {
            self.seen = last;
            self.entries += 1;
            self.at = Some(now + QUIET);
        }
        let due = self.entries >= ENTRIES_MAX || self.at.is_some_and(|at| at <= now);
        let due = due && !self.busy;
        if due {
            (self.entries, self.busy, self.at) = (0, true, None);
        }
        due
    }
}

impl Repository {
    /// Tells the index what it does not know, if it is time. Being shown and not started, it waits
    /// until all that it tells is durable in the log: the index never leads.
    pub(super) fn checkpoint(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.pace.is_due(now.monotonic, self.state.sequence()) {
            let few = self.state.total().objects <= COUNTED_MAX;
            self.is_miscounted = few && !self.state.adds_up();
            acts.show(Effect::Checkpoint(self.state.checkpoint()));
        }
    }
}
