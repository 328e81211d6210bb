//! How failed log-ins slow down those that follow.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::kernel::Instant;

/// Failures that cost nothing yet.
const FREE: u32 = 4;
/// The delay after the first failure that costs something; each further one doubles it.
const DELAY: Duration = Duration::from_millis(250);
/// After so much quiet all is forgotten.
const QUIET: Duration = Duration::from_secs(900);
/// The most keys remembered; the one that failed longest ago makes room.
pub(super) const FAILURES_MAX: usize = 4096;

/// Failures by address, or by account.
#[derive(Debug)]
pub(super) struct Failures<K> {
    delay_max: Duration,
    entries: BTreeMap<K, Entry>,
    by_age: BTreeSet<(Instant, K)>,
}

#[derive(Debug)]
struct Entry {
    count: u32,
    /// When the next attempt may start.
    next: Instant,
    last: Instant,
}

impl<K: Ord + Clone> Failures<K> {
    /// An empty table whose delays grow up to `delay_max`.
    pub(super) const fn new(delay_max: Duration) -> Self {
        Self {
            delay_max,
            entries: BTreeMap::new(),
            by_age: BTreeSet::new(),
        }
    }

    /// When the next attempt may start, if not now.
    pub(super) fn due(&self, key: &K, now: Instant) -> Instant {
        let entry = self
            .entries
            .get(key)
            .filter(|entry| now < entry.last + QUIET);
        entry.map_or(now, |entry| entry.next.max(now))
    }

    /// Counts an attempt that starts then; the next one starts later for it.
    pub(super) fn count(&mut self, key: &K, now: Instant, start: Instant) {
        let count = self.remove(key, now) + 1;
        let delay = match count.checked_sub(FREE + 1) {
            None => Duration::ZERO,
            Some(beyond) => DELAY
                .saturating_mul(1 << beyond.min(16))
                .min(self.delay_max),
        };
        self.insert(key.clone(), count, now, start + delay);
        while self.entries.len() > FAILURES_MAX
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.entries.remove(&oldest);
        }
    }

    /// An attempt that was counted did not fail after all.
    pub(super) fn forgive(&mut self, key: &K, now: Instant) {
        let next = self.due(key, now);
        let count = self.remove(key, now);
        if count > 1 {
            let next = if count > FREE + 1 { next } else { now };
            self.insert(key.clone(), count - 1, now, next);
        }
    }

    /// How many keys are remembered.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    fn insert(&mut self, key: K, count: u32, last: Instant, next: Instant) {
        self.by_age.insert((last, key.clone()));
        self.entries.insert(key, Entry { count, next, last });
    }

    fn remove(&mut self, key: &K, now: Instant) -> u32 {
        let Some(entry) = self.entries.remove(key) else {
            return 0;
        };
        self.by_age.remove(&(entry.last, key.clone()));
        if now < entry.last + QUIET {
            entry.count
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1000)
    }

    #[test]
    fn delays_double_from_the_fifth_failure_on_up_to_the_most() {
        let mut failures = Failures::new(Duration::from_secs(2));
        let mut delays = Vec::new();
        for _ in 0..10 {
            let start = failures.due(&1, at(0));
            failures.count(&1, at(0), start);
            delays.push(start.until(failures.due(&1, at(0))).as_millis());
        }
        assert_eq!(delays, [0, 0, 0, 0, 250, 500, 1000, 2000, 2000, 2000]);
        assert_eq!(failures.due(&2, at(0)), at(0));
    }

    #[test]
    fn a_quarter_of_an_hour_of_quiet_forgets_all() {
        let mut failures = Failures::new(Duration::from_secs(3600));
        (0..20).for_each(|_| failures.count(&1, at(0), at(0)));
        assert!(failures.due(&1, at(899_999)) > at(899_999));
        assert_eq!(failures.due(&1, at(900_000)), at(900_000));
        failures.count(&1, at(900_000), at(900_000));
        assert_eq!(failures.due(&1, at(900_000)), at(900_000));
    }

    #[test]
    fn success_takes_back_its_own_failure_and_no_other() {
        let mut failures = Failures::new(Duration::from_secs(60));
        (0..6).for_each(|_| failures.count(&1, at(0), at(0)));
        failures.forgive(&1, at(0));
        assert_eq!(failures.due(&1, at(0)), at(500));
        failures.count(&1, at(1000), at(1000));
        assert_eq!(failures.due(&1, at(1000)), at(1500));
        failures.count(&2, at(0), at(0));
        failures.forgive(&2, at(0));
        assert_eq!(failures.len(), 1);
    }

    #[test]
    fn the_table_is_bounded_and_drops_what_failed_longest_ago() {
        let mut failures = Failures::new(Duration::from_secs(60));
        for key in 0..FAILURES_MAX + 10 {
            let now = at(key as u64);
            (0..6).for_each(|_| failures.count(&key, now, now));
        }
        assert_eq!(failures.len(), FAILURES_MAX);
        assert_eq!(failures.by_age.len(), FAILURES_MAX);
        let now = at(FAILURES_MAX as u64 + 10);
        assert_eq!(failures.due(&9, now), now);
        assert!(failures.due(&(FAILURES_MAX + 9), now) > now);
    }
}
