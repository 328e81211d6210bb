//! Who moves cartridges, and what is known of a move whose outcome nobody saw.
//!
//! A changer has one arm. Each move is noted before the robot is told, so that whoever comes back
//! after a crash knows what may have happened; after any trouble the robot is asked where all
//! cartridges are, and what the note says is compared with that. No move is ever asked for twice:
//! one that was not done is answered so, and whoever wanted it may want it again.
//!
//! Invariant: at most one move is under way, and each that was noted is settled before the next.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::media::Barcode;
use crate::kernel::{Acts, Instant, Machine, Now, Ticket};

/// Moves that may wait; whoever wants one more is refused.
pub const WAITING_MAX: usize = 64;
/// When a robot that did not say where everything is gets asked again.
pub const ASK_AGAIN: Duration = Duration::from_secs(60);

/// A place for one cartridge, by the address that the robot gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Element(pub u16);

/// What is in a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Held {
    /// Nothing.
    Nothing,
    /// A cartridge; its barcode, if it can be read.
    Cartridge(Option<Barcode>),
    /// Something is wrong with the place.
    Trouble,
}

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The arm itself, which may have been left with a cartridge in its hand.
    pub picker: Element,
    /// All places, the picker among them.
    pub places: BTreeMap<Element, Held>,
}

/// A move that the robot was told of, or is about to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    from: Element,
    to: Element,
    barcode: Option<Barcode>,
}

impl Intent {
    /// From where to where.
    pub const fn way(&self) -> (Element, Element) {
        (self.from, self.to)
    }
}

/// What a changer hears.
#[derive(Debug)]
pub enum Event {
    /// Somebody wants a cartridge moved.
    Move {
        /// Who.
        ticket: Ticket,
        /// From there.
        from: Element,
        /// To there.
        to: Element,
    },
    /// The robot says that the move is done, or was refused or lost: then nobody knows.
    Moved(bool),
    /// Where everything is; none if the robot did not say.
    Status(Option<Inventory>),
}

/// What a changer wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the robot where everything is.
    Ask,
    /// Tell the robot to move, once.
    Go {
        /// From there.
        from: Element,
        /// To there.
        to: Element,
    },
    /// Answer whoever wanted a move.
    Answer(Ticket, Result<(), Failed>),
    /// Tell the operator that a cartridge is not where it was moved from, to, or on the arm.
    Vanished(Intent),
    /// Tell the operator that two cartridges have one barcode: neither is used.
    Twins(Barcode),
}

/// Why a cartridge was not moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// It is where it was.
    #[error("the robot did not move it")]
    NotMoved,
    /// It is on the robot's arm, which holds up all other moves.
    #[error("it is on the robot's arm: look into the library, and take an inventory")]
    OnTheArm,
    /// It is not known where it is.
    #[error("the robot lost it: look into the library, and take an inventory")]
    Vanished,
    /// There is nothing to move.
    #[error("the place is empty")]
    FromEmpty,
    /// There is no room.
    #[error("the place that it should go to is taken")]
    ToTaken,
    /// There is no such place, or the robot says that something is wrong with it.
    #[error("the robot has no such place, or says that something is wrong with it")]
    NoPlace,
    /// Another cartridge has the same barcode.
    #[error("another cartridge has the same barcode: relabel one of them")]
    Twin,
    /// See [`WAITING_MAX`].
    #[error("too many moves wait for the robot")]
    Busy,
}

/// A fact about moves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Record {
    /// The robot may be told of it from now on.
    Meant(Intent),
    /// What came of it is known.
    Settled,
}

/// The changer of one library.
#[derive(Debug, Default)]
pub struct Changer {
    intent: Option<Intent>,
    /// Who waits for the intent; nobody after a crash.
    ticket: Option<Ticket>,
    waiting: VecDeque<(Ticket, Element, Element)>,
    /// Where everything is; none if that has to be asked.
    known: Option<Inventory>,
    /// The robot said so after the last move was asked for: people open doors, and not every robot
    /// tells.
    is_fresh: bool,
    /// Whether the robot is moving, or being asked.
    is_busy: bool,
    ask_at: Instant,
}

impl Changer {
    fn ask(&mut self, now: Instant, acts: &mut Acts<Self>) {
        if now >= self.ask_at {
            self.is_busy = true;
            acts.start(Effect::Ask);
        }
    }

    fn has_work(&self) -> bool {
        self.intent.is_some() || !self.waiting.is_empty()
    }

    /// Does what is next, if the arm is free.
    fn go_on(&mut self, now: Instant, acts: &mut Acts<Self>) {
        while !self.is_busy && self.has_work() {
            let Some(known) = self.known.take() else {
                return self.ask(now, acts);
            };
            if let Some(intent) = self.intent.clone() {
                self.reconcile(intent, &known, acts);
            } else if let Some((ticket, from, to)) = self.waiting.pop_front() {
                let may = known.may_move(from, to);
                if may.is_err() && !self.is_fresh {
                    // It may be otherwise by now.
                    self.waiting.push_front((ticket, from, to));
                    continue;
                }
                self.begin(ticket, (from, to), may, acts);
            }
            self.known = Some(known);
        }
    }

    fn begin(
        &mut self,
        ticket: Ticket,
        (from, to): (Element, Element),
        may: Result<Option<Barcode>, Failed>,
        acts: &mut Acts<Self>,
    ) {
        let barcode = match may {
            Ok(barcode) => barcode,
            Err(failed) => return acts.show(Effect::Answer(ticket, Err(failed))),
        };
        self.ticket = Some(ticket);
        acts.persist(self, Record::Meant(Intent { from, to, barcode }));
        self.is_busy = true;
        acts.show(Effect::Go { from, to });
    }

