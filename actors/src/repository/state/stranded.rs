//! Objects whose bytes could not be read when their extents were emptied: where they stay.

use std::collections::BTreeSet;

use super::State;
use crate::kernel::ExtentId;
use crate::repository::entry::{Moved, Place};

/// The most objects of one repository that strand. The index has them in one value; with more, the
/// extents behind stay too.
pub(in crate::repository) const STRANDED_MAX: usize = 64;

impl State {
    /// Gives the lives of an object to the entry that says it again.
    pub(super) fn strand(&mut self, moved: &Moved, place: Place) {
        self.relocate(moved, place);
        let pieces = moved.stored.pieces.iter();
        let extents: BTreeSet<ExtentId> = pieces.map(|piece| piece.extent).collect();
        self.stranded.insert(place, extents);
    }

    /// The extents that have the bytes of an object that could not be read, by the place of its
    /// entry; none if it is not stranded.
    pub(in crate::repository) fn stranded_at(&self, place: Place) -> Option<&BTreeSet<ExtentId>> {
        self.stranded.get(&place)
    }

    /// How many objects are stranded.
    pub(in crate::repository) fn stranded(&self) -> usize {
        self.stranded.len()
    }

    /// The extents in which stranded objects lie. Their entries do not count once they are emptied,
    /// but their files stay.
    pub fn kept(&self) -> BTreeSet<ExtentId> {
        self.stranded.values().flatten().copied().collect()
    }
}
