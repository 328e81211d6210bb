//! What everybody outside of the node wrote down: the trace, the oracle, the accounts, the broken
//! promises. Shared by clients, operators and checks; never by the node.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_actors::catalog::rows::Rows;
use holdfast_actors::extent;
use holdfast_actors::kernel::{Date, Timestamp};
use holdfast_actors::ports::Clock as _;

use crate::clock::Clock;
use crate::disk::Rotten;
use crate::oracle::Oracle;
use crate::plan::DAY;
use crate::trace::{Micros, Trace};
use crate::verdict::{self, Figures, Violation};
use crate::witness::Witness;

mod account;
mod affairs;

pub(crate) use account::{Account, Fact, Shelf};
pub(crate) use affairs::{Former, Instant, Request, Undoing, Verdict};

/// The ledger of one run. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Ledger(Arc<Mutex<Book>>);

/// Its pages.
#[derive(Debug)]
pub(crate) struct Book {
    pub(crate) trace: Trace,
    pub(crate) oracle: Oracle,
    pub(crate) accounts: Vec<Account>,
    pub(crate) shelves: Vec<Shelf>,
    pub(crate) figures: Figures,
    pub(crate) violations: Vec<Violation>,
    /// The catalog's day, as it was seen.
    pub(crate) today: Fact<Date>,
    /// Commands of the operator that made an event each.
    pub(crate) events: u64,
    /// Whether the disk is full but for its reserve, and nothing else is wrong with it.
    pub(crate) scarce: Fact<bool>,
    /// Events that the command makes which is not answered yet.
    pub(crate) asking: u64,
    /// Commands that were never answered and are not given again.
    pub(crate) unknown: u64,
    /// Repositories that were removed.
    pub(crate) former: Vec<Former>,
    /// Requests for a second operator, by their ids.
    pub(crate) requests: BTreeMap<u64, Request>,
    /// States of repositories that may be asked for again.
    pub(crate) instants: Vec<Instant>,
    /// The one that is being asked for.
    pub(crate) undoing: Option<Undoing>,
    /// The catalog at the last check.
    pub(crate) rows: Rows,
    /// The wall clock's steps forward of at most a day so far: nobody can tell them from time.
    pub(crate) leaps: Micros,
    /// Until when somebody may notice that an operator ended an actor.
    pub(crate) shaken: Micros,
    /// Certificates of which the node believes that the catalog knows.
    pub(crate) told: BTreeSet<String>,
    /// Who looks on, if anybody does.
    pub(crate) witness: Option<Arc<dyn Witness>>,
    /// Where the disk is not what it was.
    pub(crate) rotten: Rotten,
    clock: Option<Arc<Clock>>,
    /// Time at the start of the node's present life.
    base: Micros,
    /// What a right wall clock showed at the start of the run.
    start: Timestamp,
    /// The latest that the node's wall clock ever showed.
    high: Timestamp,
    /// Whether an operator said that it is a later day than the wall clock showed: the catalog's
    /// time runs days before that clock from then on.
    ahead: bool,
}

impl Ledger {
    /// An empty ledger.
    pub(crate) fn new(
        trace: Trace,
        start: Timestamp,
        accounts: Vec<Account>,
        shelves: Vec<Shelf>,
    ) -> Self {
        let book = Book {
            trace,
            oracle: Oracle::new(shelves.len()),
            accounts,
            shelves,
            figures: Figures::default(),
            violations: Vec::new(),
            today: Fact::new(Date::of(start)),
            events: 0,
            scarce: Fact::new(false),
            asking: 0,
            unknown: 0,
            former: Vec::new(),
            requests: BTreeMap::new(),
            instants: Vec::new(),
            undoing: None,
            rows: Rows::default(),
            leaps: 0,
            shaken: 0,
            told: BTreeSet::new(),
            witness: None,
            rotten: Rotten::default(),
            clock: None,
            base: 0,
            start,
            high: start,
            ahead: false,
        };
        Self(Arc::new(Mutex::new(book)))
    }

    /// Opens it. Never held over an await.
    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line to the trace.
    pub(crate) fn say(&self, what: fmt::Arguments<'_>) {
        let mut book = self.book();
        let now = book.now();
        book.trace.say(now, what);
    }

