//! How well the drive is fed by a run that is under way.

use holdfast_actors::kernel::Size;
use serde::Serialize;

/// How well the drive is fed by a run that is under way; all of it is none while nothing is
/// written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Feed {
    /// MB a second, in the mean since the attempt began.
    pub speed: Option<f64>,
    /// Bytes that wait for the drive.
    pub buffer: Option<Size>,
    /// Seconds that the drive waited for bytes.
    pub starved: Option<u64>,
}

impl Feed {
    /// As the actor of a run tells it.
    pub fn of(state: &serde_json::Value) -> Self {
        let number = |name: &str| state.get(name)?.as_u64();
        let speed = number("done-bytes").zip(number("busy-ms"));
        // Bytes a millisecond are kB a second; one place behind the point.
        let tenths = |(bytes, ms): (u64, u64)| bytes.checked_div(ms).map(|kb| kb / 100);
        let tenths = speed.and_then(tenths).and_then(|it| u32::try_from(it).ok());
        Self {
            speed: tenths.map(|it| f64::from(it) / 10.0),
            buffer: number("waiting-bytes").map(Size::bytes),
            starved: number("starved-ms").map(|ms| ms / 1_000),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_run_tells_how_fast_it_is_and_how_long_its_drive_starved() {
        let state = json!({
            "done-bytes": 412_000_000, "busy-ms": 4_000,
            "waiting-bytes": 1024, "starved-ms": 2_999,
        });
        let feed = Feed::of(&state);
        let wanted = (Some(103.0), Some(Size::bytes(1024)), Some(2));
        assert_eq!((feed.speed, feed.buffer, feed.starved), wanted);
        assert_eq!(
            Feed::of(&json!({ "done-bytes": 1, "busy-ms": 0 })).speed,
            None
        );
        assert_eq!(Feed::of(&json!(null)), Feed::default());
    }
}
