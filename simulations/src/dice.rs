//! Chance by a seed: every draw of a simulation comes from here.
//!
//! Whole numbers only, because floating point may differ between machines. Each purpose has dice of
//! its own, so that one more draw in one place changes nothing in another.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};

/// A stream of numbers that a seed and a label determine.
#[derive(Clone, Debug)]
pub struct Dice {
    seed: [u8; 32],
    stream: ChaCha8Rng,
}

impl Dice {
    /// The dice of a seed.
    pub fn of_seed(seed: u64) -> Self {
        let digest = Sha256::digest(seed.to_le_bytes());
        Self::of_key(digest.into())
    }

    /// Dice for another purpose; they depend on this one's seed and the label, not on what this one
    /// has drawn.
    #[must_use]
    pub fn fork(&self, label: &str) -> Self {
        let digest = Sha256::new().chain_update(self.seed).chain_update(label);
        Self::of_key(digest.finalize().into())
    }

    /// A number from 0 to `bound` - 1; 0 if the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is below one in 2^32 for any bound that a simulation uses.
        self.stream.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// True once in `count` draws.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.stream.fill_bytes(bytes);
    }

    fn of_key(seed: [u8; 32]) -> Self {
        let stream = ChaCha8Rng::from_seed(seed);
        Self { seed, stream }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_does_not_depend_on_what_was_drawn_before() {
        let mut dice = Dice::of_seed(7);
        let before = dice.fork("disk").below(1 << 60);
        dice.below(10);
        assert_eq!(dice.fork("disk").below(1 << 60), before);
        assert_ne!(dice.fork("network").below(1 << 60), before);
        assert_ne!(Dice::of_seed(8).fork("disk").below(1 << 60), before);
    }

    #[test]
    fn the_stream_of_a_seed_never_changes() {
        let mut dice = Dice::of_seed(1);
        let drawn: Vec<u64> = (0..4).map(|_| dice.below(1_000)).collect();
        expect_test::expect!["[985, 693, 959, 425]"].assert_eq(&format!("{drawn:?}"));
    }
}
