//! When the journal writes what, and whom it answers.
//!
//! At most one write is under way. What arrives meanwhile waits, and the next write takes all of it
//! that fits. A record gets its number when its write begins, in the order of arrival.
//!
//! Invariant: whoever is answered has a number, all lower numbers are durable, and so is his
//! record.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::time::Duration;

use serde_json::json;

use super::{Options, Position};
use crate::frame::HEADER;
use crate::kernel::{Acts, Instant, Machine, Never, Now, Sequence, Ticket};

/// One write carries no more than this many bytes, so that the first in it does not wait long.
const WRITE_MAX: u64 = 4 << 20;
/// How long a full disk is left alone.
const FULL_WAIT: Duration = Duration::from_secs(1);
/// How many snapshots stay.
const SNAPSHOTS: usize = 2;

#[derive(Debug)]
pub(super) enum Event {
    /// Somebody has a record of this many bytes.
    Append { ticket: Ticket, length: u32 },
    /// The segment asked for last can be written.
    Opened,
    /// The write asked for last is durable.
    Written,
    /// What was asked for last found no space; nothing is lost.
    Full,
    /// What was asked for last failed: nobody knows what is durable.
    Broken { reason: String },
    /// Somebody has the state after a record.
    Snapshot { ticket: Ticket, through: Sequence },
    /// The snapshot under way is durable.
    Kept,
    /// The snapshot under way failed, and its file is of no use.
    Dropped,
    /// These files are gone for good.
    Purged(Files),
}

#[derive(Debug)]
pub(super) enum Effect {
    /// Make a new segment and make its name durable.
    Create { segment: Sequence },
    /// Open a segment that recovery found.
    Open { segment: Sequence },
    /// Write these records to the open segment, and sync.
    Write {
        at: u64,
        first: Sequence,
        tickets: Tickets,
    },
    /// Tell them that their records are durable, numbered from `first` on.
    Answer { first: Sequence, tickets: Tickets },
    /// Tell them that the journal has failed.
    Refuse { tickets: Tickets },
    /// End the node.
    End { reason: String },
    /// Write a snapshot and make it durable.
    Keep { ticket: Ticket, through: Sequence },
    /// Tell the one with the snapshot that it is durable, or that writing it failed.
    AnswerSnapshot { ticket: Ticket },
    /// Tell the one with the snapshot why none is written.
    RefuseSnapshot { ticket: Ticket, reason: Refusal },
    /// Remove files that nobody needs any more.
    Purge(Files),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Busy,
    Stale,
    Ahead,
    Ended,
}

/// Files by the sequence in their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Files {
    pub(super) segments: Vec<Sequence>,
    pub(super) snapshots: Vec<Sequence>,
}

/// Who is meant, in order of arrival; shown in short, since there can be thousands.
pub(super) struct Tickets(pub(super) Vec<Ticket>);

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [] => f.write_str("none"),
            [one] => write!(f, "{one}"),
            [first, .., last] => write!(f, "{first} to {last}"),
        }
    }
}

/// The state of a journal.
#[derive(Debug)]
pub(super) struct Journal {
    options: Options,
    /// The number of the next record to be written.
    next: Sequence,
    /// The segment that takes it.
    segment: Option<Segment>,
    /// All segments, the last one included, by their first records.
    segments: BTreeSet<Sequence>,
    snapshots: BTreeSet<Sequence>,
    /// Records whose write is not durable, in order, the write under way included.
    waiting: VecDeque<(Ticket, u32)>,
    work: Work,
    /// The snapshot under way.
    keeping: Option<(Ticket, Sequence)>,
}

#[derive(Clone, Copy, Debug)]
struct Segment {
    first: Sequence,
    /// Where the next record goes.
    at: u64,
    open: bool,
}

#[derive(Debug)]
enum Work {
    None,
    Opening,
    /// The first so many of those that wait are being written.
    Writing {
        count: usize,
        bytes: u64,
    },
    /// The disk is full until somebody tries again.
    Full(Instant),
    Broken,
}

