//! Whether all frames of a log were seen that came behind a known one.
//!
//! Frames are numbered without a gap, but for those that an owner lost with an extent. Whoever
//! comes late may also find a gap where extents were: an owner empties them and lets them go. What
//! those said is said once more behind, but only to who knows nothing of what was before.

use crate::kernel::{ExtentId, Sequence};

/// Frames as they are come upon.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    /// The last of them, and where it lies.
    last: Sequence,
    extent: ExtentId,
    /// The extent before the first gap.
    gap: Option<ExtentId>,
    /// How many they were.
    seen: u64,
}

impl Chain {
    /// Behind this frame.
    pub(super) const fn behind(extent: ExtentId, last: Sequence) -> Self {
        Self {
            last,
            extent,
            gap: None,
            seen: 0,
        }
    }

    /// Goes back to a frame, with what was missed before; none is counted yet.
    pub(super) const fn back_to(self, extent: ExtentId, last: Sequence) -> Self {
        Self {
            gap: self.gap,
            ..Self::behind(extent, last)
        }
    }

    /// How many were come upon.
    pub(super) const fn seen(&self) -> u64 {
        self.seen
    }

    /// The number of the last frame.
    pub(super) const fn last(&self) -> Sequence {
        self.last
    }

    /// The next frame.
    pub(super) fn add(&mut self, extent: ExtentId, sequence: Sequence) {
        let is_first = self.last == Sequence::default();
        if !is_first && sequence != self.last.next() {
            self.gap = self.gap.or(Some(self.extent));
        }
        (self.last, self.extent) = (self.last.max(sequence), extent);
        self.seen += 1;
    }

    /// Whether something may have been where a gap is, with `emptied` as the last extent that the
    /// log itself says to be empty.
    pub(super) fn misses(&self, emptied: ExtentId) -> bool {
        self.gap.is_some_and(|before| emptied > before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(frames: &[(u64, u64)]) -> Chain {
        let mut chain = Chain::behind(ExtentId::new(3), Sequence::new(7));
        for (extent, sequence) in frames {
            chain.add(ExtentId::new(*extent), Sequence::new(*sequence));
        }
        chain
    }

    #[test]
    fn extents_may_go_once_all_frames_of_them_were_seen() {
        let whole = chain(&[(3, 8), (4, 9), (5, 10)]);
        assert!(!whole.misses(ExtentId::new(4)));
        assert_eq!(whole.last(), Sequence::new(10));
    }

    #[test]
    fn a_gap_matters_only_where_extents_are_gone() {
        let gap = chain(&[(3, 8), (5, 20), (6, 30)]);
        assert!(!gap.misses(ExtentId::new(3)), "none is between");
        assert!(gap.misses(ExtentId::new(4)), "the fourth was not seen");
    }

    #[test]
    fn who_knows_of_nothing_misses_nothing() {
        let mut chain = Chain::default();
        chain.add(ExtentId::new(9), Sequence::new(500));
        assert!(!chain.misses(ExtentId::new(8)));
    }
}
