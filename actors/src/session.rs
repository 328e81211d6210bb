//! A session: one credential at work from one address, as operators see and count it.
//!
//! Opened by its first request, closed when it has been idle for [`IDLE`] or when its tenant ends
//! it. It never decides who may do what: its tenant does, and tells it what happened.
//!
//! Invariant: an open session with a request in progress is never idle.

mod hands;

use std::net::IpAddr;
use std::time::Duration;

use serde_json::json;

use crate::catalog::rows::SessionResult;
use crate::kernel::{Acts, CredentialId, Instant, Machine, Never, Now, Size, Timestamp};
use crate::object::Kind;
use crate::refusal::Reason;
use crate::service::Intent;

pub use hands::SessionHands;

/// How long nothing happens before a session is over.
pub const IDLE: Duration = Duration::from_secs(120);

/// Who works in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Party {
    /// The login.
    pub credential: CredentialId,
    /// The address.
    pub peer: IpAddr,
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// From the tenant to us.
    Upload,
    /// From us to the tenant.
    Download,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused after it had been let in: by the quota, by its hash.
    Refused,
    /// The client went away in the middle.
    Broken,
}

/// What a session is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request was let in.
    Entered,
    /// A request was refused at the door.
    Refused(Reason),
    /// Bytes were moved.
    Moved(Direction, Size),
    /// A request that was let in is over.
    Left(Intent, Outcome),
    /// The tenant ends the session.
    End(Reason),
}

/// What a session wants done.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Tell the tenant, and be gone.
    Close(Report),
}

/// What remains of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// When its first request came.
    pub opened: Timestamp,
    /// When it was closed.
    pub closed: Timestamp,
    /// How it went.
    pub result: SessionResult,
    /// Requests, the refused ones too.
    pub requests: u64,
    /// Bytes from the tenant.
    pub uploaded: Size,
    /// Bytes to the tenant.
    pub downloaded: Size,
    /// Snapshots stored: one receipt each, for metering.
    pub snapshots: u64,
    /// Why it was ended, if it did not end by itself.
    pub reason: Option<Reason>,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    party: Party,
    opened: Timestamp,
    last: Now,
    requests: u64,
    running: u64,
    uploaded: Size,
    downloaded: Size,
    snapshots: u64,
    /// Whether the last that happened was a refusal or a broken transfer.
    failing: bool,
    closed: bool,
}

impl Session {
    /// A session whose first request comes now.
    pub const fn open(party: Party, now: Now) -> Self {
        Self {
            party,
            opened: now.wall,
            last: now,
            requests: 0,
            running: 0,
            uploaded: Size::ZERO,
            downloaded: Size::ZERO,
            snapshots: 0,
            failing: false,
            closed: false,
        }
    }

    fn close(&mut self, now: Now, reason: Option<Reason>, acts: &mut Acts<Self>) {
        // What runs when a session is ended is cut, and that is a failure whatever went before.
        let cut = reason.is_some() && self.running > 0;
        let result = match (cut, self.snapshots, self.failing) {
            (true, ..) | (false, 0, true) => SessionResult::Failed,
            (false, 0, false) => SessionResult::None,
            (false, ..) => SessionResult::Success,
        };
        self.closed = true;
        acts.show(Effect::Close(Report {
            opened: self.opened,
            closed: now.wall,
            result,
            requests: self.requests,
            uploaded: self.uploaded,
            downloaded: self.downloaded,
            snapshots: self.snapshots,
            reason,
        }));
    }
}

