//! How many frames may be under way to one peer, and how many of its frames may lie here.
//!
//! Both ends count by the same rule. The sender counts from the send until the receiver says that a
//! frame was taken, so it never counts fewer than the receiver: a peer that is over its limit at
//! the receiver has broken the protocol.

use holdfast_actors::ports::PERMITS;

/// The most frames under way, however small. More than [`PERMITS`], so that a caller with 64 calls
/// in flight does not wait for permits that come back behind the answers.
pub const WINDOW: usize = 1_024;
/// Beyond [`PERMITS`] frames, no more bytes than these may be under way. The sender learns a little
/// later that a frame was taken; until then this is what spares him a refusal.
pub const WINDOW_BYTES: usize = 8 << 20;
/// Frames that are taken before the sender is told, if there is nothing else to write: few enough
/// that a window of [`PERMITS`] never runs dry, so many that bulk is not slowed by small packets.
pub const TELL: u32 = PERMITS as u32 / 4;

/// Frames that hold permits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    frames: usize,
    bytes: usize,
}

impl Permits {
    /// Whether a frame of this length finds a permit.
    pub const fn has_room_for(self, length: usize) -> bool {
        let is_small = self.frames < WINDOW && self.bytes + length <= WINDOW_BYTES;
        self.frames < PERMITS || is_small
    }

    /// A frame of this length holds a permit from now on.
    pub const fn take(&mut self, length: usize) {
        self.frames += 1;
        self.bytes += length;
    }

    /// A frame of this length gives its permit back.
    pub const fn give_back(&mut self, length: usize) {
        self.frames = self.frames.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(length);
    }

    /// Whether a peer to which a send was refused may be told to go on: half of the least window is
    /// free, so that it is not told for every single frame.
    pub const fn is_roomy(self) -> bool {
        self.frames <= PERMITS / 2
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn there_are_as_many_permits_as_the_port_says_whatever_the_size() {
        let mut permits = Permits::default();
        for _ in 0..PERMITS {
            assert!(permits.has_room_for(1 << 20));
            permits.take(1 << 20);
        }
        assert!(!permits.has_room_for(0));
        let mut small = Permits::default();
        while small.has_room_for(256) {
            small.take(256);
        }
        assert_eq!(small.frames, WINDOW);
    }

    proptest! {
        #[test]
        fn what_the_sender_may_send_the_receiver_may_hold(
            lengths in prop::collection::vec(0..200_000_usize, 1..300),
            taken in prop::collection::vec(0..3_usize, 300),
        ) {
            let (mut sender, mut receiver) = (Permits::default(), Permits::default());
            let (mut lie, mut told) = (std::collections::VecDeque::new(), Vec::new());
            for (length, taken) in lengths.into_iter().zip(taken) {
                if sender.has_room_for(length) {
                    sender.take(length);
                    prop_assert!(receiver.has_room_for(length));
                    receiver.take(length);
                    lie.push_back(length);
                }
                for length in lie.drain(..taken.min(lie.len())) {
                    receiver.give_back(length);
                    told.push(length);
                }
                if told.len() as u32 >= TELL {
                    told.drain(..).for_each(|length| sender.give_back(length));
                }
            }
        }
    }
}
