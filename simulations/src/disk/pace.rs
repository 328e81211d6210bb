//! How long a disk takes.

use std::time::Duration;

use crate::dice::Dice;
use crate::yields::Yields;

/// The time of each call.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    pub(super) least: Duration,
    /// Draws up to as much again; without them each call takes the least.
    pub(super) dice: Option<Dice>,
    /// How many times as slow the disk is now; 0 for not at all.
    pub(super) times: u64,
    pub(super) yields: Yields,
}

impl Pace {
    /// The time of the next call.
    pub(super) fn draw(&mut self) -> Duration {
        let least = u64::try_from(self.least.as_micros()).unwrap_or(u64::MAX);
        let more = self.dice.as_mut().map_or(0, |dice| dice.below(least + 1));
        Duration::from_micros((least + more).saturating_mul(self.times.max(1)))
    }
}
