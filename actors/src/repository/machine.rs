//! What a repository decides.
//!
//! Invariant: what is charged and what is reserved never pass the quota by a new object, except by
//! the 64 MiB that `index/` may pass it so that a prune can free space (I3).

mod emptying;
mod figures;
mod pace;
mod purging;
mod recovering;
mod reserve;
mod resuming;
mod transfer;
mod yielding;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::denied::Denied;
use super::entry::Entry;
use super::event::{Copied, Delete, Effect, Event, Record, Restore, Uncopied};
use super::head::TRAILER;
use super::report::Source;
use super::settings::Settings;
use super::snapshot::Moment;
use super::state::State;
use super::tail::{Readiness, Tail};
use super::uploads::Uploads;
use super::usage::TIME_MAX;
use crate::frame::HEADER;
use crate::kernel::{
    Acts, Epoch, ExtentId, Instant, Machine, Now, RepositoryId, Sequence, Size, Timestamp,
};
use crate::object::Kind;
use crate::schema;
use emptying::Emptying;
use pace::Pace;
use yielding::Yielding;

/// How often the bin is looked through (R9.4).
const PURGE_EVERY: Duration = Duration::from_secs(20 * 60);
/// Objects purged in one entry.
const PURGE_MAX: usize = 4096;
/// The pause between two such entries.
const PURGE_STEP: Duration = Duration::from_secs(1);
/// The least difference between two times.
const TICK: Duration = Duration::from_millis(1);
/// How long a repository that nobody visits stays in memory (architecture, section 1).
const IDLE: Duration = Duration::from_secs(60);

/// A repository.
pub struct Repository {
    id: RepositoryId,
    epoch: Epoch,
    settings: Settings,
    state: State,
    tail: Tail,
    uploads: Uploads,
    /// What the others know of what the uploads may still write.
    promised: Size,
    /// What waits for an extent, in the order in which it came.
    stalled: VecDeque<Event>,
    purge_at: Option<Instant>,
    /// Who is here, and who ever was.
    visitors: u64,
    seen: u64,
    /// When it says that nobody is here.
    rest_at: Option<Instant>,
    pace: Pace,
    /// Whether the figures were wrong when they were last counted again.
    is_miscounted: bool,
    emptying: Emptying,
    /// Up to which entry the index knew at the start.
    indexed: Sequence,
    /// From what it came back, and how many frames were read behind that.
    came_back: (Source, u64),
    yielding: Yielding,
}

impl Repository {
    /// A repository with nothing in its log yet; recovery applies what is there.
    pub fn new(id: RepositoryId, epoch: Epoch, settings: Settings) -> Self {
        Self {
            id,
            epoch,
            settings,
            state: State::default(),
            tail: Tail::default(),
            uploads: Uploads::default(),
            promised: Size::ZERO,
            stalled: VecDeque::new(),
            purge_at: None,
            visitors: 0,
            seen: 0,
            rest_at: None,
            pace: Pace::default(),
            is_miscounted: false,
            emptying: Emptying::default(),
            indexed: Sequence::default(),
            came_back: Default::default(),
            yielding: Yielding::default(),
        }
    }

    /// What is held, with its sums.
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// Bytes charged against the quota: live ones, and those in the bin beyond its limit.
    pub fn charged(&self) -> Size {
        let total = self.state.total();
        let free = self.settings.bin_limit.unwrap_or(self.settings.quota);
        total.live + total.bin.minus(free)
    }

    fn delete(&mut self, now: Now, event: Delete, acts: &mut Acts<Self>) {
        let Delete { ticket, key, by } = event;
        if key.kind == Kind::Config {
            acts.show(Effect::Deny {
                ticket,
                denied: Denied::Config,
            });
            return;
        }
        if self.state.held().object(&key, Moment::Now).is_some() {
            let at = self.time(now);
            let until = at + days(self.settings.bin_days.max(self.settings.hold_days));
            self.log(Entry::Deleted { key, at, by, until }, acts);
        }
        acts.show(Effect::Done { ticket });
    }

