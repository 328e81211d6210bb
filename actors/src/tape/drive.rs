//! Who has a tape drive, what it is doing, and what its troubles mean.
//!
//! A drive serves one job at a time: restores before archives, and in the order of their coming. It
//! does one thing at a time, each within a time limit of its own. What a drive says went wrong ends
//! in one of few states; from some of them only an operator leads back.
//!
//! Invariant: an order that may have been carried out is never given again, and where the tape
//! stands is known or nothing is written.

mod words;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;

pub use words::{Effect, Event, Health, Loan, Order, Purpose, Refused, Trouble};

use crate::kernel::{Acts, Instant, Machine, Never, Now, Ticket};

/// Jobs that may wait for one drive.
pub const WAITING_MAX: usize = 64;
/// How often what could not be read is read again before another drive or copy is asked for.
pub const READS_MAX: u32 = 3;
/// After which time a drive that is not ready yet is asked again.
const POLL: Duration = Duration::from_secs(1);

/// What is under way.
#[derive(Debug)]
struct Work {
    ticket: Ticket,
    order: Order,
    until: Instant,
    failures: u32,
    /// When it is tried again; it is not with the drive meanwhile.
    again: Option<Instant>,
}

/// One drive.
#[derive(Debug, Default)]
pub struct Drive {
    health: Health,
    /// Whether it is known where the tape stands.
    is_placed: bool,
    last: Loan,
    lent: bool,
    waiting: BTreeMap<(Purpose, u64), Ticket>,
    arrivals: u64,
    work: Option<Work>,
}

impl Drive {
    /// The loan by which it is used now.
    fn loan(&self) -> Option<Loan> {
        self.lent.then_some(self.last)
    }

    fn acquire(&mut self, ticket: Ticket, purpose: Purpose, acts: &mut Acts<Self>) {
        if self.health != Health::Well {
            let refused = Refused::OutOfService(self.health);
            return acts.show(Effect::Refuse(ticket, refused));
        }
        if self.waiting.len() == WAITING_MAX {
            return acts.show(Effect::Refuse(ticket, Refused::TooMany));
        }
        self.arrivals += 1;
        self.waiting.insert((purpose, self.arrivals), ticket);
    }

    /// Lends it to whoever is next, once what the last one asked for has ended.
    fn lend(&mut self, acts: &mut Acts<Self>) {
        if self.lent || self.work.is_some() || self.health != Health::Well {
            return;
        }
        if let Some((_, ticket)) = self.waiting.pop_first() {
            self.last.0 += 1;
            self.lent = true;
            acts.show(Effect::Lend(ticket, self.last));
        }
    }

    fn begin(
        &mut self,
        now: Instant,
        (ticket, loan): (Ticket, Loan),
        order: Order,
    ) -> Option<Refused> {
        if self.loan() != Some(loan) {
            return Some(Refused::NotYours);
        }
        if self.health != Health::Well {
            return Some(Refused::OutOfService(self.health));
        }
        if self.work.is_some() {
            return Some(Refused::Busy);
        }
        if order.writes() && !self.is_placed {
            return Some(Refused::NotThere);
        }
        self.work = Some(Work {
            ticket,
            order,
            until: now + order.limit(),
            failures: 0,
            again: None,
        });
        None
    }

    fn done(&mut self, now: Instant, done: Result<(), Trouble>, acts: &mut Acts<Self>) {
        let Some(mut work) = self.work.take_if(|work| work.again.is_none()) else {
            return;
        };
        let trouble = match done {
            Ok(()) => return self.went_well(&work, acts),
            Err(trouble) => trouble,
        };
        let tries_again = match (trouble, work.order) {
            // What only looks can be done as often as one likes.
            (Trouble::NotReadyYet, Order::Load { .. } | Order::Position) => true,
            (Trouble::CannotRead, Order::Read) => work.failures < READS_MAX,
            _ => false,
        };
        if tries_again {
            work.failures += 1;
            work.again = Some(now + POLL);
            self.work = Some(work);
            return;
        }
        self.understands(trouble, work.order, acts);
        let refused = Refused::Trouble(trouble);
        acts.show(Effect::Answer(work.ticket, Err(refused)));
    }

