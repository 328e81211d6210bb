//! Copies what a tape job archives to a media set: one attempt of one run (domain, 10.6 and 10.8).
//!
//! All that must last is in the catalog, on the shelf and on tape, so an attempt that ends in the
//! middle is gone on with by another that begins from nothing: a run keeps the instant that it
//! shows a repository at, and only what the set lacks is written. A set holds no object twice.
//!
//! Invariants: nothing is written on a cartridge before the catalog agreed to what it says of
//! itself in this very mount; rows are on the shelf before the catalog counts them; a run is done
//! once all its objects and its list are counted.

mod cartridge;
mod deck;
mod feed;
mod group;
mod hands;
mod sources;
mod words;

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use holdfast_actors::catalog::rows::{Run, TapeJob};
use holdfast_actors::catalog::tape::{JobCommand, SetCommand, TapeCommand};
use holdfast_actors::kernel::{Acts, Machine, Never, Now, Timestamp};
use holdfast_actors::names::TapeName;
use holdfast_actors::tape::job::Outcome;
use holdfast_actors::tape::{KeyId, MediaSet, MediumId, SetId};
use serde_json::json;

pub use hands::{ArchiveHands, Message, Site};
pub use words::{Book, Content, Effect, Event, Lot, Opened, Papers, Piece, Text, Told, Unfit};

use crate::format::{self, Sum};
use crate::spool::Gauge;
use cartridge::Loaded;
use group::Current;
use sources::Group;

/// So many cartridges may turn out unfit in one attempt, or fail, or take nothing, before it ends.
pub const TROUBLES_MAX: u32 = 3;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The job.
    pub job: TapeName,
    /// To this set of its pool.
    pub set: MediaSet,
    /// When the run began that this is an attempt of: what is on tape as of then or later is done.
    pub since: Timestamp,
}

impl Order {
    /// Whether a run in the catalog is of the run that this is an attempt of.
    fn is_of_run(&self, run: &Run) -> bool {
        run.job == self.job && run.view >= self.since
    }
}

/// In whose name tapes are written, and what can be reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct House {
    /// The cluster.
    pub cluster: format::Text,
    /// The public key that seals are checked with.
    pub signer: Sum,
    /// Libraries that are at hand.
    pub libraries: BTreeSet<TapeName>,
    /// Keys that are open.
    pub keys: BTreeSet<KeyId>,
}

/// One attempt.
#[derive(Debug)]
pub struct Archive {
    order: Order,
    house: House,
    book: Option<Book>,
    /// Groups that are not begun.
    groups: VecDeque<Group>,
    current: Option<Current>,
    loaded: Option<Loaded>,
    /// Done one after the other before anything else.
    todo: VecDeque<Effect>,
    /// What was asked of the catalog.
    asked: Option<TapeCommand>,
    /// Not to be taken again in this attempt.
    shunned: BTreeSet<MediumId>,
    troubles: u32,
    /// Bytes that it came upon so far, and that the sets lacked.
    found: u64,
    /// How well the drive is fed with them.
    fed: Gauge,
    /// When something last happened, and when it began.
    seen: Option<(Timestamp, Timestamp)>,
    has_failed: bool,
    lacks_tape: bool,
    has_written: bool,
    is_over: bool,
}

impl Archive {
    /// An attempt that has not begun.
    pub const fn new(order: Order, house: House) -> Self {
        Self {
            order,
            house,
            book: None,
            groups: VecDeque::new(),
            current: None,
            loaded: None,
            todo: VecDeque::new(),
            asked: None,
            shunned: BTreeSet::new(),
            troubles: 0,
            found: 0,
            seen: None,
            fed: Gauge {
                held: 0,
                stops: 0,
                starved: Duration::ZERO,
            },
            has_failed: false,
            lacks_tape: false,
            has_written: false,
            is_over: false,
        }
    }

    fn job(&self) -> Option<&TapeJob> {
        let book = self.book.as_ref()?;
        book.rows.tape.jobs.get(&self.order.job)
    }

    fn submit(&mut self, command: TapeCommand) {
        self.todo.push_back(Effect::Submit(command));
    }

    fn tell_set(&mut self, set: SetId, command: SetCommand) {
        self.submit(TapeCommand::Set(set, command));
    }

