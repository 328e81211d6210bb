//! How many bytes of each extent are held, so that it is known where space can come back.
//!
//! It is a judgement, not an account: an object counts with its frames and its entry in the oldest
//! extent that has anything of it. Whether an extent may go is never decided by this.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::{FRAME_BYTES, Place};
use super::snapshot::{Object, Snapshot};
use crate::frame::HEADER;
use crate::kernel::ExtentId;

/// What an entry has at most, mostly. Rather too much: an extent that was just filled with small
/// objects must not seem worth to be emptied.
const ENTRY: u64 = 320;

/// Bytes that are held, by extent.
#[derive(Clone, Debug, Default)]
pub(super) struct Weights(BTreeMap<ExtentId, u64>);

impl Weights {
    /// The weights of what a snapshot holds; `shared` are the places that several lives may have.
    pub(super) fn of(snapshot: &Snapshot, shared: &BTreeSet<Place>) -> Self {
        let (mut weights, mut counted) = (Self::default(), BTreeSet::new());
        for (_, object) in snapshot.everything() {
            if !shared.contains(&object.place) || counted.insert(object.place) {
                weights.change(&object, false, true);
            }
        }
        weights
    }

    /// The bytes of an object begin to be held, or end.
    pub(super) fn change(&mut self, object: &Object, was_held: bool, is_held: bool) {
        let size = object.size.as_bytes();
        let weight = size + size.div_ceil(FRAME_BYTES as u64) * HEADER as u64 + ENTRY;
        let held = self.0.entry(object.first).or_default();
        match (was_held, is_held) {
            (false, true) => *held += weight,
            (true, false) => *held = held.saturating_sub(weight),
            (true, true) | (false, false) => {}
        }
        if *held == 0 {
            self.0.remove(&object.first);
        }
    }

    /// How many bytes of an extent are held.
    pub(super) fn in_extent(&self, extent: ExtentId) -> u64 {
        self.0.get(&extent).copied().unwrap_or_default()
    }
}
