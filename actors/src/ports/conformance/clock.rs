//! The suite of the [`Clock`] port.

use std::sync::Arc;

use crate::ports::Clock;

/// Readings taken one behind the other, enough to see a clock that steps back now and then.
const READINGS: usize = 10_000;

/// Checks a clock.
///
/// # Panics
/// When the adapter breaks a promise of the port.
pub async fn clock(clock: Arc<dyn Clock>) {
    let mut last = clock.now();
    for _ in 0..READINGS {
        let now = clock.now();
        assert!(now.monotonic >= last.monotonic, "monotonic time fell");
        last = now;
    }
    assert!(
        last.wall.as_millis() > 0,
        "the wall clock stands before 1970"
    );
}
