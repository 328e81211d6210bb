//! How fast a node copies beside what it is there for.
//!
//! While writers append on this node, it copies a sixth of what they append, at least [`FLOOR`].
//! On average a node gives out as much as it takes in, so copying comes to a third of the writers'
//! bytes: on a node that is at its limit they keep three quarters of it. A share needs no figure of
//! what the hardware can do, and follows the writers down as well as up: bytes are counted when
//! they arrive, before any disk can hold them up, so copying that slows them cannot take them for
//! gone. When nobody has appended for [`QUIET`] the rate doubles from one look to the next, up to
//! [`IDLE`]: less than a disk or a link can do, since readers are not counted.

use std::time::Duration;

use holdfast_actors::kernel::Instant;

/// Bytes a second, at least.
pub(super) const FLOOR: u64 = 1 << 20;
/// Bytes a second while nobody writes, at most.
pub(super) const IDLE: u64 = 64 << 20;
/// How long nobody has written when nobody writes.
const QUIET: Duration = Duration::from_secs(1);
/// What of the writers' bytes is copied beside them.
const SHARE: u64 = 6;
/// How often writers' bytes are looked at while there is something to copy.
pub(super) const PERIOD: Duration = Duration::from_millis(250);

/// A budget of bytes.
#[derive(Debug)]
pub(super) struct Pace {
    /// Bytes that may be copied now; below zero, bytes that were and had to wait.
    tokens: i64,
    /// Bytes a second.
    rate: u64,
    /// When tokens were last added.
    at: Instant,
    /// When writers' bytes were last looked at, and how many there were.
    seen: Option<(Instant, u64)>,
    /// When writers had last appended.
    written: Instant,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            tokens: 0,
            rate: FLOOR,
            at: Instant::default(),
            seen: None,
            written: Instant::default(),
        }
    }
}

impl Pace {
    /// Bytes a second.
    pub(super) fn rate(&self) -> u64 {
        self.rate
    }

    /// So many bytes were appended by writers since the start of the node.
    pub(super) fn seen(&mut self, now: Instant, appended: u64) {
        self.refill(now);
        let before = self.seen.replace((now, appended));
        let Some((at, before)) = before else {
            self.written = now;
            return;
        };
        let micros = at.until(now).as_micros() as u64;
        let bytes = appended.saturating_sub(before);
        if bytes > 0 {
            self.written = now;
            let rate = bytes.saturating_mul(1_000_000) / micros.max(1);
            self.rate = (rate / SHARE).clamp(FLOOR, IDLE);
        } else if self.written.until(now) >= QUIET {
            self.rate = (self.rate * 2).min(IDLE);
        }
        // What was saved up in quieter times is not spent on writers that have come.
        self.tokens = self.tokens.min(self.most());
    }

    /// Nobody looks any more: the next look begins anew.
    pub(super) fn rest(&mut self) {
        self.seen = None;
        self.rate = FLOOR;
    }

    /// Takes bytes out of the budget, if it is not spent. It may fall below nothing by as many.
    pub(super) fn take(&mut self, now: Instant, bytes: u64) -> bool {
        self.refill(now);
        let may = self.tokens > 0;
        if may {
            self.tokens -= i64::try_from(bytes).unwrap_or(i64::MAX);
        }
        may
    }

    /// When there is something in the budget again.
    pub(super) fn ready(&self) -> Instant {
        let missing = u64::try_from(1 - self.tokens).unwrap_or(0);
        let micros = missing.saturating_mul(1_000_000).div_ceil(self.rate);
        self.at + Duration::from_micros(micros)
    }

    fn most(&self) -> i64 {
        (self.rate / 4) as i64
    }

    fn refill(&mut self, now: Instant) {
        let micros = self.at.until(now).as_micros() as u64;
        let fresh = micros.min(1_000_000) * self.rate / 1_000_000;
        if fresh > 0 {
            self.tokens = (self.tokens + fresh as i64).min(self.most());
            self.at = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PIECE: u64 = 512 << 10;

    /// One node whose disk does so many bytes a second, and writers that want so many. The worst
    /// case: copying, in and out, goes before writers. Bytes a second of both, after a while.
    fn share(disk: u64, wanted: u64, idle_before: u64) -> (u64, u64) {
        let step = Duration::from_millis(10);
        let per = |rate: u64| rate / 100;
        let (mut pace, mut now) = (Pace::default(), Instant::default());
        let (mut arrived, mut waiting, mut written, mut copied) = (0, 0, 0, 0);
        for turn in 0..idle_before * 100 + 3_000 {
            now = now + step;
            if turn % 25 == 0 {
                pace.seen(now, arrived);
            }
            let mut left = per(disk);
            while left > 0 && pace.take(now, PIECE) {
                copied += if turn >= idle_before * 100 + 1_000 {
                    PIECE
                } else {
                    0
                };
                left = left.saturating_sub(2 * PIECE);
            }
            if turn >= idle_before * 100 {
                // Writers have a window: who waits for so many bytes sends nothing.
                let more = per(wanted).min((8u64 << 20).saturating_sub(waiting));
                (arrived, waiting) = (arrived + more, waiting + more);
                let done = waiting.min(left);
                waiting -= done;
                written += if turn >= idle_before * 100 + 1_000 {
                    done
                } else {
                    0
                };
            }
        }
        (written / 20, copied / 20)
    }

    proptest! {
        #[test]
        fn writers_keep_seven_tenths_of_what_they_had(
            disk in 20u64..800, wanted in 10u64..1_000, idle_before in 0u64..20,
        ) {
            let (disk, wanted) = (disk << 20, wanted << 20);
            let alone = disk.min(wanted);
            let (written, copied) = share(disk, wanted, idle_before);
            prop_assert!(written * 10 >= alone * 7, "{written} of {alone}");
            prop_assert!(copied >= FLOOR * 9 / 10, "{copied}");
        }
    }

    #[test]
    fn where_nobody_writes_copying_becomes_fast() {
        let (written, copied) = share(400 << 20, 0, 10);
        assert_eq!(written, 0);
        assert!(copied > IDLE * 9 / 10, "{copied}");
    }
}