impl Machine for Session {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        if self.closed {
            return;
        }
        self.last = now;
        match event {
            Event::Entered => {
                self.requests += 1;
                self.running += 1;
            }
            Event::Refused(_) => {
                self.requests += 1;
                self.failing = true;
            }
            Event::Moved(Direction::Upload, size) => self.uploaded += size,
            Event::Moved(Direction::Download, size) => self.downloaded += size,
            Event::Left(intent, outcome) => {
                self.running = self.running.saturating_sub(1);
                self.failing = outcome != Outcome::Done;
                let stored = matches!(intent, Intent::Write(Kind::Snapshot, _));
                self.snapshots += u64::from(stored && outcome == Outcome::Done);
            }
            Event::End(reason) => self.close(now, Some(reason), acts),
        }
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let idle = !self.closed && self.running == 0;
        idle.then(|| self.last.monotonic + IDLE)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.deadline().is_some_and(|due| due <= now.monotonic) {
            self.close(now, None, acts);
        }
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "credential": self.party.credential.to_string(),
            "peer": self.party.peer.to_string(),
            "opened": self.opened.to_string(),
            "last-activity": self.last.wall.to_string(),
            "requests": self.requests,
            "running": self.running,
            "uploaded": self.uploaded.as_bytes(),
            "downloaded": self.downloaded.as_bytes(),
            "snapshots": self.snapshots,
            "failing": self.failing,
        })
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    const SNAPSHOT: Intent = Intent::Write(Kind::Snapshot, Size::bytes(300));

    fn check(script: &[(u64, Option<Event>)], expected: &Expect) {
        let at = |seconds: u64| Now {
            monotonic: Instant::from_micros(seconds * 1_000_000),
            wall: Timestamp::from_millis(seconds * 1000),
        };
        let party = Party {
            credential: CredentialId::new(1),
            peer: IpAddr::from([192, 0, 2, 1]),
        };
        let mut session = Session::open(party, at(0));
        let mut lines = String::new();
        for (seconds, event) in script {
            let mut acts = Acts::default();
            match event {
                Some(event) => session.step(at(*seconds), *event, &mut acts),
                None => session.wake(at(*seconds), &mut acts),
            }
            for act in acts {
                let crate::kernel::Act::Show(Effect::Close(report)) = act else {
                    panic!("a session only closes");
                };
                lines += &format!(
                    "{seconds}: {:?} after {} requests, {:?}\n",
                    report.result, report.requests, report.reason
                );
            }
        }
        expected.assert_eq(&lines);
    }

    #[test]
    fn a_session_closes_after_120_idle_seconds_and_not_while_a_request_runs() {
        check(
            &[
                (0, Some(Event::Entered)),
                (130, None),
                (200, Some(Event::Left(Intent::Probe, Outcome::Done))),
                (319, None),
                (320, None),
                (500, Some(Event::Entered)),
            ],
            &expect![[r#"
                320: None after 1 requests, None
            "#]],
        );
    }

    #[test]
    fn a_session_that_stored_a_snapshot_is_a_success() {
        check(
            &[
                (0, Some(Event::Entered)),
                (1, Some(Event::Left(SNAPSHOT, Outcome::Done))),
                (2, Some(Event::Refused(Reason::Scope))),
                (122, None),
            ],
            &expect![[r#"
                122: Success after 2 requests, None
            "#]],
        );
    }

    #[test]
    fn a_session_whose_last_request_was_refused_or_broken_has_failed() {
        check(
            &[(0, Some(Event::Refused(Reason::Scope))), (120, None)],
            &expect![[r#"
                120: Failed after 1 requests, None
            "#]],
        );
        check(
            &[
                (0, Some(Event::Entered)),
                (1, Some(Event::Left(SNAPSHOT, Outcome::Broken))),
                (121, None),
            ],
            &expect![[r#"
                121: Failed after 1 requests, None
            "#]],
        );
    }

    #[test]
    fn a_refusal_that_was_got_over_is_no_failure() {
        check(
            &[
                (0, Some(Event::Refused(Reason::Busy))),
                (1, Some(Event::Entered)),
                (2, Some(Event::Left(Intent::Probe, Outcome::Done))),
                (122, None),
            ],
            &expect![[r#"
                122: None after 2 requests, None
            "#]],
        );
    }

    #[test]
    fn a_session_ended_in_the_middle_of_a_transfer_has_failed_and_says_why() {
        check(
            &[
                (0, Some(Event::Entered)),
                (1, Some(Event::Left(SNAPSHOT, Outcome::Done))),
                (2, Some(Event::Entered)),
                (3, Some(Event::End(Reason::Disabled))),
                (4, Some(Event::End(Reason::Disabled))),
            ],
            &expect![[r#"
                3: Failed after 2 requests, Some(Disabled)
            "#]],
        );
    }
}