    /// Time since the run began.
    pub(crate) fn now(&self) -> Micros {
        self.book().now()
    }

    /// Writes down a broken promise.
    pub(crate) fn breach(&self, invariant: &'static str, story: fmt::Arguments<'_>) {
        self.book().breach(invariant, story);
    }
}

impl Book {
    /// Time since the run began.
    pub(crate) fn now(&self) -> Micros {
        let life = self
            .clock
            .as_ref()
            .map_or(0, |clock| clock.now().monotonic.as_micros());
        self.base + life
    }

    /// What a wall clock shows that was never wrong.
    pub(crate) fn right_wall(&self) -> Timestamp {
        self.start + Duration::from_micros(self.now())
    }

    /// What the node's wall clock shows, if it has never shown a later time, and nobody has
    /// confirmed a later day.
    pub(crate) fn highest_wall(&self) -> Option<Timestamp> {
        let wall = self.clock.as_ref()?.now().wall;
        (wall >= self.high && !self.ahead).then_some(wall)
    }

    /// An operator says which day it is.
    pub(crate) fn confirmed(&mut self, today: Date) {
        let wall = self.clock.as_ref().map(|clock| clock.now().wall);
        self.ahead = wall.is_some_and(|wall| Date::of(wall) < today);
        // The hour is still that of the clock, and may be later than the right one.
        if let Some(wall) = wall {
            let hour = |at: Timestamp| at.as_millis() % DAY;
            let late = hour(wall).saturating_sub(hour(self.right_wall()));
            self.leaps += late * 1_000;
        }
    }

    /// Whether anything of a tenant's repository has rotted: only what is read is judged then.
    pub(crate) fn is_rotten(&self, tenant: usize) -> bool {
        let id = self.accounts[tenant].repository_id;
        id.is_some_and(|id| self.rotten.is_in(&extent::folder(id)))
    }

    /// The node starts, with these clocks.
    pub(crate) fn life_begins(&mut self, clock: Arc<Clock>) {
        self.high = self.high.max(clock.now().wall);
        self.clock = Some(clock);
        self.fills_up(false);
    }

    /// From now on the disk is full but for its reserve, or is not any more.
    pub(crate) fn fills_up(&mut self, is_scarce: bool) {
        let now = self.now();
        self.scarce.settle(is_scarce, now);
    }

    /// The node is off from now on; tells what its wall clock showed.
    pub(crate) fn life_ends(&mut self) -> Timestamp {
        let now = self.now();
        let wall = self
            .clock
            .take()
            .map_or(self.high, |clock| clock.now().wall);
        self.high = self.high.max(wall);
        self.base = now;
        self.oracle.crash();
        self.accounts.iter_mut().for_each(Account::crash);
        wall
    }

    /// Time passes while the node is off.
    pub(crate) fn pass(&mut self, duration: Duration) {
        self.base += u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
    }

    /// The node's wall clock is set.
    pub(crate) fn step_wall(&mut self, by: i64) {
        let Some(clock) = self.clock.clone() else {
            return;
        };
        let wall = clock.now().wall;
        self.high = self.high.max(wall);
        let millis = wall.as_millis().saturating_add_signed(by);
        clock.set_wall(Timestamp::from_millis(millis));
        if by < 0 {
            // What comes from now on may bear a time before them.
            self.instants.clear();
        }
        let leap = u64::try_from(by).unwrap_or(0);
        // More is noticed, and then no time has passed for anything that cannot be taken back.
        if leap <= DAY {
            self.leaps += leap * 1_000;
        }
    }

    /// What came of the run of this seed.
    pub(crate) fn verdict(&self, seed: u64) -> verdict::Verdict {
        verdict::Verdict {
            seed,
            trace: self.trace.clone(),
            violations: self.violations.clone(),
            figures: self.figures,
        }
    }

    /// Writes down a broken promise.
    pub(crate) fn breach(&mut self, invariant: &'static str, story: fmt::Arguments<'_>) {
        let now = self.now();
        self.trace
            .say(now, format_args!("BROKEN {invariant}: {story}"));
        Violation::note(&mut self.violations, invariant, now, story);
    }
}
