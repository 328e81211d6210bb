//! Operators: they make tenants, change contracts, and confirm the day when the clock was doubted.
//!
//! One command at a time, each under its number until it is answered, across the node's lives: so
//! each is done exactly once, and what the operator was told is what must be true.

mod affair;
mod nature;
mod safe;
mod wish;
mod wrong;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_actors::catalog::command::{Actor, ClockCommand, Command, Submission};
use holdfast_actors::catalog::{Catalog, Outcome, SubmitError};
use holdfast_actors::kernel::{Date, Timestamp};
use holdfast_actors::names::OperatorName;
use holdfast_actors::ports::Clock;
use holdfast_actors::rotation;
use holdfast_actors::shell::Handle;

use crate::dice::Dice;
use crate::invariants::{approvals, events};
use crate::ledger::Ledger;
use crate::mutation::Mutation;
use crate::plan::Operators;
use crate::trace::Micros;

pub(crate) use affair::Affair;
pub(crate) use safe::{Kept, Safe};
pub(crate) use wish::Wish;
use wrong::{Deep, Wrong};

/// The operator's own number as a client of the catalog.
const CLIENT: u64 = 77;
/// The most commands in one life, beside those that must be given.
const COMMANDS_MAX: u32 = 40;
/// More requests than may wait for a second operator.
const FLOOD: u32 = 260;
/// The operator's name.
pub(crate) const NAME: &str = "ann";

/// What lies on the operator's desk, over all lives of the node.
#[derive(Debug)]
pub(crate) struct Desk {
    sequence: u64,
    waiting: VecDeque<Wish>,
    dice: Dice,
    /// For commands that make no sense, so that they change no others.
    slips: Dice,
    /// For what is done seldom, likewise.
    affairs: Dice,
    /// For certificates, likewise.
    certificates: Dice,
    /// The node's certificates.
    safe: Arc<Mutex<Safe>>,
    /// When the first order was first given; none before.
    given: Option<Micros>,
}

/// The operator at work with one life of the node.
#[derive(Clone)]
pub(crate) struct Office {
    desk: Arc<Mutex<Desk>>,
    ledger: Ledger,
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    rotation: Handle<rotation::Message>,
    mutation: Option<Mutation>,
}

/// The node does not answer any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gone;

impl Desk {
    /// A desk with the first orders: operators, tenants, repositories, logins.
    pub(crate) fn new(ledger: &Ledger, dice: Dice, plan: &Operators) -> Self {
        let book = ledger.book();
        let mut waiting = VecDeque::from([Wish::Operator]);
        if plan.eyes {
            waiting.extend([Affair::Uid, Affair::Second].map(Wish::Affair));
        }
        for tenant in 0..book.accounts.len() {
            waiting.extend([Wish::Tenant(tenant), Wish::Repository(tenant)]);
        }
        for (shelf, row) in book.shelves.iter().enumerate() {
            if row.subtenant {
                waiting.push_back(Wish::Subtenant(shelf));
            }
            waiting.push_back(Wish::Credential(shelf));
        }
        if plan.wrong > 0 {
            waiting.push_back(Wish::Affair(Affair::Adding(0)));
        }
        if plan.flood {
            waiting.extend((0..FLOOD).map(|number| Wish::Affair(Affair::Flood(number))));
        }
        Self {
            sequence: 1,
            waiting,
            slips: dice.fork("slips"),
            affairs: dice.fork("affairs"),
            certificates: dice.fork("certificates"),
            safe: Arc::default(),
            given: None,
            dice,
        }
    }
}

impl Desk {
    /// The node's certificates, over all its lives.
    pub(crate) fn safe(&self) -> Arc<Mutex<Safe>> {
        Arc::clone(&self.safe)
    }
}

impl Office {
    /// The operator's way to a node that has started.
    pub(crate) fn open(
        desk: Arc<Mutex<Desk>>,
        ledger: Ledger,
        catalog: Catalog,
        clock: Arc<dyn Clock>,
        rotation: Handle<rotation::Message>,
        mutation: Option<Mutation>,
    ) -> Self {
        Self {
            desk,
            ledger,
            catalog,
            clock,
            rotation,
            mutation,
        }
    }

    /// What the node's wall clock shows.
    pub(crate) fn wall(&self) -> Timestamp {
        self.clock.now().wall
    }

    /// Puts an order behind the others.
    pub(crate) fn order(&self, wish: Wish) {
        self.desk().waiting.push_back(wish);
    }

    /// Gives all orders that wait, one after the other.
    pub(crate) async fn clear(&self) -> Result<(), Gone> {
        loop {
            let first = self.desk().waiting.front().cloned();
            let Some(wish) = first else { return Ok(()) };
            self.give(&wish).await?;
            let mut desk = self.desk();
            desk.waiting.pop_front();
            desk.sequence += 1;
            desk.given = None;
        }
    }

    /// Confirms the day if the catalog doubts it.
    pub(crate) async fn confirm(&self) -> Result<(), Gone> {
        if self.catalog.rows().clock.doubted {
            let today = Date::of(self.ledger.book().right_wall());
            self.order(Wish::Confirm(today));
        }
        self.clear().await
    }