impl Journal {
    pub(super) fn new(position: Position, options: Options) -> Self {
        let segment = position.segments.last().map(|first| Segment {
            first: *first,
            at: position.at,
            open: false,
        });
        Self {
            options,
            next: position.next,
            segment,
            segments: position.segments,
            snapshots: position.snapshots,
            waiting: VecDeque::new(),
            work: Work::None,
            keeping: None,
        }
    }

    /// Begins what is to be done next, unless something is under way.
    fn proceed(&mut self, acts: &mut Acts<Self>) {
        let (Work::None, Some((_, length))) = (&self.work, self.waiting.front()) else {
            return;
        };
        match &self.segment {
            Some(segment) if !self.fits(segment.at, *length) => self.create(acts),
            Some(segment) if segment.open => self.write(segment.at, acts),
            Some(segment) => {
                let segment = segment.first;
                self.work = Work::Opening;
                acts.start(Effect::Open { segment });
            }
            None => self.create(acts),
        }
    }

    /// Whether a record has its place in a segment at this offset; an empty segment takes any.
    fn fits(&self, at: u64, length: u32) -> bool {
        at == 0 || at + total(length) <= self.options.segment_bytes
    }

    fn create(&mut self, acts: &mut Acts<Self>) {
        let segment = self.next;
        self.segment = Some(Segment {
            first: segment,
            at: 0,
            open: false,
        });
        self.segments.insert(segment);
        self.work = Work::Opening;
        acts.start(Effect::Create { segment });
    }

    fn write(&mut self, at: u64, acts: &mut Acts<Self>) {
        let mut bytes = 0;
        let mut tickets = Vec::new();
        for (ticket, length) in &self.waiting {
            let room = self.fits(at + bytes, *length) && bytes + total(*length) <= WRITE_MAX;
            if !room && !tickets.is_empty() {
                break;
            }
            bytes += total(*length);
            tickets.push(*ticket);
        }
        let count = tickets.len();
        self.work = Work::Writing { count, bytes };
        acts.start(Effect::Write {
            at,
            first: self.next,
            tickets: Tickets(tickets),
        });
    }

    fn written(&mut self, acts: &mut Acts<Self>) {
        let Work::Writing { count, bytes } = self.work else {
            return;
        };
        self.work = Work::None;
        if let Some(segment) = &mut self.segment {
            segment.at += bytes;
        }
        let done = self.waiting.drain(..count.min(self.waiting.len()));
        let tickets = Tickets(done.map(|(ticket, _)| ticket).collect());
        let first = self.next;
        self.next = Sequence::new(first.raw() + count as u64);
        acts.show(Effect::Answer { first, tickets });
    }

    fn fail(&mut self, reason: String, acts: &mut Acts<Self>) {
        if matches!(self.work, Work::Broken) {
            return;
        }
        self.work = Work::Broken;
        acts.show(Effect::End { reason });
        let refused = self.waiting.drain(..).map(|(ticket, _)| ticket);
        let tickets = Tickets(refused.collect());
        if !tickets.0.is_empty() {
            acts.show(Effect::Refuse { tickets });
        }
    }

    /// A segment that found no space is made again: its name may be there or not.
    fn forget_segment(&mut self) {
        if let Some(segment) = self.segment.take_if(|segment| segment.first == self.next) {
            self.segments.remove(&segment.first);
        }
    }

    fn keep(&mut self, ticket: Ticket, through: Sequence, acts: &mut Acts<Self>) {
        let reason = if matches!(self.work, Work::Broken) {
            Refusal::Ended
        } else if self.keeping.is_some() {
            Refusal::Busy
        } else if through >= self.next {
            Refusal::Ahead
        } else if through <= self.snapshots.last().copied().unwrap_or_default() {
            Refusal::Stale
        } else {
            self.keeping = Some((ticket, through));
            return acts.start(Effect::Keep { ticket, through });
        };
        acts.show(Effect::RefuseSnapshot { ticket, reason });
    }