    fn went_well(&mut self, work: &Work, acts: &mut Acts<Self>) {
        match work.order {
            Order::Position | Order::Rewind | Order::Locate => self.is_placed = true,
            Order::Load { .. } | Order::Unload => self.is_placed = false,
            Order::Write | Order::Mark { .. } | Order::Read | Order::Erase => {}
        }
        acts.show(Effect::Answer(work.ticket, Ok(())));
    }

    /// What a trouble says of the drive and of where the tape stands.
    fn understands(&mut self, trouble: Trouble, order: Order, acts: &mut Acts<Self>) {
        let health = match trouble {
            Trouble::Broken => Health::Broken,
            Trouble::Hung => Health::Hung,
            Trouble::Dirty => Health::NeedsCleaning,
            Trouble::Reserved => Health::ReservedByOther,
            Trouble::Empty
            | Trouble::NotReadyYet
            | Trouble::Changed
            | Trouble::Unknown
            | Trouble::CannotWrite
            | Trouble::CannotRead
            | Trouble::Full
            | Trouble::WriteProtected
            | Trouble::NoKey
            | Trouble::Aborted => Health::Well,
        };
        // The end of the tape is a place; so is where a tape that may not be written stands.
        let stands = matches!(
            trouble,
            Trouble::Full | Trouble::WriteProtected | Trouble::NoKey | Trouble::Dirty
        );
        let moved_by_it = order.writes() || order == Order::Read;
        self.is_placed &= stands && moved_by_it;
        self.fails(health, acts);
    }

    fn fails(&mut self, health: Health, acts: &mut Acts<Self>) {
        if health == Health::Well || health == self.health {
            return;
        }
        self.health = health;
        acts.show(Effect::Alarm(health));
        for ticket in std::mem::take(&mut self.waiting).into_values() {
            acts.show(Effect::Refuse(ticket, Refused::OutOfService(health)));
        }
    }

    /// Whatever was done to it meanwhile, the tape stands anywhere.
    fn mended(&mut self, acts: &mut Acts<Self>) {
        if self.health != Health::Well {
            self.health = Health::Well;
            self.is_placed = false;
            acts.show(Effect::Recovered);
        }
    }

    /// Gives an order to the drive again, or gives it up for hung.
    fn overdue(&mut self, now: Instant, acts: &mut Acts<Self>) {
        let Some(work) = &mut self.work else {
            return;
        };
        if now >= work.until {
            let ticket = work.ticket;
            self.work = None;
            self.is_placed = false;
            acts.start(Effect::Reset);
            self.fails(Health::Hung, acts);
            let hung = Refused::Trouble(Trouble::Hung);
            acts.show(Effect::Answer(ticket, Err(hung)));
        } else if work.again.take_if(|again| *again <= now).is_some() {
            acts.start(Effect::Perform(work.order));
        }
    }
}

impl Machine for Drive {
    type Event = Event;
    type Record = Never;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let now = now.monotonic;
        match event {
            Event::Acquire { ticket, purpose } => self.acquire(ticket, purpose, acts),
            // A new holder begins with a tape of which it knows nothing.
            Event::Release(loan) if self.loan() == Some(loan) => {
                self.lent = false;
                self.is_placed = false;
            }
            Event::Release(_) => {}
            Event::Leave(ticket) => self.waiting.retain(|_, waiting| *waiting != ticket),
            Event::Do {
                ticket,
                loan,
                order,
            } => match self.begin(now, (ticket, loan), order) {
                None => acts.start(Effect::Perform(order)),
                Some(refused) => acts.show(Effect::Answer(ticket, Err(refused))),
            },
            Event::Done(done) => self.done(now, done, acts),
            Event::Mended => self.mended(acts),
            Event::Disabled => self.fails(Health::Disabled, acts),
        }
        self.lend(acts);
    }

    fn apply(&mut self, record: &Never) {
        match *record {}
    }

    fn deadline(&self) -> Option<Instant> {
        let work = self.work.as_ref()?;
        Some(work.again.unwrap_or(work.until).min(work.until))
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.overdue(now.monotonic, acts);
        self.lend(acts);
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "health": self.health,
            "loan": self.loan(),
            "waiting": self.waiting.len(),
            "order": self.work.as_ref().map(|work| format!("{:?}", work.order)),
            "knows-where-it-stands": self.is_placed,
        })
    }

    fn waits(&self) -> Vec<String> {
        let order = self.work.as_ref().map(|work| work.order);
        order
            .map(|order| format!("the drive, for {order:?}"))
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests;
