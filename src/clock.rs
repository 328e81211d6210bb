//! The machine's own clocks, behind the [`Clock`] port.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use holdfast_actors::kernel::{self, Now, Timestamp};
use holdfast_actors::ports::Clock;

/// The operating system's clocks: monotonic time counts from when this was made.
#[derive(Debug)]
pub struct SystemClock(Instant);

impl SystemClock {
    /// A clock that starts now.
    #[expect(
        clippy::new_without_default,
        clippy::disallowed_methods,
        reason = "this is the adapter of the Clock port; its start is no default"
    )]
    pub fn new() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the adapter of the Clock port"
    )]
    fn now(&self) -> Now {
        // A wall clock before 1970 counts as 1970: nothing of ours is older.
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let micros = u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX);
        Now {
            monotonic: kernel::Instant::from_micros(micros),
            wall: Timestamp::from_millis(u64::try_from(wall.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use holdfast_actors::ports::conformance;

    use super::*;

    #[tokio::test]
    async fn the_system_clock_keeps_the_promises_of_the_port() {
        conformance::clock(Arc::new(SystemClock::new())).await;
    }
}
