//! When which repository is read back, and how fast.
//!
//! Each served repository is read back once in [`PERIOD`], the one first whose last reading, or
//! whose making, is longest ago. Between two steps the disk rests so long that reading takes at
//! most one part in [`SHARE`] of the time, and while uploads come in it gives way, though not for
//! ever.
//!
//! One that could not be read is tried again, behind the others that are due.
//!
//! Invariant: at most one repository is read at once, and one step of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::json;

use crate::kernel::{Instant, RepositoryId, Timestamp};

/// How often each repository is read back.
pub const PERIOD: Duration = Duration::from_secs(30 * 86_400);
/// The part of the time that reading may take.
const SHARE: u32 = 10;
/// The least pause between two steps.
const PAUSE: Duration = Duration::from_millis(100);
/// How long uploads are given way at once, and at most in one reading.
const WAY: Duration = Duration::from_secs(30);
const WAY_MAX: Duration = Duration::from_secs(86_400);
/// How long after a failure a reading is tried again.
const RETRY: Duration = Duration::from_secs(3600);

/// How a step came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is more to read.
    More {
        /// Whether uploads into it are under way.
        uploading: bool,
    },
    /// All was read, and what was found is durable.
    All,
    /// It cannot be read now.
    Missed,
}

/// What is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The first step of a repository.
    First(RepositoryId),
    /// The next.
    Next(RepositoryId),
}

/// The readings of one node.
#[derive(Debug, Default)]
pub(super) struct Scrubs {
    /// When each was read last, or made.
    last: BTreeMap<RepositoryId, Timestamp>,
    by_age: BTreeSet<(Timestamp, RepositoryId)>,
    /// Those that could not be read since each of them was tried last.
    missed: BTreeSet<RepositoryId>,
    reading: Option<Reading>,
    /// No reading begins before.
    next: Instant,
}

#[derive(Debug)]
struct Reading {
    id: RepositoryId,
    /// Since when a step runs; none between two.
    since: Option<Instant>,
    /// When the next step begins.
    resume: Instant,
    /// How long uploads were given way.
    way: Duration,
}

impl Scrubs {
    /// When a repository was read last, or made; none for one that is not served.
    pub(super) fn know(&mut self, id: RepositoryId, last: Option<Timestamp>) {
        let old = match last {
            Some(last) => self.last.insert(id, last),
            None => self.last.remove(&id),
        };
        if let Some(old) = old {
            self.by_age.remove(&(old, id));
        }
        if let Some(last) = last {
            self.by_age.insert((last, id));
        } else {
            self.missed.remove(&id);
            self.reading.take_if(|reading| reading.id == id);
        }
    }

    /// Nothing begins before.
    pub(super) fn settle(&mut self, until: Instant) {
        self.next = until;
    }

    /// A step came to an end. False if nobody waits for it any more.
    pub(super) fn stepped(
        &mut self,
        now: Instant,
        trusted: Option<Timestamp>,
        id: RepositoryId,
        step: Step,
    ) -> bool {
        let Some(reading) = self.reading.as_mut().filter(|reading| reading.id == id) else {
            return false;
        };
        let took = reading.since.take().unwrap_or(now).until(now);
        let rest = (took * (SHARE - 1)).max(PAUSE);
        match step {
            Step::More { uploading } if uploading && reading.way < WAY_MAX => {
                reading.way += WAY.max(rest);
                reading.resume = now + WAY.max(rest);
                return true;
            }
            Step::More { .. } => {
                reading.resume = now + rest;
                return true;
            }
            Step::All => {
                // The catalog says so too, sooner or later.
                let last = trusted.or(self.last.get(&id).copied());
                self.know(id, last);
                self.next = now + rest;
            }
            Step::Missed => {
                self.missed.insert(id);
                self.next = now + RETRY;
            }
        }
        self.reading = None;
        true
    }

    /// When something is to be read next.
    pub(super) fn deadline(&self, trusted: Option<Timestamp>) -> Option<Instant> {
        match &self.reading {
            Some(reading) => reading.since.is_none().then_some(reading.resume),
            None => self.due(trusted).map(|_| self.next),
        }
    }

    /// What is to be read now; it counts as begun.
    pub(super) fn want(&mut self, now: Instant, trusted: Option<Timestamp>) -> Option<Wanted> {
        if self.deadline(trusted).is_none_or(|at| now < at) {
            return None;
        }
        if let Some(reading) = &mut self.reading {
            reading.since = Some(now);
            return Some(Wanted::Next(reading.id));
        }
        let id = self.due(trusted)?;
        if self.missed.contains(&id) {
            self.missed.clear();
        }
        self.reading = Some(Reading {
            id,
            since: Some(now),
            resume: now,
            way: Duration::ZERO,
        });
        Some(Wanted::First(id))
    }

    /// Whose turn it is: of those that are due, one that was not missed if there is any. One whose
    /// last reading lies far ahead was read under a wrong clock.
    fn due(&self, trusted: Option<Timestamp>) -> Option<RepositoryId> {
        let now = trusted?;
        let old = |(last, _): &&(Timestamp, _)| now.since(*last) >= PERIOD;
        let ahead = |(last, _): &&(Timestamp, _)| last.since(now) >= PERIOD;
        let oldest = self.by_age.iter().take_while(old);
        let newest = self.by_age.iter().rev().take_while(ahead);
        let mut due = oldest.chain(newest).map(|(_, id)| *id);
        let first = due.clone().next();
        due.find(|id| !self.missed.contains(id)).or(first)
    }

