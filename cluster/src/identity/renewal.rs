//! When a node's certificate is renewed.
//!
//! At two thirds of its life, then again and again until it succeeds: a month is left for whatever
//! is in the way. Dates are on the wall, which may jump, so the machine looks at it every ten
//! seconds: a look costs two numbers, and a node whose certificate ended is heard by nobody.
//!
//! Invariant: at most one renewal is under way.

use std::time::Duration;

use holdfast_actors::kernel::{Acts, Instant, Machine, Never, Now, Timestamp};
use serde_json::json;

/// How long to wait after the first failure; each further one doubles it.
const RETRY_LEAST: Duration = Duration::from_secs(60);
/// The longest wait after a failure.
const RETRY_MOST: Duration = Duration::from_secs(3_600);
/// A renewal that is not answered in so long has failed.
const ANSWER: Duration = Duration::from_secs(60);
/// How often the wall is looked at.
const LOOK: Duration = Duration::from_secs(10);

/// What happened to the certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// This certificate is shown now: at the start, and after each renewal.
    Shown {
        /// Its first moment.
        from: Timestamp,
        /// Its last.
        until: Timestamp,
    },
    /// The renewal that was asked for did not succeed.
    Failed,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Have the node's key signed anew.
    Renew,
}

/// One node's certificate.
#[derive(Debug, Default)]
pub struct Renewal {
    from: Timestamp,
    until: Timestamp,
    /// When the renewal that is under way has failed.
    asking: Option<Instant>,
    failures: u32,
    next: Option<Instant>,
}

impl Renewal {
    /// Two thirds of the life.
    fn due(&self) -> Timestamp {
        self.from + self.until.since(self.from) * 2 / 3
    }

    fn pause(&self) -> Duration {
        let doubled = 1_u32.checked_shl(self.failures.saturating_sub(1));
        let pause = RETRY_LEAST.saturating_mul(doubled.unwrap_or(u32::MAX));
        pause.min(RETRY_MOST)
    }

    fn fail(&mut self, now: Now) {
        self.asking = None;
        self.failures = self.failures.saturating_add(1);
        self.next = Some(now.monotonic + self.pause());
    }

    fn look(&mut self, now: Now, acts: &mut Acts<Self>) {
        let due = self.due();
        if now.wall < due {
            self.next = Some(now.monotonic + due.since(now.wall).min(LOOK));
            return;
        }
        self.asking = Some(now.monotonic + ANSWER);
        self.next = None;
        acts.start(Effect::Renew);
    }
}

impl Machine for Renewal {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Shown { from, until } => {
                let asked = self.asking.take();
                (self.from, self.until) = (from, until);
                if asked.is_some() && self.due() <= now.wall {
                    // Whoever signed it has a clock that is far behind; asked again at once, it
                    // would do so for ever.
                    return self.fail(now);
                }
                self.failures = 0;
                self.look(now, acts);
            }
            Event::Failed if self.asking.is_some() => self.fail(now),
            Event::Failed => {}
        }
    }

    fn apply(&mut self, _record: &Never) {}

    fn deadline(&self) -> Option<Instant> {
        self.asking.or(self.next)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.asking.is_some_and(|end| end <= now.monotonic) {
            self.fail(now);
        } else if self.next.is_some_and(|next| next <= now.monotonic) {
            self.look(now, acts);
        }
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "from": self.from.to_string(),
            "until": self.until.to_string(),
            "renewed from": self.due().to_string(),
            "failures": self.failures,
        })
    }

    fn waits(&self) -> Vec<String> {
        if self.failures == 0 {
            return Vec::new();
        }
        vec![format!(
            "the node's certificate, good until {}, to be renewed: {} attempts failed",
            self.until, self.failures
        )]
    }
}

#[cfg(test)]
mod tests {
    use holdfast_actors::kernel::Act;
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = 86_400;

    /// A machine in virtual time.
    struct Run {
        machine: Renewal,
        seconds: u64,
        asked: Vec<u64>,
    }

    impl Run {
        fn new(life: u64) -> Self {
            let mut run = Self {
                machine: Renewal::default(),
                seconds: 0,
                asked: Vec::new(),
            };
            run.shown(0, life);
            run
        }

        fn now(&self) -> Now {
            Now {
                monotonic: Instant::from_micros(self.seconds * 1_000_000),
                wall: Timestamp::from_millis(self.seconds * 1_000),
            }
        }

