//! The suite of the [`Entropy`] port.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::ports::Entropy;

/// Checks a source of chance.
///
/// # Panics
/// When the adapter breaks a promise of the port.
pub async fn entropy(entropy: Arc<dyn Entropy>) {
    let mut drawn = BTreeSet::new();
    for _ in 0..1_000 {
        let mut id = [0; 16];
        entropy.fill(&mut id);
        assert!(drawn.insert(id), "the same 128 bits were drawn twice");
    }
    entropy.fill(&mut []);
    for length in [1, 7, 32, 4_096, 65_537] {
        every_byte_is_filled(entropy.as_ref(), length);
    }
}

/// A byte that is zero in 64 draws was never written: chance does that once in 2^512.
fn every_byte_is_filled(entropy: &dyn Entropy, length: usize) {
    let mut seen = vec![0; length];
    for _ in 0..64 {
        let mut draw = vec![0; length];
        entropy.fill(&mut draw);
        for (seen, drawn) in seen.iter_mut().zip(&draw) {
            *seen |= drawn;
        }
    }
    assert!(seen.iter().all(|byte| *byte != 0), "a byte is never filled");
}