    /// What an operator sees.
    pub(super) fn observe(&self) -> serde_json::Value {
        json!({
            "reading": self.reading.as_ref().map(|reading| reading.id.to_string()),
            "gave-way-s": self.reading.as_ref().map(|reading| reading.way.as_secs()),
            "oldest": self.by_age.first().map(|(last, _)| last.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 86_400_000;

    fn at(millis: u64) -> Instant {
        Instant::default() + Duration::from_millis(millis)
    }

    fn day(day: u64) -> Timestamp {
        Timestamp::from_millis(day * DAY)
    }

    fn id(id: u64) -> RepositoryId {
        RepositoryId::new(id)
    }

    /// Three repositories that were read last on day 40, 2 and 3.
    fn three() -> Scrubs {
        let mut scrubs = Scrubs::default();
        for (number, last) in [(1, 40), (2, 2), (3, 3)] {
            scrubs.know(id(number), Some(day(last)));
        }
        scrubs
    }

    const MORE: Step = Step::More { uploading: false };

    #[test]
    fn the_one_read_longest_ago_goes_first_and_each_once_in_thirty_days() {
        let mut scrubs = three();
        assert_eq!(scrubs.want(at(0), Some(day(31))), None, "not yet");
        let mut read = Vec::new();
        let mut now = 0;
        for today in 32..=100 {
            let trusted = Some(day(today));
            while let Some(wanted) = scrubs.want(at(now), trusted) {
                let Wanted::First(one) = wanted else {
                    panic!("{wanted:?}");
                };
                read.push((today, one.raw()));
                assert_eq!(scrubs.want(at(now + 99), trusted), None, "one at a time");
                assert!(scrubs.stepped(at(now), trusted, one, Step::All));
                now += 100;
            }
        }
        assert_eq!(
            read,
            [
                (32, 2),
                (33, 3),
                (62, 2),
                (63, 3),
                (70, 1),
                (92, 2),
                (93, 3),
                (100, 1)
            ]
        );
    }

    #[test]
    fn reading_takes_at_most_a_tenth_of_the_time() {
        let (mut scrubs, trusted) = (three(), Some(day(32)));
        assert_eq!(scrubs.want(at(0), trusted), Some(Wanted::First(id(2))));
        assert_eq!(scrubs.deadline(trusted), None, "a step runs");
        scrubs.stepped(at(200), trusted, id(2), MORE);
        assert_eq!(scrubs.deadline(trusted), Some(at(2000)));
        assert_eq!(scrubs.want(at(1999), trusted), None);
        assert_eq!(scrubs.want(at(2000), trusted), Some(Wanted::Next(id(2))));
        scrubs.stepped(at(2001), trusted, id(2), MORE);
        assert_eq!(
            scrubs.deadline(trusted),
            Some(at(2101)),
            "a fast disk rests too"
        );
    }

    #[test]
    fn who_could_not_be_read_keeps_no_other_from_its_turn() {
        let (mut scrubs, trusted) = (three(), Some(day(100)));
        let (mut now, mut tried) = (0, Vec::new());
        for _ in 0..6 {
            let Some(Wanted::First(one)) = scrubs.want(at(now), trusted) else {
                panic!("nothing is due");
            };
            tried.push(one.raw());
            let step = if one == id(1) {
                Step::All
            } else {
                Step::Missed
            };
            scrubs.stepped(at(now), trusted, one, step);
            now += 3_600_000;
        }
        assert_eq!(tried, [2, 3, 1, 2, 3, 2]);
    }

    #[test]
    fn uploads_are_given_way_for_a_day_and_no_longer() {
        let (mut scrubs, trusted) = (three(), Some(day(32)));
        let (mut now, mut steps) = (0, 0);
        let uploading = Step::More { uploading: true };
        while now < 2 * DAY && steps < 10_000 {
            assert!(scrubs.want(at(now), trusted).is_some());
            scrubs.stepped(at(now), trusted, id(2), uploading);
            let next = scrubs.deadline(trusted).unwrap().as_micros() / 1000;
            if next - now == 100 {
                break;
            }
            assert_eq!(next - now, 30_000);
            (now, steps) = (next, steps + 1);
        }
        assert_eq!(now, DAY);
    }

    #[test]
    fn a_reading_that_failed_is_tried_again_an_hour_later() {
        let (mut scrubs, trusted) = (three(), Some(day(32)));
        scrubs.want(at(0), trusted);
        assert!(scrubs.stepped(at(10), trusted, id(2), Step::Missed));
        assert_eq!(scrubs.want(at(3_600_009), trusted), None);
        let again = scrubs.want(at(3_600_010), trusted);
        assert_eq!(again, Some(Wanted::First(id(2))));
    }

    #[test]
    fn nothing_begins_while_the_clock_is_in_doubt_and_what_is_gone_is_not_read() {
        let mut scrubs = three();
        assert_eq!(scrubs.want(at(0), None), None);
        assert_eq!(scrubs.deadline(None), None);
        assert!(scrubs.want(at(0), Some(day(32))).is_some());
        scrubs.know(id(2), None);
        assert!(!scrubs.stepped(at(5), Some(day(32)), id(2), Step::All));
        assert_eq!(scrubs.want(at(200), Some(day(32))), None);
    }

    #[test]
    fn one_that_was_read_under_a_wrong_clock_is_read_again() {
        let mut scrubs = Scrubs::default();
        scrubs.know(id(1), Some(day(400)));
        assert_eq!(scrubs.want(at(0), Some(day(371))), None);
        let wanted = scrubs.want(at(0), Some(day(32)));
        assert_eq!(wanted, Some(Wanted::First(id(1))));
    }
}