    /// Changes contracts now and then, for ever.
    pub(crate) async fn work(&self, plan: &Operators) -> Gone {
        for _ in 0..COMMANDS_MAX {
            if self.clear().await.is_err() || self.confirm().await.is_err() {
                return Gone;
            }
            if plan.pause == 0 {
                std::future::pending::<()>().await;
            }
            let pause = self.desk().dice.below(plan.pause) + 1;
            crate::world::pass(pause).await;
            let wish = Wish::draw(&mut self.desk().dice, &self.ledger.book(), plan);
            if let Some(wish) = wish {
                self.order(wish);
            }
            let affairs = Affair::draw(&mut self.desk().affairs, &self.ledger.book(), plan);
            self.desk().waiting.extend(affairs);
            let changed = self.change_certificate();
            self.desk().waiting.extend(changed);
            if let Some(wrong) = self.slip(plan) {
                self.order(Wish::Wrong(wrong));
            }
        }
        std::future::pending().await
    }

    /// A planted bug: the day goes back, and nobody was told.
    pub(crate) async fn turn_back(&self, days: u32) {
        let today = self.catalog.rows().clock.today;
        let today = Date::from_days(today.days().saturating_sub(days));
        let Ok(name) = OperatorName::parse(NAME) else {
            return;
        };
        let command = Command::Clock(ClockCommand::Confirm { today });
        let (by, at) = (Actor::Operator(name), self.clock.now().wall);
        let submission = Submission {
            client: 0,
            sequence: 0,
            by,
            at,
            command,
        };
        // Refused or not: that is for the invariant to notice.
        let _ = self.catalog.submit(submission).await;
    }

    /// Another certificate, now and then: mostly one that follows at its time, mostly while this
    /// life lasts. The node has it before the catalog hears of it.
    fn change_certificate(&self) -> Option<Wish> {
        let wall = self.wall();
        let mut desk = self.desk();
        let (changes, imports, far) = {
            let dice = &mut desk.certificates;
            (dice.one_in(4), dice.one_in(4), dice.one_in(4))
        };
        if !changes {
            return None;
        }
        let number = desk.certificates.below(u64::MAX);
        let ahead = desk
            .certificates
            .below(if far { 86_400_000 } else { 10_000 });
        let switch = Timestamp::from_millis(wall.as_millis() + ahead);
        let mut safe = desk.safe.lock().unwrap_or_else(PoisonError::into_inner);
        let affair = if imports {
            safe.import(number);
            Affair::Import(number)
        } else {
            safe.rotate(number, switch);
            Affair::Rotate(number, switch)
        };
        // One that ended takes the node with it.
        let _ = self.rotation.tell(rotation::Message::Look);
        Some(Wish::Affair(affair))
    }

    /// Something wrong, now and then.
    fn slip(&self, plan: &Operators) -> Option<Wrong> {
        let slips = &mut self.desk().slips;
        (plan.wrong > 0 && slips.one_in(plan.wrong)).then(|| Wrong::draw(slips))?
    }

    async fn give(&self, wish: &Wish) -> Result<(), Gone> {
        let rows = self.catalog.rows();
        let asked = {
            let mut book = self.ledger.book();
            let asked = wish.command(&book, &rows).zip(wish.by(&book, &rows));
            if asked.is_some() {
                wish.doubt(&mut book);
                book.asking = wish.events(&book);
            }
            asked
        };
        let Some((command, by)) = asked else {
            return Ok(());
        };
        let given = *self.desk().given.get_or_insert(self.ledger.now());
        let command = match self.mutation {
            Some(mutation) => mutation.command(command),
            None => command,
        };
        let answer = self.submit(wish, by, command).await;
        let mut book = self.ledger.book();
        let now = book.now();
        let events = book.asking;
        if !matches!(answer, Err(SubmitError::Gone(_))) {
            book.asking = 0;
        }
        match answer {
            Ok(Outcome::Pending { approval }) => {
                book.figures.commands += 1;
                book.events += 1;
                book.trace
                    .say(now, format_args!("operator {wish:?}: request {approval}"));
                approvals::requested(&mut book, wish, approval);
                wish.keep(&mut book);
            }
            Ok(outcome) => {
                book.figures.commands += 1;
                book.events += events;
                if let Wish::Wrong(wrong) = wish {
                    book.breach(events::ID, format_args!("{wrong:?} was not refused"));
                }
                book.trace
                    .say(now, format_args!("operator {wish:?}: {outcome:?}"));
                wish.settle(&mut book, outcome, given);
            }
            Err(SubmitError::Refused(refused)) => {
                book.trace
                    .say(now, format_args!("operator {wish:?}: {}", refused.reason()));
                wish.keep(&mut book);
            }
            Err(SubmitError::Gone(_)) => return Err(Gone),
        }
        Ok(())
    }

    async fn submit(
        &self,
        wish: &Wish,
        by: Actor,
        command: Command,
    ) -> Result<Outcome, SubmitError> {
        let at = self.clock.now().wall;
        let is_stale = matches!(wish, Wish::Wrong(Wrong::Deep(Deep::Stale)));
        let sequence = if is_stale { 0 } else { self.desk().sequence };
        if self.mutation == Some(Mutation::Twice) && matches!(wish, Wish::Tasks(..)) {
            let again = Submission {
                client: 0,
                sequence,
                by: by.clone(),
                at,
                command: command.clone(),
            };
            self.catalog.submit(again).await?;
        }
        let submission = Submission {
            client: CLIENT,
            sequence,
            by,
            at,
            command,
        };
        let (outcome, _) = self.catalog.submit(submission).await?;
        Ok(outcome)
    }

    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