    /// Goes on to the one thing that is next.
    fn go(&mut self, now: Now, acts: &mut Acts<Self>) {
        while !self.is_over {
            let next = match self.todo.pop_front() {
                Some(next) => Some(next),
                None if self.current.is_some() => self.go_on(now.wall),
                None => match self.groups.pop_front() {
                    Some(group) => self.enter(group),
                    None => Some(self.end()),
                },
            };
            if let Some(next) = next {
                if let Effect::Submit(command) = &next {
                    self.asked = Some(command.clone());
                }
                return acts.start(next);
            }
        }
    }

    fn end(&mut self) -> Effect {
        self.is_over = true;
        Effect::End(match () {
            () if self.has_failed => Outcome::Failed,
            () if self.lacks_tape => Outcome::NoTape,
            () if self.has_written => Outcome::Wrote,
            () => Outcome::Nothing,
        })
    }

    fn looked(&mut self, book: Book) {
        self.book = Some(book);
        let Some(job) = self.job().cloned() else {
            self.has_failed = true;
            return;
        };
        let Some(rows) = self.book.as_ref().map(|book| &book.rows) else {
            return;
        };
        match rows.tape.pools.get(&job.pool) {
            Some(pool) => self.groups = sources::groups(rows, &job.sources, pool.mixing),
            None => self.has_failed = true,
        }
    }

    /// Leaves the group as it is: what is on tape for good stays, and is gone on with later.
    fn give_up(&mut self) {
        self.todo.clear();
        self.current = None;
        if self.loaded.take().is_some_and(|it| it.is_mounted) {
            self.todo.push_back(Effect::Dismount);
        }
    }

    fn fail(&mut self) {
        self.has_failed = true;
        self.give_up();
    }

    fn submitted(&mut self, is_done: bool) {
        match (self.asked.take(), is_done) {
            (Some(TapeCommand::Set(_, SetCommand::Begin { medium, .. })), true) => {
                self.begun(medium);
            }
            (Some(TapeCommand::Set(_, SetCommand::Begin { .. })), false) => self.is_other(false),
            (Some(TapeCommand::Set(_, SetCommand::Ran { .. })), true) => self.has_written = true,
            // Nobody waits for it.
            (Some(TapeCommand::Job(_, JobCommand::Notify(..)) | TapeCommand::Medium(..)), _) => {}
            (_, true) => {}
            (_, false) => self.fail(),
        }
    }
}

impl Machine for Archive {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        if self.is_over {
            return;
        }
        let first = self.seen.map_or(now.wall, |(_, first)| first);
        self.seen = Some((now.wall, first));
        match event {
            Event::Start => return acts.start(Effect::Look),
            Event::Looked(book) => self.looked(book),
            Event::Submitted(done, book) => {
                self.book = Some(book);
                self.submitted(done.is_ok());
            }
            Event::Rows(rows) => self.shelf(rows),
            Event::Viewed(Ok(items)) => self.viewed(items.0),
            Event::Viewed(Err(_)) => self.has_no_view(),
            Event::Mounted(label) => self.mounted(label.ok()),
            Event::Opened(opened) => self.opened(opened),
            Event::Told(told) => self.told(told),
            Event::Shelved(Ok(())) | Event::Dismounted => {}
            Event::Shelved(Err(_)) => self.fail(),
        }
        self.go(now, acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn broken(&self) -> Option<&'static str> {
        let shunned = self.loaded.as_ref().map(|it| it.medium);
        let is_used = shunned.is_some_and(|it| self.shunned.contains(&it));
        is_used.then_some("archive-on-a-shunned-cartridge")
    }

    fn observe(&self) -> serde_json::Value {
        let left = self.current.as_ref().map_or(0, Current::left);
        json!({
            "job": self.order.job.as_str(),
            "set": self.order.set,
            "groups-left": self.groups.len(),
            "group": self.current.as_ref().map(Current::observe),
            "cartridge": self.loaded.as_ref().map(Loaded::observe),
            "troubles": self.troubles,
            "done-bytes": self.found.saturating_sub(left),
            "of-bytes": self.found,
            "waiting-bytes": self.fed.held,
            "stops": self.fed.stops,
            "busy-ms": self.seen.map_or(0, |(last, first)| {
                last.as_millis().saturating_sub(first.as_millis())
            }),
            "starved-ms": u64::try_from(self.fed.starved.as_millis()).unwrap_or(u64::MAX),
        })
    }

    fn waits(&self) -> Vec<String> {
        let opening = self.loaded.as_ref().filter(|it| !it.is_mounted);
        let waits = opening.map(|it| format!("a drive for cartridge {}", it.medium));
        waits.into_iter().collect()
    }
}

#[cfg(test)]
mod tests;
