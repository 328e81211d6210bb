//! The arm: its thread, and the hands of the machine that decides about moves.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_actors::catalog::tape::{LibraryCommand, Seen, TapeCommand};
use holdfast_actors::kernel::{Machine as _, Ticket};
use holdfast_actors::names::TapeName;
use holdfast_actors::ports::{Entropy, Pending};
use holdfast_actors::shell::{self, Context, Fault, Gone, Handle, Hands};
use holdfast_actors::tape::changer::{
    self, Effect, Element, Event, Held, Intent, Inventory, Record,
};
use holdfast_actors::tape::{Barcode, Changer, MediumId};
use tokio::sync::oneshot;

use super::Site;
use super::cable::Cable;
use crate::exchange::Failure;
use crate::ports::{Books, Failed};
use crate::smc::{self, Address, Kind, Rows};
use crate::threads::Worker;

type Answer = oneshot::Sender<Result<(), changer::Failed>>;

/// What the arm is told.
pub(super) enum Message {
    /// Somebody wants a cartridge carried.
    Carry(Element, Element, Answer),
    /// The robot says whether it moved.
    Moved(bool),
    /// Where everything is, if the robot said.
    Status(Option<Inventory>),
}

/// The device, and where its elements are once it has said so.
struct Robot {
    changer: smc::Changer<Cable>,
    rows: Option<Rows>,
}

/// The way to the arm. Cheap to clone.
#[derive(Clone)]
pub(super) struct Arm {
    machine: Handle<Message>,
    robot: Worker<Robot>,
    entropy: Arc<dyn Entropy>,
}

/// An element and what stands in it.
pub(super) type Elements = Vec<smc::Element>;

impl Arm {
    /// Starts the actor and its thread; what was last noted of a move is looked after first.
    pub(super) async fn start(
        name: &TapeName,
        intent: Option<&Intent>,
        changer: Cable,
        site: &Site,
    ) -> Result<Self, Failed> {
        let robot = Robot {
            changer: smc::Changer::new(changer),
            rows: None,
        };
        let path = site.path.child("changer");
        let robot =
            Worker::start(&site.threads, "tape-arm", robot).map_err(|error| unstarted(&error))?;
        let hands = ArmHands {
            name: name.clone(),
            robot: robot.clone(),
            books: Arc::clone(&site.books),
            waiting: BTreeMap::new(),
            tickets: 0,
        };
        let mut machine = Changer::default();
        if let Some(intent) = intent {
            machine.apply(&Record::Meant(intent.clone()));
        }
        let above = site.above.clone();
        let machine = shell::spawn(path, machine, hands, site.ports.clone(), above).await;
        let machine = machine.map_err(|error| unstarted(&error))?;
        Ok(Self {
            machine,
            robot,
            entropy: Arc::clone(&site.ports.entropy),
        })
    }

    pub(super) fn stop(&self) {
        self.machine.stop();
    }

    /// Has a cartridge carried.
    pub(super) async fn carry(&self, from: Element, to: Element) -> Result<(), Failed> {
        let carried = self.machine.ask(|reply| Message::Carry(from, to, reply));
        Ok(carried.await.map_err(|Gone| gone())??)
    }

    /// Every element and what stands in it.
    pub(super) async fn elements(&self) -> Result<Elements, Failed> {
        let told = self.robot.ask(Robot::elements);
        told.await
            .map_err(|_| gone())?
            .map_err(|failure| Failed::Other(format!("the robot does not say: {failure}")))
    }

    pub(super) fn inventory(&self) -> Pending<Result<Vec<Seen>, Failed>> {
        let arm = self.clone();
        Box::pin(async move {
            let elements = arm.elements().await?;
            Ok(arm.seen(&elements))
        })
    }

    /// Cartridges by the slots where they belong.
    fn seen(&self, elements: &[smc::Element]) -> Vec<Seen> {
        let slots = elements.iter().filter(|one| one.kind == Kind::Slot);
        let mut free: Vec<Address> = slots
            .filter(|one| !one.full)
            .map(|one| one.address)
            .collect();
        let mut seen = Vec::new();
        for one in elements.iter().filter(|one| one.full) {
            let slot = match (one.kind, one.source) {
                (Kind::Slot, _) => one.address,
                (Kind::Door, _) => continue,
                (_, Some(source)) if free.contains(&source) => source,
                (_, _) => match free.pop() {
                    Some(slot) => slot,
                    None => continue,
                },
            };
            free.retain(|it| *it != slot);
            let mut id = [0; 16];
            self.entropy.fill(&mut id);
            seen.push(Seen {
                slot: Element(slot.0),
                barcode: label(one),
                new: MediumId::new(u128::from_be_bytes(id)),
            });
        }
        seen
    }
}

