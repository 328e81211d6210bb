//! How a repository comes back from what is durable.

use std::collections::BTreeMap;

use super::Repository;
use crate::kernel::{ExtentId, Instant, Sequence};
use crate::repository::checkpoint::{Checkpoint, Stamp};
use crate::repository::entry::{Entry, Place};
use crate::repository::report::Source;
use crate::repository::snapshot::Snapshot;
use crate::repository::state::State;
use crate::repository::tail::Tail;

impl Repository {
    /// Takes in an entry that recovery found.
    pub fn recover(&mut self, sequence: Sequence, place: Place, entry: &Entry) {
        self.state.apply(entry, sequence, place);
    }

    /// Begins recovery once more.
    pub(in crate::repository) fn restart(&mut self) {
        self.state = State::default();
        self.indexed = Sequence::default();
    }

    /// Begins recovery with what the index has.
    pub(in crate::repository) fn resume(&mut self, stamp: Stamp, snapshot: Snapshot) {
        self.indexed = stamp.sequence;
        self.state = State::of(stamp, snapshot);
    }

    /// Begins recovery with what followed from the log so far, of which the index knows all up to
    /// an entry.
    pub(in crate::repository) fn take_on(&mut self, state: State, indexed: Sequence) {
        (self.state, self.indexed) = (state, indexed);
    }

    /// Gives away what followed from the log so far.
    pub(in crate::repository) fn give(&mut self) -> State {
        std::mem::take(&mut self.state)
    }

    /// What the index does not know.
    pub(in crate::repository) fn tell_index(&mut self) -> Checkpoint {
        self.state.checkpoint()
    }

    /// Nothing is known of the index.
    pub(in crate::repository) fn forget_index(&mut self) {
        self.state.forget_index();
    }

    /// Ends recovery: the log goes on behind its last frame, in none of the extents that there are,
    /// which have these lengths.
    pub fn recovered(&mut self, last: Sequence, extents: BTreeMap<ExtentId, u64>) {
        self.tail = Tail::behind(last);
        self.emptying.recovered(extents);
        // A repository that is used now and then is in memory for minutes: the bin is due at once.
        self.purge_at = self.state.has_bin().then(Instant::default);
        self.pace.recovered(self.state.sequence(), self.indexed);
    }

    /// Notes from what it came back, and how many frames were read behind that.
    pub(in crate::repository) const fn came_back(&mut self, source: Source, frames: u64) {
        self.came_back = (source, frames);
    }

    /// From what it came back, and how many frames were read behind that.
    pub const fn origin(&self) -> (Source, u64) {
        self.came_back
    }
}
