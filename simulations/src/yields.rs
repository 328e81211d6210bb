//! Other orders of the same work: tokio runs tasks in the order in which they were woken, and that
//! one order alone would ever be seen.

use std::sync::{Arc, Mutex, PoisonError};

use crate::dice::Dice;

/// The most times that a task steps back.
const YIELDS_MAX: u64 = 3;

/// Lets tasks of one node step back by the dice. Without dice nobody does.
#[derive(Clone, Debug, Default)]
pub(crate) struct Yields(Option<Arc<Mutex<Dice>>>);

impl Yields {
    /// Steps back by these dice.
    pub(crate) fn new(dice: Dice) -> Self {
        Self(Some(Arc::new(Mutex::new(dice))))
    }

    /// Steps back some times, or not at all.
    pub(crate) async fn pass(&self) {
        for _ in 0..self.draw() {
            tokio::task::yield_now().await;
        }
    }

    fn draw(&self) -> u64 {
        let Some(dice) = &self.0 else { return 0 };
        dice.lock()
            .unwrap_or_else(PoisonError::into_inner)
            .below(YIELDS_MAX + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn both_orders_of_two_tasks_are_seen() {
        let mut firsts = [0, 0];
        for seed in 0..100 {
            let yields = Yields::new(Dice::of_seed(seed));
            let (one, other) = (yields.clone(), yields);
            tokio::select! {
                biased;
                () = one.pass() => firsts[0] += 1,
                () = other.pass() => firsts[1] += 1,
            }
        }
        assert!(firsts[0] > 20 && firsts[1] > 20, "{firsts:?}");
    }
}
