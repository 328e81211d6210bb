//! The writing end of a repository: which extent is open, and where the next frame goes.

use std::collections::BTreeSet;

use crate::kernel::{ExtentId, Sequence};
use crate::repository::entry::Place;
use crate::repository::head::HEAD_BYTES;

/// The largest extent in bytes.
pub(super) const EXTENT_MAX: u64 = 256 << 20;
/// What any one frame may need, with room to spare.
const ROOM: u64 = (1 << 20) + 64;
/// From here on the next extent is made, so that nobody waits for it.
const PREPARE: u64 = EXTENT_MAX / 4 * 3;

/// Where the next frame goes.
#[derive(Debug, Default)]
pub(super) struct Tail {
    sequence: Sequence,
    current: Option<Place>,
    next: Option<ExtentId>,
    opening: Opening,
}

/// Whether an extent is being made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Opening {
    #[default]
    No,
    First,
    /// The first one could not be.
    Second,
}

/// What must be done before a frame can be placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// Nothing.
    Ready,
    /// The extent is full and another is ready: it was taken, and this one is to be sealed.
    Seal {
        /// The full one.
        extent: ExtentId,
    },
    /// No extent is open.
    Wait,
}

impl Tail {
    /// The tail behind the frame numbered `last`.
    pub(super) const fn behind(last: Sequence) -> Self {
        Self {
            sequence: last,
            current: None,
            next: None,
            opening: Opening::No,
        }
    }

    /// Looks whether a frame can be placed; changes to the next extent when the current is full.
    pub(super) const fn ready(&mut self) -> Readiness {
        match (self.current, self.next) {
            (Some(at), _) if at.offset + ROOM <= EXTENT_MAX => Readiness::Ready,
            (Some(full), Some(next)) => {
                self.current = Some(Place {
                    extent: next,
                    offset: HEAD_BYTES,
                });
                self.next = None;
                Readiness::Seal {
                    extent: full.extent,
                }
            }
            (None, Some(next)) => {
                self.current = Some(Place {
                    extent: next,
                    offset: HEAD_BYTES,
                });
                self.next = None;
                Readiness::Ready
            }
            (_, None) => Readiness::Wait,
        }
    }

    /// Whether another extent is to be made now; says so once.
    pub(super) fn wants_extent(&mut self) -> bool {
        let roomy = self.current.is_some_and(|at| at.offset < PREPARE);
        let wanted = !roomy && self.next.is_none() && self.opening == Opening::No;
        if wanted {
            self.opening = Opening::First;
        }
        wanted
    }

    /// An extent could not be made: whether another is to be made at once, in its place. Where it
    /// was to lie, a node may just have gone; the second one does without it.
    pub(super) fn insists(&mut self) -> bool {
        let insists = self.opening == Opening::First;
        if insists {
            self.opening = Opening::Second;
        }
        insists
    }

    /// An extent was made, or could not be.
    pub(super) const fn opened(&mut self, extent: Option<ExtentId>) {
        self.opening = Opening::No;
        if let Some(extent) = extent {
            self.next = Some(extent);
        }
    }

    /// Gives a frame of `length` bytes its number and place. Only after [`Readiness::Ready`] or
    /// [`Readiness::Seal`].
    pub(super) fn place(&mut self, length: u64) -> Option<(Sequence, Place)> {
        let at = self.current.as_mut()?;
        let place = *at;
        at.offset += length;
        self.sequence = self.sequence.next();
        Some((self.sequence, place))
    }

    /// Gives up an extent that failed. True if it was one that would have been written to.
    pub(super) fn give_up(&mut self, extent: ExtentId) -> bool {
        let current = self.current.take_if(|at| at.extent == extent).is_some();
        current || self.next.take_if(|next| *next == extent).is_some()
    }

    /// Gives up all extents, and says which they were.
    pub(super) fn end_all(&mut self) -> BTreeSet<ExtentId> {
        let current = self.current.take().map(|at| at.extent);
        current.into_iter().chain(self.next.take()).collect()
    }

    /// The place behind the last frame.
    pub(super) const fn end(&self) -> Option<Place> {
        self.current
    }

    /// The number of the last frame.
    pub(super) const fn sequence(&self) -> Sequence {
        self.sequence
    }
}