        fn note(&mut self, acts: Acts<Renewal>) {
            let asks = |act: &Act<Renewal>| matches!(act, Act::Start(Effect::Renew));
            self.asked
                .extend(acts.iter().filter(|act| asks(act)).map(|_| self.seconds));
        }

        fn event(&mut self, event: Event) {
            let mut acts = Acts::default();
            self.machine.step(self.now(), event, &mut acts);
            self.note(acts);
        }

        fn shown(&mut self, from: u64, until: u64) {
            let at = |seconds| Timestamp::from_millis(seconds * 1_000);
            self.event(Event::Shown {
                from: at(from),
                until: at(until),
            });
        }

        /// Lets time pass from deadline to deadline.
        fn until(&mut self, end: u64) {
            while let Some(deadline) = self.machine.deadline() {
                let due = deadline.as_micros().div_ceil(1_000_000);
                if due > end {
                    break;
                }
                self.seconds = self.seconds.max(due);
                let mut acts = Acts::default();
                self.machine.wake(self.now(), &mut acts);
                self.note(acts);
            }
            self.seconds = end;
        }
    }

    #[test]
    fn a_certificate_is_renewed_at_two_thirds_of_its_life() {
        let mut run = Run::new(90 * DAY);
        run.until(61 * DAY);
        assert_eq!(run.asked.first(), Some(&(60 * DAY)));
    }

    #[test]
    fn failures_are_tried_again_ever_more_slowly_and_told() {
        let mut run = Run::new(90 * DAY);
        run.until(60 * DAY);
        assert!(run.machine.waits().is_empty());
        for _ in 0..10 {
            run.event(Event::Failed);
            let next = run.machine.deadline().unwrap().as_micros() / 1_000_000;
            run.until(next);
        }
        let pauses: Vec<u64> = run.asked.windows(2).map(|two| two[1] - two[0]).collect();
        assert_eq!(
            pauses,
            [60, 120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600, 3_600]
        );
        let told = run.machine.waits().join("\n");
        assert!(told.contains("10 attempts failed"), "{told}");
        run.shown(60 * DAY, 150 * DAY);
        assert!(run.machine.waits().is_empty());
    }

    #[test]
    fn an_answer_that_never_comes_is_a_failure() {
        let mut run = Run::new(90 * DAY);
        run.until(60 * DAY + 200);
        assert_eq!(run.asked, [60 * DAY, 60 * DAY + 120]);
    }

    #[test]
    fn a_failure_of_nothing_that_was_asked_changes_nothing() {
        let mut run = Run::new(90 * DAY);
        let before = run.machine.deadline();
        run.event(Event::Failed);
        assert_eq!(run.machine.deadline(), before);
        assert!(run.machine.waits().is_empty());
    }

    #[test]
    fn one_that_is_due_when_it_comes_is_not_asked_for_again_at_once() {
        let mut run = Run::new(90 * DAY);
        run.until(60 * DAY);
        run.shown(0, 89 * DAY);
        assert_eq!(run.asked, [60 * DAY]);
        run.until(60 * DAY + 60);
        assert_eq!(run.asked, [60 * DAY, 60 * DAY + 60]);
        run.shown(60 * DAY, 150 * DAY);
        assert!(run.machine.waits().is_empty());
    }

    #[test]
    fn a_wall_that_jumps_is_noticed_within_seconds() {
        let mut run = Run::new(90 * DAY);
        run.until(DAY);
        let mut acts = Acts::default();
        let jumped = Now {
            monotonic: run.machine.deadline().unwrap(),
            wall: Timestamp::from_millis(80 * DAY * 1_000),
        };
        assert!(run.now().monotonic.until(jumped.monotonic) <= LOOK);
        run.machine.wake(jumped, &mut acts);
        assert!(!acts.is_empty());
    }

    proptest! {
        #[test]
        fn one_renewal_at_a_time_and_none_before_it_is_due(
            steps in prop::collection::vec((0..3_u8, 0..200_000_u64), 1..60),
        ) {
            let mut run = Run::new(90 * DAY);
            let mut open = 0_usize;
            for (kind, seconds) in steps {
                let before = run.asked.len();
                match kind {
                    0 => run.until(run.seconds + seconds),
                    1 => run.event(Event::Failed),
                    _ => run.shown(run.seconds, run.seconds + 90 * DAY),
                }
                let at_once = run.asked[before..].windows(2).all(|two| two[1] >= two[0] + 60);
                prop_assert!(at_once, "{:?}", run.asked);
                open += run.asked.len() - before;
            }
            prop_assert!(run.asked.iter().all(|asked| *asked >= 60 * DAY), "{open}");
        }
    }
}