    fn kept(&mut self, acts: &mut Acts<Self>) {
        let Some((ticket, through)) = self.keeping.take() else {
            return;
        };
        self.snapshots.insert(through);
        acts.show(Effect::AnswerSnapshot { ticket });
        let files = self.superfluous();
        if files != Files::default() {
            acts.start(Effect::Purge(files));
        }
    }

    /// Older snapshots than the last two, and segments wholly before the older of these.
    fn superfluous(&self) -> Files {
        let mut newest = self.snapshots.iter().rev();
        let Some(oldest_kept) = newest.nth(SNAPSHOTS - 1) else {
            return Files::default();
        };
        let next_segments = self.segments.iter().skip(1);
        let ranges = self.segments.iter().zip(next_segments);
        let before = ranges.take_while(|(_, next)| **next <= oldest_kept.next());
        Files {
            segments: before.map(|(first, _)| *first).collect(),
            snapshots: newest.rev().copied().collect(),
        }
    }
}

impl Machine for Journal {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        match event {
            Event::Append { ticket, .. } if matches!(self.work, Work::Broken) => {
                let tickets = Tickets(vec![ticket]);
                acts.show(Effect::Refuse { tickets });
            }
            Event::Append { ticket, length } => self.waiting.push_back((ticket, length)),
            Event::Opened if matches!(self.work, Work::Opening) => {
                self.work = Work::None;
                if let Some(segment) = &mut self.segment {
                    segment.open = true;
                }
            }
            Event::Opened => {}
            Event::Written => self.written(acts),
            Event::Full => {
                let until = now.monotonic + FULL_WAIT;
                match self.work {
                    Work::Opening => {
                        self.forget_segment();
                        self.work = Work::Full(until);
                    }
                    Work::Writing { .. } => self.work = Work::Full(until),
                    Work::None | Work::Full(_) | Work::Broken => {}
                }
            }
            Event::Broken { reason } => self.fail(reason, acts),
            Event::Snapshot { ticket, through } => self.keep(ticket, through, acts),
            Event::Kept => self.kept(acts),
            Event::Dropped => {
                if let Some((ticket, _)) = self.keeping.take() {
                    acts.show(Effect::AnswerSnapshot { ticket });
                }
            }
            Event::Purged(files) => {
                self.segments.retain(|one| !files.segments.contains(one));
                self.snapshots.retain(|one| !files.snapshots.contains(one));
            }
        }
        self.proceed(acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        match self.work {
            Work::Full(until) => Some(until),
            Work::None | Work::Opening | Work::Writing { .. } | Work::Broken => None,
        }
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.deadline().is_some_and(|until| until <= now.monotonic) {
            self.work = Work::None;
            self.proceed(acts);
        }
    }

    fn observe(&self) -> serde_json::Value {
        let state = match self.work {
            Work::None => "idle",
            Work::Opening => "opening a segment",
            Work::Writing { .. } => "writing",
            Work::Full(_) => "disk full",
            Work::Broken => "broken",
        };
        json!({
            "state": state,
            "next": self.next.raw(),
            "segment": self.segment.map(|segment| segment.first.raw()),
            "offset": self.segment.map(|segment| segment.at),
            "segments": self.segments.len(),
            "snapshot": self.snapshots.last().map(|through| through.raw()),
            "waiting": self.waiting.len(),
        })
    }

    fn waits(&self) -> Vec<String> {
        let count = self.waiting.len();
        match self.work {
            Work::None | Work::Broken => Vec::new(),
            Work::Opening => vec![format!("{count} records wait for a new segment")],
            Work::Writing { .. } => vec![format!("{count} records wait for the disk")],
            Work::Full(_) => vec![format!("{count} records wait for space on the disk")],
        }
    }
}

/// The size of a record's frame.
fn total(length: u32) -> u64 {
    HEADER as u64 + u64::from(length)
}

#[cfg(test)]
mod tests;
