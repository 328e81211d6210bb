//! Chance by a seed, behind the [`Entropy`] port.

use std::sync::{Mutex, PoisonError};

use holdfast_actors::ports;

use crate::dice::Dice;

/// What one simulated node draws.
#[derive(Debug)]
pub struct Entropy(Mutex<Dice>);

impl Entropy {
    /// Draws from these dice.
    pub fn new(dice: Dice) -> Self {
        Self(Mutex::new(dice))
    }
}

impl ports::Entropy for Entropy {
    fn fill(&self, bytes: &mut [u8]) {
        let mut dice = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        dice.fill(bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use holdfast_actors::ports::conformance;

    use super::*;

    #[tokio::test]
    async fn seeded_chance_keeps_the_promises_of_the_port() {
        let dice = Dice::of_seed(1).fork("entropy");
        conformance::entropy(Arc::new(Entropy::new(dice))).await;
    }
}