    fn restore(&mut self, now: Now, event: Restore, acts: &mut Acts<Self>) {
        let Restore { ticket, to } = event;
        // Later than all that was before, so that an instant is left at which that still shows.
        let at = self.time(now).max(self.state.last() + TICK);
        let until = at + days(self.settings.bin_days.max(self.settings.hold_days));
        self.log(Entry::Restored { to, at, until }, acts);
        acts.show(Effect::Done { ticket });
    }

    /// Writes a fact behind the last frame.
    fn log(&mut self, entry: Entry, acts: &mut Acts<Self>) {
        let encoded = Bytes::from(schema::encode(&entry));
        let length = (HEADER + encoded.len() + TRAILER) as u64;
        // Every event that logs has made sure of room before.
        let Some((sequence, place)) = self.tail.place(length) else {
            return;
        };
        acts.persist(
            self,
            Record {
                sequence,
                place,
                entry,
                encoded,
            },
        );
    }

    /// The time of a new entry: never before the last one nor before the confirmed time, whatever
    /// the wall clock says, so that the days of a deletion count from when it was.
    fn time(&self, now: Now) -> Timestamp {
        let confirmed = self.settings.trusted.unwrap_or_default();
        now.wall.max(confirmed).min(TIME_MAX).max(self.state.last())
    }

    fn opened(&mut self, now: Now, opened: Result<ExtentId, Denied>, acts: &mut Acts<Self>) {
        let is_waited_for = !self.stalled.is_empty();
        if opened == Err(Denied::StorageFailed) && is_waited_for && self.tail.insists() {
            return acts.start(Effect::Open);
        }
        self.tail.opened(opened.ok());
        if let Ok(extent) = opened {
            self.emptying.opened(extent);
        }
        for event in std::mem::take(&mut self.stalled) {
            match (opened, event.caller(), event) {
                (Err(denied), Some((ticket, upload)), _) => {
                    upload.inspect(|upload| self.uploads.park(now.monotonic, *upload));
                    acts.show(Effect::Deny { ticket, denied });
                }
                (Err(_), None, Event::Copied(copied)) => {
                    let result = Err(Uncopied::Failed);
                    self.copied(now, Copied { result, ..copied }, acts);
                }
                (_, _, event) => self.step(now, event, acts),
            }
        }
    }

    /// Whether something can be written: there must be an open extent with room.
    fn has_room(&mut self, acts: &mut Acts<Self>) -> bool {
        let readiness = self.tail.ready();
        if let Readiness::Seal { extent } = readiness {
            acts.start(Effect::Seal { extent });
        }
        if self.tail.wants_extent() {
            acts.start(Effect::Open);
        }
        readiness != Readiness::Wait
    }

    /// Nobody is here: it may be put away, unless space is just coming back.
    fn rest(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.emptying.is_busy(now.monotonic) {
            self.rest_at = Some(now.monotonic + IDLE);
            return;
        }
        self.rest_at = None;
        let purge = self.state.next_purge(self.settings.hold_days);
        let seen = self.seen;
        acts.show(Effect::Rest { seen, purge });
    }
}