fn label(element: &smc::Element) -> Option<Barcode> {
    let text = element.label.as_deref();
    text.and_then(|text| Barcode::parse(text).ok())
}

fn gone() -> Failed {
    Failed::Other("the library is out of service".to_owned())
}

pub(super) fn unstarted(error: &dyn std::error::Error) -> Failed {
    Failed::Other(format!("a part of the library does not start: {error}"))
}

impl Robot {
    fn elements(&mut self) -> Result<Elements, Failure> {
        if self.changer.scsi().reach() {
            self.rows = None;
        }
        // What it wants attention for is taken; all elements are asked for anyway.
        self.changer.ready().1?;
        let rows = match self.rows {
            Some(rows) => rows,
            None => self.changer.rows()?,
        };
        self.rows = Some(rows);
        let mut all = Vec::new();
        for kind in Kind::ALL {
            all.extend(self.changer.elements(&rows, kind)?);
        }
        Ok(all)
    }

    fn inventory(&mut self) -> Option<Inventory> {
        let elements = self.elements().ok()?;
        let held = |one: &smc::Element| match one.full {
            _ if !one.reachable && one.kind != Kind::Picker && one.exception.is_some() => {
                Held::Trouble
            }
            true => Held::Cartridge(label(one)),
            false => Held::Nothing,
        };
        let places = elements
            .iter()
            .map(|one| (Element(one.address.0), held(one)));
        Some(Inventory {
            picker: Element(self.rows?.pickers.first.0),
            places: places.collect(),
        })
    }

    fn carry(&mut self, from: Element, to: Element) -> bool {
        let Some(rows) = self.rows else {
            return false;
        };
        let carried = self.changer.carry(&rows, Address(from.0), Address(to.0));
        if let Err(failure) = &carried {
            tracing::warn!(from = from.0, to = to.0, %failure, "a cartridge was not moved");
        }
        carried.is_ok()
    }
}

/// Belongs to the changer of one library.
struct ArmHands {
    name: TapeName,
    robot: Worker<Robot>,
    books: Arc<dyn Books>,
    waiting: BTreeMap<Ticket, Answer>,
    tickets: u64,
}

impl Hands for ArmHands {
    type Machine = Changer;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Carry(from, to, reply) => {
                self.tickets += 1;
                let ticket = Ticket::new(self.tickets);
                self.waiting.insert(ticket, reply);
                Event::Move { ticket, from, to }
            }
            Message::Moved(done) => Event::Moved(done),
            Message::Status(inventory) => Event::Status(inventory),
        })
    }

    fn persist(&mut self, record: Record, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        let noted = LibraryCommand::Noted(record);
        let noted = self
            .books
            .submit(TapeCommand::Library(self.name.clone(), noted));
        Box::pin(async move { noted.await.map_err(|failed| Fault::of(&failed)) })
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Ask => {
                let told = self.robot.ask(Robot::inventory);
                return Ok(Some(Box::pin(async move {
                    Message::Status(told.await.ok().flatten())
                })));
            }
            Effect::Go { from, to } => {
                let moved = self.robot.ask(move |robot| robot.carry(from, to));
                return Ok(Some(Box::pin(async move {
                    Message::Moved(moved.await.unwrap_or(false))
                })));
            }
            Effect::Answer(ticket, outcome) => {
                // Whoever wanted it may have gone away; it was moved all the same.
                let reply = self.waiting.remove(&ticket);
                let _ = reply.map(|reply| reply.send(outcome));
            }
            Effect::Vanished(intent) => {
                tracing::error!(library = %self.name, ?intent, "the robot lost a cartridge");
            }
            Effect::Twins(barcode) => {
                tracing::warn!(library = %self.name, %barcode, "two cartridges have one barcode");
            }
        }
        Ok(None)
    }
}
