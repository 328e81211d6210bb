//! Time under the simulation's hand, behind the [`Clock`] port.
//!
//! The monotonic clock is tokio's, which stands still while anybody works; the wall clock can be
//! set to anything at any time.

use std::sync::{Mutex, PoisonError};

use holdfast_actors::kernel::{Instant, Now, Timestamp};
use holdfast_actors::ports;

/// The clocks of one simulated node.
#[derive(Debug)]
pub struct Clock {
    start: tokio::time::Instant,
    /// What the wall showed at a monotonic time.
    wall: Mutex<(Instant, Timestamp)>,
}

impl Clock {
    /// Clocks that start now: the monotonic one at 0, the wall at `wall`. Only inside a runtime
    /// whose time is paused is this time the simulation's.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter of the Clock port"
    )]
    pub fn starting_at(wall: Timestamp) -> Self {
        Self {
            start: tokio::time::Instant::now(),
            wall: Mutex::new((Instant::default(), wall)),
        }
    }

    /// Sets the wall clock, forward or back; it runs on from there.
    pub fn set_wall(&self, wall: Timestamp) {
        let monotonic = self.monotonic();
        *self.wall.lock().unwrap_or_else(PoisonError::into_inner) = (monotonic, wall);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter of the Clock port"
    )]
    fn monotonic(&self) -> Instant {
        let elapsed = tokio::time::Instant::now().duration_since(self.start);
        Instant::default() + elapsed
    }
}

impl ports::Clock for Clock {
    fn now(&self) -> Now {
        let monotonic = self.monotonic();
        let (set_at, shown) = *self.wall.lock().unwrap_or_else(PoisonError::into_inner);
        Now {
            monotonic,
            wall: shown + set_at.until(monotonic),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use holdfast_actors::ports::{Clock as _, conformance};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_simulated_clock_keeps_the_promises_of_the_port() {
        let wall = Timestamp::parse("2026-01-01T00:00:00Z").unwrap();
        conformance::clock(Arc::new(Clock::starting_at(wall))).await;
    }

    #[tokio::test(start_paused = true)]
    async fn the_wall_jumps_back_and_the_monotonic_clock_does_not() {
        let clock = Clock::starting_at(Timestamp::from_millis(5_000));
        tokio::time::advance(Duration::from_secs(2)).await;
        assert_eq!(clock.now().wall, Timestamp::from_millis(7_000));
        clock.set_wall(Timestamp::from_millis(1_000));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(clock.now().wall, Timestamp::from_millis(2_000));
        assert_eq!(clock.now().monotonic, Instant::from_micros(3_000_000));
    }
}
