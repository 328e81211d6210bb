//! When a drive is given what was read for it.
//!
//! A drive that is fed slower than it can go has to stop, wind back and start again, which takes
//! seconds and wears tape and head. So what was read waits until there is much of it, and is given
//! then, no faster than keeps the drive going, until little is left. A source that is faster than
//! the slowest speed of the drive is written as it comes: what waits stays at its upper limit.
//!
//! Invariants: nothing is given that was not read; never more waits than the upper limit and what
//! came last; what was read is given as soon as no more comes; the drive stops only when
//! no more than the lower limit waits.

use std::time::Duration;

use holdfast_actors::kernel::Instant;

/// How much waits, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// With so much the drive starts, and nothing more is read. At least 1.
    pub high: u64,
    /// With so little it stops, if more comes. Below `high`.
    pub low: u64,
    /// Bytes in a second below which the drive stops by itself; 0 if it takes all as it comes.
    pub slowest: u64,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// Nothing is given to the drive until more was read.
    Fill,
    /// The drive is given what waits.
    Write,
    /// The same, but not before this instant.
    At(Instant),
}

/// What somebody who looks at it wants to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauge {
    /// Bytes that wait.
    pub held: u64,
    /// How often the drive had to stop.
    pub stops: u64,
    /// How long it stood still since it first started, for want of something to write.
    pub starved: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The drive has not started, or stands still since then.
    Filling(Option<Instant>),
    /// It was given so much since then.
    Writing { since: Instant, given: u64 },
}

/// What was read for one drive and waits.
#[derive(Clone, Debug)]
pub struct Spool {
    limits: Limits,
    held: u64,
    is_over: bool,
    state: State,
    stops: u64,
    starved: Duration,
}

