//! Reading without a majority: what this node still knows of a repository while nobody may write.
//!
//! A node that hears no majority of its cluster holds no lease, owns nothing, and cannot know what
//! others decide meanwhile. What was confirmed before lies on it, though, and whoever has lost his
//! data wants it now, not when enough nodes are back. So it *recalls*: it puts together what its
//! index and the replicas that it reaches say of a repository, shows that to those who only read,
//! and says as of when ([`CutOff`]).
//!
//! - Nothing is claimed, fenced, sealed or written, to no extent, index or catalog: what is
//!   recalled lies in memory, apart from what the repository's owner and its standby know, and is
//!   gone when the majority is back. No owner has to know of it.
//! - It is shown to logins that can delete nothing anywhere, and to nobody else (rule 9 of
//!   [`tenant`](crate::tenant)). Another would list here what is old and delete by that at a node
//!   that has the majority: a prune beside a backup. Locks are the one thing that a login which
//!   only reads may delete elsewhere; a lock's name is the hash of what it says, so one that was
//!   listed here and is deleted there is the same lock.
//! - Of an extent that was still written all is shown that a replica has and that is sound, also
//!   what nobody was told to be kept: it may be missing once the majority is back, and the last
//!   snapshot that somebody *was* told of must not be missing now.
//! - There is no limit of time. A login that was revoked, or a tenant that was disabled, by a
//!   majority that this node does not hear is let in here as long as that lasts: to end reading
//!   after hours would take the restore from those whose cluster is dead for days, in order to
//!   guard what the operator can guard by turning off the nodes of a minority. What the node itself
//!   knows counts (revoked, disabled), and so does time: leases and logins end by the later of
//!   the catalog's time, gone on by this node's monotonic clock, and its wall clock. `status` says
//!   that the node does this, and since when.

mod following;
mod hands;
mod machine;

use std::time::Duration;

use crate::catalog::rows::ClockRow;
use crate::kernel::{Date, Instant, Now, Timestamp};
use crate::refusal::{Reason, Refusal};

pub use hands::{Message, RecallHands, Recalled};
pub use machine::{Effect, Event, Recall};

/// How long a node must have been without a lease: a new leader is chosen sooner, and who waits
/// that long reads nothing old.
const PATIENCE: Duration = Duration::from_secs(4);

/// How far the catalog's clock may have been behind by then.
const TICK: Duration = Duration::from_secs(600);

/// That a node hears no majority of its cluster, and goes by what it knew before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CutOff {
    /// When its lease ended; tells one such time from the next.
    pub since: Instant,
    /// By its wall clock, when it last knew all that had been agreed on.
    pub as_of: Timestamp,
    /// The day by which leases and logins end here.
    pub today: Date,
}

impl CutOff {
    /// Of a node whose lease ended, or ends, at `until`, if it was to last for `lasts`; none of one
    /// that may only have lost its leader. `clock` is the catalog's, as far as this node knows.
    pub fn of(now: Now, until: Instant, lasts: Duration, clock: ClockRow) -> Option<Self> {
        if now.monotonic < until + PATIENCE {
            return None;
        }
        // The lease had been renewed so long ago.
        let passed = until.until(now.monotonic) + lasts;
        let millis = u64::try_from(passed.as_millis()).unwrap_or(u64::MAX);
        let seen = clock.wall + (passed + TICK);
        let days = [seen, now.wall].map(|at| clock.day(at));
        Some(Self {
            since: until,
            as_of: Timestamp::from_millis(now.wall.as_millis().saturating_sub(millis)),
            today: days.into_iter().fold(clock.today, Date::max),
        })
    }
}

/// What everybody is told who may not read without a majority, or wants to write.
pub fn refused() -> Refusal {
    let sentence = "this node does not reach a majority of its cluster, without which nothing is \
                    written, and read only by a login that may only read: such a one can restore \
                    meanwhile (restic --no-lock restore); what was confirmed before is kept, and \
                    service goes on when enough nodes are back";
    Refusal::retry(Reason::Unavailable, sentence, Duration::from_secs(10))
}

/// The answer for what this node cannot put together.
fn unknown() -> Refusal {
    let sentence = "this node does not reach a majority of its cluster, and what it reaches is not \
                    enough to read this repository; try a login that may only read at another \
                    node that still runs";
    Refusal::retry(Reason::Unavailable, sentence, Duration::from_secs(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_millis(1_500);

    fn at(seconds: u64, wall: u64) -> Now {
        Now {
            monotonic: Instant::from_micros(seconds * 1_000_000),
            wall: Timestamp::from_millis(wall * 1_000),
        }
    }

    #[test]
    fn a_node_is_cut_off_once_its_lease_has_been_over_for_a_while() {
        let until = at(100, 0).monotonic;
        let cut_off = |now| CutOff::of(at(now, 500), until, LASTS, ClockRow::default());
        for now in [99, 100, 103] {
            assert_eq!(cut_off(now), None, "{now}");
        }
        let first = cut_off(104).unwrap();
        assert_eq!(first.since, until);
        assert_eq!(first.as_of, Timestamp::from_millis(494_500));
    }

    #[test]
    fn its_day_is_the_latest_that_anything_says() {
        const DAY: u64 = 86_400;
        let clock = ClockRow {
            today: Date::from_days(10),
            wall: Timestamp::from_millis(10 * DAY * 1_000),
            ..ClockRow::default()
        };
        let until = at(100, 0).monotonic;
        let today = |passed: u64, wall: u64, clock| {
            let cut_off = CutOff::of(at(100 + passed, wall), until, LASTS, clock);
            cut_off.unwrap().today.days()
        };
        assert_eq!(today(60, 10 * DAY + 60, clock), 10);
        assert_eq!(today(3 * DAY, 0, clock), 13, "a wall clock that went back");
        assert_eq!(today(60, 20 * DAY, clock), 20, "one that is ahead");
        let offset_days = 5;
        let confirmed = ClockRow {
            offset_days,
            ..clock
        };
        assert_eq!(today(60, 10 * DAY, confirmed), 15);
    }
}
