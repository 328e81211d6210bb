//! What emptying extents would bring, and up to which it is worth it.

use crate::kernel::{ExtentId, Size};
use crate::repository::Repository;

/// What emptying extents must bring at least: as much as one frame holds.
const GAIN_MIN: u64 = 256 << 10;
/// And which part of all sealed extents, as one in so many: the whole log is read for it.
const GAIN_PART: u64 = 32;

impl Repository {
    /// About how many bytes of sealed extents are of no use any more.
    pub(in crate::repository::machine) fn dead(&self) -> Size {
        let sealed = self.emptying.sealed_extents().into_iter();
        let dead = sealed.map(|(id, length)| length.saturating_sub(self.state.weight(id)));
        Size::bytes(dead.sum())
    }

    /// Up to which extent to empty: the fewest of the oldest that are worth it, which are those of
    /// which at most half is to be written again. None of those where an upload has bytes that no
    /// entry names yet.
    pub(super) fn choose(&self) -> Option<ExtentId> {
        let all: u64 = self.emptying.extents.values().flatten().sum();
        let gain_min = GAIN_MIN.max(all / GAIN_PART);
        let stuck = self.emptying.stuck.map(|(extent, _)| extent);
        let bound = self.uploads.oldest().into_iter().chain(stuck).min();
        let (mut length, mut held) = (0, 0);
        for (extent, sealed) in &self.emptying.extents {
            let sealed = sealed.filter(|_| bound.is_none_or(|bound| *extent < bound))?;
            length += sealed;
            held += self.state.weight(*extent);
            let dead = length.saturating_sub(held);
            if dead >= held && dead >= gain_min {
                return Some(*extent);
            }
        }
        None
    }
}