impl Spool {
    /// One in which nothing waits.
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            held: 0,
            is_over: false,
            state: State::Filling(None),
            stops: 0,
            starved: Duration::ZERO,
        }
    }

    /// Whether more shall be read.
    pub const fn has_room(&self) -> bool {
        self.held < self.limits.high
    }

    /// So much waits now; `is_over` says that no more comes for now.
    pub fn holds(&mut self, now: Instant, bytes: u64, is_over: bool) {
        (self.held, self.is_over) = (bytes, is_over);
        self.start(now);
    }

    /// The drive took so much.
    pub fn wrote(&mut self, now: Instant, bytes: u64) {
        let was_full = self.held >= self.limits.high;
        self.held = self.held.saturating_sub(bytes);
        match &mut self.state {
            State::Writing { .. } if self.held <= self.limits.low && !self.is_over => {
                self.stops += 1;
                self.state = State::Filling(Some(now));
            }
            // What comes as fast as it goes sets the speed.
            State::Writing { since, given } if was_full => (*since, *given) = (now, 0),
            State::Writing { given, .. } => *given += bytes,
            State::Filling(_) => {}
        }
    }

    /// What is to be done now.
    pub fn advice(&self, now: Instant) -> Advice {
        match self.state {
            State::Filling(_) => Advice::Fill,
            State::Writing { .. } if self.held == 0 => Advice::Fill,
            State::Writing { since, given } => match self.due(since, given) {
                Some(due) if due > now => Advice::At(due),
                Some(_) | None => Advice::Write,
            },
        }
    }

    /// How it stands.
    pub fn gauge(&self, now: Instant) -> Gauge {
        let still = match self.state {
            State::Filling(Some(since)) => since.until(now),
            State::Filling(None) | State::Writing { .. } => Duration::ZERO,
        };
        Gauge {
            held: self.held,
            stops: self.stops,
            starved: self.starved + still,
        }
    }

    fn start(&mut self, now: Instant) {
        let is_ready = self.held >= self.limits.high || (self.is_over && self.held > 0);
        if let (State::Filling(since), true) = (self.state, is_ready) {
            self.starved += since.map_or(Duration::ZERO, |since| since.until(now));
            let given = 0;
            self.state = State::Writing { since: now, given };
        }
    }

    /// When the next may be given, so that the drive goes as slowly as it can; none if at once.
    fn due(&self, since: Instant, given: u64) -> Option<Instant> {
        if self.limits.slowest == 0 || self.is_over || !self.has_room() {
            return None;
        }
        let micros = u128::from(given) * 1_000_000 / u128::from(self.limits.slowest);
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        Some(since + Duration::from_micros(micros))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: Limits = Limits {
        high: 1_000,
        low: 100,
        slowest: 1_000,
    };

    fn at(millis: u64) -> Instant {
        Instant::from_micros(millis * 1_000)
    }

    #[test]
    fn a_drive_starts_when_much_waits_and_stops_when_little_is_left() {
        let mut spool = Spool::new(LIMITS);
        spool.holds(at(0), 999, false);
        assert_eq!(spool.advice(at(9)), Advice::Fill);
        spool.holds(at(10), 1_000, false);
        assert_eq!(spool.advice(at(10)), Advice::Write);
        assert!(!spool.has_room());
        spool.wrote(at(10), 500);
        // It was full: the pace is counted from here on.
        spool.wrote(at(20), 100);
        assert_eq!(spool.advice(at(30)), Advice::At(at(110)));
        assert_eq!(spool.advice(at(110)), Advice::Write);
        spool.wrote(at(110), 300);
        assert_eq!(spool.advice(at(900)), Advice::Fill);
        assert_eq!(spool.gauge(at(1_110)).starved, Duration::from_secs(1));
        spool.holds(at(2_110), 100, true);
        assert_eq!(spool.advice(at(2_110)), Advice::Write);
        let gauge = spool.gauge(at(5_000));
        let starved = Duration::from_secs(2);
        assert_eq!((gauge.held, gauge.stops, gauge.starved), (100, 1, starved));
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Read(u64),
        Write(u64),
        Wait(u64),
        End,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1u64..400).prop_map(Step::Read),
            4 => (1u64..400).prop_map(Step::Write),
            2 => (1u64..500).prop_map(Step::Wait),
            1 => Just(Step::End),
        ]
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_it_stops_only_with_little_left(
            steps in proptest::collection::vec(step(), 0..300),
            slowest in prop_oneof![Just(0u64), 1u64..3_000],
        ) {
            let limits = Limits { slowest, ..LIMITS };
            let (mut spool, mut now) = (Spool::new(limits), 0);
            let (mut read, mut wrote, mut before) = (0, 0, Gauge::default());
            for step in steps {
                let advice = spool.advice(at(now));
                match step {
                    Step::Read(bytes) if spool.has_room() => {
                        read += bytes;
                        spool.holds(at(now), read - wrote, false);
                    }
                    Step::Write(bytes) if advice == Advice::Write => {
                        let bytes = bytes.min(spool.gauge(at(now)).held);
                        spool.wrote(at(now), bytes);
                        wrote += bytes;
                    }
                    Step::Wait(millis) => now += millis,
                    Step::End => spool.holds(at(now), read - wrote, true),
                    Step::Read(_) | Step::Write(_) => {}
                }
                let gauge = spool.gauge(at(now));
                prop_assert_eq!(gauge.held, read - wrote);
                prop_assert!(gauge.held < limits.high + 400);
                prop_assert!(gauge.starved >= before.starved && gauge.stops >= before.stops);
                prop_assert!(gauge.stops == before.stops || gauge.held <= limits.low);
                if gauge.held >= limits.high {
                    prop_assert_eq!(spool.advice(at(now)), Advice::Write);
                }
                before = gauge;
            }
            // All that waits is written in the end, and nothing holds it up.
            let held = read - wrote;
            spool.holds(at(now), held, true);
            let last = if held > 0 { Advice::Write } else { Advice::Fill };
            prop_assert_eq!(spool.advice(at(now)), last);
        }
    }
}