impl Machine for Repository {
    type Event = Event;
    type Record = Record;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        if self.turns_away(&event, acts) {
            return;
        }
        if event.writes() && !self.has_room(acts) {
            self.stalled.push_back(event);
            return;
        }
        match event {
            Event::Settings(settings) => self.settings = settings,
            Event::Yield => self.begin_to_yield(now.monotonic),
            Event::Visited => {
                (self.visitors, self.seen) = (self.visitors + 1, self.seen + 1);
                self.rest_at = None;
            }
            Event::Left => {
                self.visitors = self.visitors.saturating_sub(1);
                self.rest_at = (self.visitors == 0).then(|| now.monotonic + IDLE);
            }
            Event::Begin(begin) => self.begin(now, begin, acts),
            Event::Grow(grow) => self.grow(now, grow, acts),
            Event::Frame(frame) => self.frame(now, frame, acts),
            Event::Finish(finish) => self.finish(now, finish, acts),
            Event::Abort(upload) => drop(self.uploads.end(upload)),
            Event::Park(upload) => self.uploads.park(now.monotonic, upload),
            Event::Resume(resume) => self.resume_upload(now, resume, acts),
            Event::Delete(delete) => self.delete(now, delete, acts),
            Event::Restore(restore) => self.restore(now, restore, acts),
            Event::Report(ticket) => {
                let report = self.report(now);
                acts.show(Effect::Tell { ticket, report });
            }
            Event::Look(ticket) => {
                acts.show(Effect::Show {
                    ticket,
                    snapshot: self.state.snapshot(),
                });
            }
            Event::Written(written) => self.written(written, acts),
            Event::Opened(opened) => self.opened(now, opened, acts),
            Event::Lost { extent, durable } => {
                self.lost(extent, acts);
                self.uploads.mend(extent, durable.unwrap_or(0));
                self.ended(extent);
            }
            Event::Sealed { extent, length } => {
                self.emptying.sealed(extent, length);
                self.ended(extent);
            }
            Event::Copied(copied) => self.copied(now, copied, acts),
            Event::Audited(found, storage) => {
                self.emptying.knows(storage);
                self.audited(now, found, acts);
            }
            Event::Discarded { done } => self.discarded(now, done),
            Event::Checkpointed { done } => {
                self.pace.ended(now.monotonic, done);
                if !done {
                    self.state.forget_index();
                }
            }
        }
        self.promise(acts);
        self.checkpoint(now, acts);
        if self.state.has_bin() && self.purge_at.is_none() {
            self.purge_at = Some(now.monotonic + PURGE_EVERY);
        }
        self.give_up(now.monotonic, acts);
    }

    fn apply(&mut self, record: &Record) {
        self.state
            .apply(&record.entry, record.sequence, record.place);
    }

    fn deadline(&self) -> Option<Instant> {
        if self.yielding.is_begun() {
            return self.yielding.deadline();
        }
        self.uploads
            .deadline()
            .into_iter()
            .chain(self.purge_at)
            .chain(self.rest_at)
            .chain(self.pace.deadline())
            .chain(self.emptying.deadline())
            .min()
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        if self.yielding.is_begun() {
            return self.give_up(now.monotonic, acts);
        }
        self.uploads.end_silent(now.monotonic);
        self.promise(acts);
        if self.purge_at.is_some_and(|at| at <= now.monotonic) {
            self.purge(now, acts);
        }
        self.empty(now, acts);
        if self.rest_at.is_some_and(|at| at <= now.monotonic) {
            self.rest(now, acts);
        }
        self.checkpoint(now, acts);
    }

    fn broken(&self) -> Option<&'static str> {
        if !self.uploads.is_sound() {
            return Some("reservations");
        }
        self.is_miscounted.then_some("used")
    }

    fn observe(&self) -> serde_json::Value {
        let total = self.state.total();
        json!({
            "repository": self.id.raw(),
            "epoch": self.epoch.raw(),
            "quota": self.settings.quota.as_bytes(),
            "used": total.live.as_bytes(),
            "charged": self.charged().as_bytes(),
            "reserved": self.uploads.reserved(None).as_bytes(),
            "bin": total.bin.as_bytes(),
            "objects": total.objects,
            "locks": total.locks,
            "visitors": self.visitors,
            "uploads": self.uploads.len(),
            "sequence": self.tail.sequence().raw(),
            "extent": self.tail.end().map(|at| at.extent.raw()),
            "dead": self.dead().as_bytes(),
            "came-back-from": self.came_back.0.to_string(),
            "frames-read-then": self.came_back.1,
        })
    }

    fn waits(&self) -> Vec<String> {
        let stalled = match self.stalled.len() {
            0 => None,
            stalled => Some(format!("{stalled} writes wait for an extent to be made")),
        };
        stalled.into_iter().chain(self.emptying.waits()).collect()
    }
}

const fn days(days: u32) -> Duration {
    Duration::from_secs(days as u64 * 86_400)
}

#[cfg(test)]
mod tests;
