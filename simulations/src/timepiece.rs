//! The world's time as a node's runtime counts it.
//!
//! A node's own clock may run too fast or too slow, so that a millisecond of the world is more or
//! less of the node's. Whole numbers only.

use std::time::Duration;

use crate::trace::Micros;

const MILLION: u64 = 1_000_000;

/// Binds the clock of one life's runtime to the world's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timepiece {
    zero: tokio::time::Instant,
    /// The world's time at the runtime's zero.
    base: Micros,
    /// Microseconds of the node in a second of the world.
    rate: u64,
}

impl Timepiece {
    /// Starts now, at this time of the world; only inside of the runtime. The node's clock is
    /// `drift` millionths too fast.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is what the simulated clock is made of"
    )]
    pub(crate) fn starting_at(base: Micros, drift: i64) -> Self {
        Self {
            zero: tokio::time::Instant::now(),
            base,
            rate: MILLION.saturating_add_signed(drift).max(1),
        }
    }

    /// The world's time; only inside of the runtime.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is what the simulated clock is made of"
    )]
    pub(crate) fn world(&self) -> Micros {
        let own = tokio::time::Instant::now().duration_since(self.zero);
        let own = u64::try_from(own.as_micros()).unwrap_or(u64::MAX);
        self.base + scaled(own, MILLION, self.rate)
    }

    /// The runtime's time at a time of the world.
    pub(crate) fn own(&self, world: Micros) -> tokio::time::Instant {
        let passed = world.saturating_sub(self.base);
        self.zero + Duration::from_micros(scaled(passed, self.rate, MILLION))
    }
}

fn scaled(micros: u64, by: u64, of: u64) -> u64 {
    if by == of {
        return micros;
    }
    let scaled = u128::from(micros) * u128::from(by) / u128::from(of);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_fast_clock_counts_more_than_has_passed() {
        let fast = Timepiece::starting_at(5_000_000, 100_000);
        tokio::time::advance(Duration::from_millis(1_100)).await;
        assert_eq!(fast.world(), 6_000_000);
        let later = fast.own(7_000_000);
        assert_eq!(
            later.duration_since(fast.zero),
            Duration::from_millis(2_200)
        );
    }
}
