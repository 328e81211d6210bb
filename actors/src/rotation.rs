//! When a node switches to the certificate that waits, and that the catalog hears of it.
//!
//! The switch comes at its date by the wall clock, which is looked at every ten minutes because it
//! may jump. What is served and not told yet stays so across a crash, and is told under one number,
//! so that there is one event for each switch. A failure is tried again after a minute.

mod hands;

use std::time::Duration;

use serde_json::json;

use crate::kernel::{Acts, Instant, Machine, Never, Now, Timestamp};
use crate::shell::Fault;

pub use hands::{Message, RotationHands};

/// How long a jump of the wall clock may go unseen.
const LOOK: Duration = Duration::from_secs(600);
/// How long after a failure it is tried again.
const PAUSE: Duration = Duration::from_secs(60);

/// Where the store stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When the next certificate is to be served, if there is one.
    pub due: Option<Timestamp>,
    /// Whether one is served that the catalog was not told of.
    pub untold: bool,
}

/// Where a node keeps its certificates. What is kept outlives a crash.
pub trait Certificates: Send + 'static {
    /// Where it stands.
    fn standing(&self) -> Standing;

    /// The SHA-256 of the certificate that is served, as people compare it, and the number under
    /// which the catalog is told of it: always the same for one certificate.
    fn served(&self) -> (String, u64);

    /// Serves the next certificate from now on, if it is the one with this date. If another took
    /// its place meanwhile, that one waits for its own.
    ///
    /// # Errors
    /// When nothing can be kept; then nothing changes.
    fn switch(&mut self, due: Timestamp) -> Result<(), Fault>;

    /// The catalog knows of this certificate. One that is served no more is no news.
    ///
    /// # Errors
    /// When nothing can be kept; then it counts as not told.
    fn told(&mut self, thumbprint: &str) -> Result<(), Fault>;
}

/// What happens to the certificates.
#[derive(Debug)]
pub enum Event {
    /// Somebody changed the store, or what was wanted of it was done.
    Stands(Standing),
    /// What was wanted was not done.
    Failed,
}

/// What is wanted.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Serve the next certificate, which was to be served from this date on.
    Switch(Timestamp),
    /// Tell the catalog of the one that is served.
    Announce,
}

/// Decides when to switch.
#[derive(Debug)]
pub struct Rotation {
    standing: Standing,
    is_busy: bool,
    /// When to look again, if there is anything to wait for.
    look: Option<Instant>,
}

impl Machine for Rotation {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        self.is_busy = false;
        match event {
            Event::Stands(standing) => {
                self.standing = standing;
                self.settle(now, acts);
            }
            Event::Failed => self.look = Some(now.monotonic + PAUSE),
        }
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        self.look
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.look.is_some_and(|look| look <= now.monotonic) {
            self.settle(now, acts);
        }
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "switch": self.standing.due.map(|due| due.to_string()),
            "untold": self.standing.untold,
        })
    }
}

impl Rotation {
    /// For a store that stands so. Looks at it at once.
    pub const fn new(standing: Standing) -> Self {
        let (is_busy, look) = (false, Some(Instant::from_micros(0)));
        Self {
            standing,
            is_busy,
            look,
        }
    }

    fn settle(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.look = None;
        if self.is_busy {
            return;
        }
        let wait = self.standing.due.map(|due| (due, due.since(now.wall)));
        let effect = match wait {
            _ if self.standing.untold => Effect::Announce,
            Some((due, Duration::ZERO)) => Effect::Switch(due),
            Some((_, wait)) => {
                self.look = Some(now.monotonic + wait.min(LOOK));
                return;
            }
            None => return,
        };
        self.is_busy = true;
        acts.start(effect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(seconds: u64) -> Now {
        Now {
            monotonic: Instant::from_micros(seconds * 1_000_000),
            wall: Timestamp::from_millis(seconds * 1000),
        }
    }

    fn due(seconds: u64) -> Standing {
        let due = Some(Timestamp::from_millis(seconds * 1000));
        Standing { due, untold: false }
    }

    fn done(rotation: &mut Rotation, at: Now, event: Event) -> String {
        let mut acts = Acts::default();
        rotation.step(at, event, &mut acts);
        format!("{:?}", acts.iter().collect::<Vec<_>>())
    }

    fn woken(rotation: &mut Rotation, at: Now) -> String {
        let mut acts = Acts::default();
        rotation.wake(at, &mut acts);
        format!("{:?}", acts.iter().collect::<Vec<_>>())
    }

    fn assert_switches(acts: &str) {
        assert!(acts.starts_with("[Start Switch("), "{acts}");
    }

    #[test]
    fn the_next_certificate_is_served_at_its_date_and_told_of_once() {
        let mut rotation = Rotation::new(due(1000));
        assert_eq!(woken(&mut rotation, now(0)), "[]");
        assert_eq!(rotation.deadline(), Some(now(600).monotonic));
        assert_eq!(woken(&mut rotation, now(600)), "[]");
        assert_eq!(rotation.deadline(), Some(now(1000).monotonic));
        assert_switches(&woken(&mut rotation, now(1000)));
        assert_eq!(rotation.deadline(), None);
        let untold = Standing {
            due: None,
            untold: true,
        };
        let told = done(&mut rotation, now(1001), Event::Stands(untold));
        assert_eq!(told, "[Start Announce]");
        let rest = done(&mut rotation, now(1002), Event::Stands(Standing::default()));
        assert_eq!((rest.as_str(), rotation.deadline()), ("[]", None));
    }

    #[test]
    fn a_failure_is_tried_again_after_a_minute() {
        let mut rotation = Rotation::new(due(0));
        assert_switches(&woken(&mut rotation, now(1)));
        assert_eq!(done(&mut rotation, now(1), Event::Failed), "[]");
        assert_eq!(woken(&mut rotation, now(60)), "[]");
        assert_switches(&woken(&mut rotation, now(61)));
    }

    #[test]
    fn a_wall_clock_that_jumps_is_seen_within_ten_minutes() {
        let mut rotation = Rotation::new(due(1_000_000));
        assert_eq!(woken(&mut rotation, now(0)), "[]");
        let jumped = Now {
            wall: now(1_000_000).wall,
            ..now(600)
        };
        assert_switches(&woken(&mut rotation, jumped));
    }
}
