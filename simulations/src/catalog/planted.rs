//! Planted bugs of what surrounds a replica: each breaks one invariant.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{NodeId, Now};
use holdfast_actors::ports::Clock;

use crate::mutation::Mutation;

/// The frames that a node misses that hears nothing for a while.
const DEAF: Range<u64> = 400..600;

/// How the question begins what a replica has forgotten.
const RECALL: [u8; 2] = [1, 8];

/// A planted bug of the catalog's world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// Readers do not wait until they have caught up.
    StaleRead,
    /// Some commands are acknowledged and not passed on.
    LostWrite,
    /// A node that follows says that it leads.
    Boaster,
    /// Nodes' monotonic clocks count half as much again.
    FastTicks,
    /// Nodes' wall clocks leap ahead by two days, and nobody has set them.
    LeapingDay,
    /// The second node, which hears nothing for a while, holds on to its lease.
    LongHold,
    /// What reaches the second node is not always what was sent.
    Garbled,
    /// Nobody answers who is asked what a voter has forgotten, but that he does not understand.
    Unrecalled,
}

impl Flaw {
    /// Each with the mutation that plants it.
    const ALL: [(Mutation, Self); 8] = [
        (Mutation::StaleRead, Self::StaleRead),
        (Mutation::LostWrite, Self::LostWrite),
        (Mutation::Boaster, Self::Boaster),
        (Mutation::FastTicks, Self::FastTicks),
        (Mutation::LeapingDay, Self::LeapingDay),
        (Mutation::LongHold, Self::LongHold),
        (Mutation::Garbled, Self::Garbled),
        (Mutation::Unrecalled, Self::Unrecalled),
    ];

    /// The flaw that a mutation plants, if it is one of the catalog.
    pub(crate) fn of(mutation: Mutation) -> Option<Self> {
        let planted = Self::ALL.iter().find(|(planted, _)| *planted == mutation);
        planted.map(|(_, flaw)| *flaw)
    }

    /// Whether a question of one replica to another is not understood.
    pub(super) fn is_unread(self, question: &[u8]) -> bool {
        self == Self::Unrecalled && question.starts_with(&RECALL)
    }

    /// A frame as it reaches a node, after so many others.
    pub(super) fn garbled(self, node: NodeId, arrived: u64, frame: Bytes) -> Bytes {
        if self == Self::LongHold && node.raw() == 2 && DEAF.contains(&arrived) {
            return Bytes::new();
        }
        let at = frame
            .windows(8)
            .position(|part| part.starts_with(b"value-00"));
        match at {
            Some(at) if self == Self::Garbled && node.raw() == 2 => {
                let mut bytes = frame.to_vec();
                bytes[at + 6] = b'7';
                bytes.into()
            }
            Some(_) | None => frame,
        }
    }
}

/// A clock that counts half as much again.
pub(super) struct Fast(pub(super) Arc<dyn Clock>);

impl Clock for Fast {
    fn now(&self) -> Now {
        let now = self.0.now();
        let micros = now.monotonic.as_micros();
        let monotonic = holdfast_actors::kernel::Instant::from_micros(micros * 3 / 2);
        Now { monotonic, ..now }
    }
}

/// A wall clock that leaps ahead by two days after a few seconds.
pub(super) struct Leaping(pub(super) Arc<dyn Clock>);

impl Clock for Leaping {
    fn now(&self) -> Now {
        let now = self.0.now();
        let leaps = now.monotonic.as_micros() > 3_000_000;
        let by = Duration::from_secs(if leaps { 2 * 86_400 } else { 0 });
        let wall = now.wall + by;
        Now { wall, ..now }
    }
}
