//! Requests that wait at a gateway while their tenant has no home that answers: a takeover or a
//! move takes a moment, and some clients do not ask twice.
//!
//! Only a request of whose body nothing was passed on waits, and only one that may be done a second
//! time without harm. What it holds meanwhile is its head and what its client sent unasked, as
//! while it is served; so many at once may wait, and one more is refused at once.

use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// The pause after the first refusal; each further one doubles it.
const PAUSE: Duration = Duration::from_millis(25);
/// The longest pause.
const PAUSE_MAX: Duration = Duration::from_millis(400);

/// How much is known of a request that came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rest) enum Fate {
    /// Nobody began with it: it was not sent, or was refused by who would have done it.
    Undone,
    /// It was sent, and nobody knows what became of it.
    Unknown,
}

/// Whether a request that came to nothing may be sent once more. `has_body` says that it has one,
/// and `passed` how many bytes of that were passed on.
pub(in crate::rest) fn may_repeat(
    fate: Fate,
    method: &Method,
    has_body: bool,
    passed: u64,
) -> bool {
    let is_read = method == Method::GET || method == Method::HEAD;
    // Without its body an upload is nothing.
    let is_undone = fate == Fate::Undone || is_read || has_body;
    passed == 0 && is_undone
}

/// Whether one request waits once more, each time that nobody takes it. It knows no clock.
///
/// Invariant: it waits no longer than its limit, and not without a seat, of which it takes one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Waiting {
    refusals: u32,
    has_seat: bool,
}

impl Waiting {
    /// Nobody takes a request that came so long ago: for how long to pause; none if it is to be
    /// refused. `takes_seat` is asked if it has none yet.
    fn refused(
        &mut self,
        waited: Duration,
        limit: Duration,
        takes_seat: impl FnOnce() -> bool,
    ) -> Option<Duration> {
        let left = limit.checked_sub(waited).filter(|left| !left.is_zero())?;
        self.has_seat = self.has_seat || takes_seat();
        if !self.has_seat {
            return None;
        }
        let doubled = PAUSE.saturating_mul(1 << self.refusals.min(8));
        self.refusals += 1;
        Some(doubled.min(PAUSE_MAX).min(left))
    }
}

/// Room for those that wait.
#[derive(Clone, Debug)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    pub(super) fn of(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }
}

/// One request's waiting, from its head on.
#[derive(Debug)]
pub(in crate::rest) struct Hold {
    came: Instant,
    waiting: Waiting,
    seat: Option<OwnedSemaphorePermit>,
}

impl Hold {
    #[expect(
        clippy::disallowed_methods,
        reason = "a face measures its own patience, as its timeouts do"
    )]
    pub(in crate::rest) fn begin() -> Self {
        Self {
            came: Instant::now(),
            waiting: Waiting::default(),
            seat: None,
        }
    }

    /// How long to pause now; none if it is to be refused.
    pub(super) fn next(&mut self, room: &Room, limit: Duration) -> Option<Duration> {
        let seat = &mut self.seat;
        self.waiting.refused(self.came.elapsed(), limit, || {
            *seat = Arc::clone(&room.0).try_acquire_owned().ok();
            seat.is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(6);

    #[test]
    fn what_may_have_been_done_is_not_done_again() {
        let methods = [Method::GET, Method::HEAD, Method::POST, Method::DELETE];
        for method in methods {
            assert!(may_repeat(Fate::Undone, &method, false, 0));
            assert!(!may_repeat(Fate::Undone, &method, true, 1));
            let is_read = method == Method::GET || method == Method::HEAD;
            assert_eq!(may_repeat(Fate::Unknown, &method, false, 0), is_read);
            assert!(
                may_repeat(Fate::Unknown, &method, true, 0),
                "nothing of it was sent"
            );
        }
    }

    #[test]
    fn one_more_than_there_is_room_for_is_refused_at_once() {
        let room = Room::of(1);
        let (mut first, mut second) = (Hold::begin(), Hold::begin());
        assert!(first.next(&room, LIMIT).is_some());
        assert!(first.next(&room, LIMIT).is_some(), "it has its place");
        assert_eq!(second.next(&room, LIMIT), None);
        drop(first);
        assert!(second.next(&room, LIMIT).is_some());
    }

    proptest! {
        #[test]
        fn nobody_waits_longer_than_the_limit_nor_without_a_seat(
            limit in 1_u64..10_000,
            work in prop::collection::vec(0_u64..50, 1..400),
            has_room in any::<bool>(),
        ) {
            let limit = Duration::from_millis(limit);
            let (mut waiting, mut waited, mut seats) = (Waiting::default(), Duration::ZERO, 0);
            let mut last = Duration::ZERO;
            for work in work {
                let pause = waiting.refused(waited, limit, || {
                    seats += 1;
                    has_room
                });
                let Some(pause) = pause else {
                    prop_assert!(waited >= limit || !has_room);
                    break;
                };
                prop_assert!(has_room && seats == 1);
                prop_assert!(!pause.is_zero() && pause <= PAUSE_MAX);
                waited += pause;
                prop_assert!(waited <= limit);
                prop_assert!(pause >= last || waited == limit);
                (last, waited) = (pause, waited + Duration::from_millis(work));
            }
        }
    }
}