    /// Compares what was meant with what is.
    fn reconcile(&mut self, intent: Intent, known: &Inventory, acts: &mut Acts<Self>) {
        let is_at = |place| known.holds(place, intent.barcode.as_ref());
        let left = known.is_empty(intent.from);
        let outcome = match (left, is_at(intent.to)) {
            (true, true) => Ok(()),
            // The one that was there stays there: without a barcode two could be taken for it.
            (false, _) if intent.from == known.picker => Err(Failed::OnTheArm),
            (false, false) => Err(Failed::NotMoved),
            (false, true) if is_at(intent.from) => Err(Failed::NotMoved),
            (true, false) if is_at(known.picker) && known.is_empty(intent.to) => {
                // It goes on from the arm, under a note of its own.
                let from = known.picker;
                let (to, barcode) = (intent.to, intent.barcode);
                acts.persist(self, Record::Meant(Intent { from, to, barcode }));
                self.is_busy = true;
                return acts.show(Effect::Go { from, to });
            }
            (true, false) | (false, true) => Err(Failed::Vanished),
        };
        acts.persist(self, Record::Settled);
        if outcome == Err(Failed::Vanished) {
            acts.show(Effect::Vanished(intent));
        }
        if let Some(ticket) = self.ticket.take() {
            acts.show(Effect::Answer(ticket, outcome));
        }
    }

    /// The robot says that all is well: nothing need be asked.
    fn moved(&mut self, acts: &mut Acts<Self>) {
        let Some(Intent { from, to, .. }) = self.intent.clone() else {
            return;
        };
        if let Some(known) = &mut self.known {
            let held = known.places.insert(from, Held::Nothing);
            known.places.insert(to, held.unwrap_or(Held::Trouble));
        }
        acts.persist(self, Record::Settled);
        if let Some(ticket) = self.ticket.take() {
            acts.show(Effect::Answer(ticket, Ok(())));
        }
    }
}

impl Inventory {
    fn is_empty(&self, place: Element) -> bool {
        self.places.get(&place) == Some(&Held::Nothing)
    }

    /// Whether a place has a cartridge that may be the one with this barcode.
    fn holds(&self, place: Element, barcode: Option<&Barcode>) -> bool {
        match self.places.get(&place) {
            Some(Held::Cartridge(Some(there))) => barcode.is_none_or(|it| it == there),
            Some(Held::Cartridge(None)) => true,
            Some(Held::Nothing | Held::Trouble) | None => false,
        }
    }

    fn may_move(&self, from: Element, to: Element) -> Result<Option<Barcode>, Failed> {
        let barcode = match self.places.get(&from) {
            Some(Held::Cartridge(barcode)) => barcode.clone(),
            Some(Held::Nothing) => return Err(Failed::FromEmpty),
            Some(Held::Trouble) | None => return Err(Failed::NoPlace),
        };
        if let Some(barcode) = &barcode
            && self.twins().contains(&barcode)
        {
            return Err(Failed::Twin);
        }
        match self.places.get(&to) {
            Some(Held::Nothing) => Ok(barcode),
            Some(Held::Cartridge(_)) => Err(Failed::ToTaken),
            Some(Held::Trouble) | None => Err(Failed::NoPlace),
        }
    }

    /// Barcodes that more than one cartridge has.
    fn twins(&self) -> Vec<&Barcode> {
        let mut seen = BTreeMap::new();
        for held in self.places.values() {
            if let Held::Cartridge(Some(barcode)) = held {
                *seen.entry(barcode).or_insert(0) += 1;
            }
        }
        let twins = seen.into_iter().filter(|(_, count)| *count > 1);
        twins.map(|(barcode, _)| barcode).collect()
    }
}

impl Machine for Changer {
    type Event = Event;
    type Record = Record;
    type Effect = Effect;

    fn step(&mut self, now: Now, event: Event, acts: &mut Acts<Self>) {
        let now = now.monotonic;
        match event {
            Event::Move { ticket, .. } if self.waiting.len() == WAITING_MAX => {
                acts.show(Effect::Answer(ticket, Err(Failed::Busy)));
            }
            Event::Move { ticket, from, to } => {
                self.is_fresh = false;
                self.waiting.push_back((ticket, from, to));
            }
            Event::Moved(done) => {
                self.is_busy = false;
                match done {
                    true => self.moved(acts),
                    false => self.known = None,
                }
            }
            Event::Status(None) => {
                self.is_busy = false;
                self.ask_at = now + ASK_AGAIN;
            }
            Event::Status(Some(inventory)) => {
                self.is_busy = false;
                for twin in inventory.twins() {
                    acts.show(Effect::Twins(twin.clone()));
                }
                self.known = Some(inventory);
                self.is_fresh = true;
            }
        }
        self.go_on(now, acts);
    }

    fn apply(&mut self, record: &Record) {
        self.intent = match record {
            Record::Meant(intent) => Some(intent.clone()),
            Record::Settled => None,
        };
    }

    fn deadline(&self) -> Option<Instant> {
        let asks = self.has_work() && !self.is_busy && self.known.is_none();
        asks.then_some(self.ask_at)
    }

    fn wake(&mut self, now: Now, acts: &mut Acts<Self>) {
        self.go_on(now.monotonic, acts);
    }

    fn observe(&self) -> serde_json::Value {
        json!({
            "move": self.intent.as_ref().map(|it| [it.from.0, it.to.0]),
            "waiting": self.waiting.len(),
            "knows-places": self.known.is_some(),
        })
    }

    fn waits(&self) -> Vec<String> {
        let asks = self.known.is_none() && self.intent.is_some();
        asks.then(|| "the robot, to say where everything is".to_owned())
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests;
