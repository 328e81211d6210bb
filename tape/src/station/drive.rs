//! A drive: what its thread does, and the hands of the machine that decides about it.
//!
//! The thread asks before each order and tells what came of it, so that the machine knows at any
//! time what the drive is doing, for whom, and for how long.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_actors::kernel::{Never, Ticket};
use holdfast_actors::ports::Pending;
use holdfast_actors::shell::{Context, Fault, Handle, Hands};
use holdfast_actors::tape::Drive;
use holdfast_actors::tape::drive::{Effect, Event, Health, Loan, Order, Purpose, Refused, Trouble};
use tokio::sync::{mpsc, oneshot, watch};

use super::cable::Cable;
use super::trouble;
use crate::exchange::Failure;
use crate::format::{self, Fault as Wrong, Medium, Read, Space, Written};
use crate::mounted::Mounted;
use crate::ports::Work;
use crate::scsi::Patience;
use crate::ssc::{self, Erase};
use crate::threads::{Threads, wait};

/// What a drive is told.
pub(super) enum Message {
    /// A job wants it.
    Acquire(Purpose, oneshot::Sender<Result<Held, Refused>>),
    /// It does not any more.
    Release(Loan),
    /// The thread asks whether it may.
    Do(Loan, Order),
    /// The thread did, or not.
    Done(Result<(), Trouble>),
    /// An operator puts it into service, or takes it out.
    Serve(bool),
}

/// A loan that ends when nobody has it any more, wherever it is lost on its way.
pub(super) struct Held {
    pub(super) loan: Loan,
    machine: Handle<Message>,
}

impl Drop for Held {
    fn drop(&mut self) {
        // A drive that has ended is nobody's.
        let _ = self.machine.tell(Message::Release(self.loan));
    }
}

/// What the machine says to its thread.
pub(super) enum Verdict {
    /// Do it, or do it again.
    Perform,
    /// Leave it.
    Leave(Refused),
}

/// Belongs to one drive.
pub(super) struct DriveHands {
    verdicts: mpsc::UnboundedSender<Verdict>,
    health: watch::Sender<Health>,
    cable: Cable,
    threads: Arc<dyn Threads>,
    waiting: BTreeMap<Ticket, oneshot::Sender<Result<Held, Refused>>>,
    tickets: u64,
}

impl DriveHands {
    pub(super) fn new(
        (verdicts, health): (mpsc::UnboundedSender<Verdict>, watch::Sender<Health>),
        cable: Cable,
        threads: &Arc<dyn Threads>,
    ) -> Self {
        Self {
            threads: Arc::clone(threads),
            verdicts,
            health,
            cable,
            waiting: BTreeMap::new(),
            tickets: 0,
        }
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket::new(self.tickets)
    }
}

impl Hands for DriveHands {
    type Machine = Drive;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Acquire(purpose, reply) => {
                let ticket = self.ticket();
                self.waiting.insert(ticket, reply);
                Event::Acquire { ticket, purpose }
            }
            Message::Release(loan) => Event::Release(loan),
            Message::Do(loan, order) => Event::Do {
                ticket: self.ticket(),
                loan,
                order,
            },
            Message::Done(done) => Event::Done(done),
            Message::Serve(true) => Event::Mended,
            Message::Serve(false) => Event::Disabled,
        })
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        context: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Lend(ticket, loan) => {
                let machine = context.myself.clone();
                let held = Held { loan, machine };
                // It comes back by itself if whoever waited has gone away.
                let reply = self.waiting.remove(&ticket);
                let _ = reply.map(|reply| reply.send(Ok(held)));
            }
            Effect::Refuse(ticket, refused) => {
                let reply = self.waiting.remove(&ticket);
                let _ = reply.map(|reply| reply.send(Err(refused)));
            }
            // A thread that has ended asks nothing any more.
            Effect::Perform(_) => drop(self.verdicts.send(Verdict::Perform)),
            Effect::Answer(_, Err(refused)) => drop(self.verdicts.send(Verdict::Leave(refused))),
            Effect::Answer(_, Ok(())) => {}
            Effect::Reset => {
                let cable = self.cable.clone();
                // What hangs may hold up its reset as well, but not those who wait for it.
                let reset = Box::new(move || cable.reset());
                if let Err(error) = self.threads.start("tape-reset", reset) {
                    tracing::warn!(drive = %context.path, %error, "a drive is not reset");
                }
            }
            Effect::Recovered => {
                tracing::info!(drive = %context.path, "a drive is in service again");
                self.health.send_replace(Health::Well);
            }
            Effect::Alarm(health) => {
                tracing::error!(drive = %context.path, ?health, "a drive is out of service");
                self.health.send_replace(health);
            }
        }
        Ok(None)
    }
}

/// What the thread of a drive owns.
pub(super) struct Spindle {
    pub(super) machine: Handle<Message>,
    pub(super) verdicts: mpsc::UnboundedReceiver<Verdict>,
    pub(super) threads: Arc<dyn Threads>,
    pub(super) cable: Cable,
    pub(super) mounted: Option<Mounted<Cable>>,
}

impl Spindle {
    /// Makes the cartridge ready that the arm put in; says whether it can be written once.
    pub(super) fn load(&mut self, loan: Loan) -> Result<bool, Wrong> {
        let (mut cable, mut made) = (self.cable.clone(), None);
        let order = Order::Load { is_new: false };
        self.order(loan, order, |_| {
            cable.reach();
            let mut drive = ssc::Drive::new(cable.clone());
            let loaded = drive.load(Patience::Load);
            let mounted = loaded.and_then(|()| Mounted::new(drive));
            match mounted {
                Ok(mounted) => {
                    made = Some(mounted);
                    (Ok(()), None)
                }
                Err(failure) => (Err(said(&failure)), trouble::of(&failure)),
            }
        })?;
        self.mounted = made;
        let mut placed = Guarded {
            spindle: self,
            loan,
        };
        placed.position()?;
        let modes = self.mounted.as_mut().map(|it| it.drive().modes());
        Ok(matches!(modes, Some(Ok(modes)) if modes.worm == Some(true)))
    }

    /// Lets the cartridge go.
    pub(super) fn unload(&mut self, loan: Loan) -> Result<(), Wrong> {
        let mounted = self.mounted.take();
        let mut drive = match mounted {
            Some(mounted) => mounted.into_drive(),
            None => ssc::Drive::new(self.cable.clone()),
        };
        let mut cable = self.cable.clone();
        self.order(loan, Order::Unload, |_| {
            cable.reach();
            match drive.unload() {
                Ok(()) => (Ok(()), None),
                Err(failure) => (Err(said(&failure)), trouble::of(&failure)),
            }
        })
    }

    /// Does some work, order by order.
    pub(super) fn work(&mut self, loan: Loan, work: Work) {
        work(&mut Guarded {
            spindle: self,
            loan,
        });
    }

    /// Asks whether an order may be given, gives it, and tells what came of it.
    fn order<R>(
        &mut self,
        loan: Loan,
        order: Order,
        mut act: impl FnMut(&mut Option<Mounted<Cable>>) -> (Result<R, Wrong>, Option<Trouble>),
    ) -> Result<R, Wrong> {
        let ended = || Wrong::Failed("the drive is out of service".to_owned());
        // What was said of an order that nobody waited for.
        while self.verdicts.try_recv().is_ok() {}
        let asked = self.machine.tell(Message::Do(loan, order));
        asked.map_err(|_| ended())?;
        let mut last = None;
        loop {
            match wait(self.threads.as_ref(), self.verdicts.recv()).flatten() {
                Some(Verdict::Perform) => {
                    let (done, trouble) = act(&mut self.mounted);
                    let told = Message::Done(trouble.map_or(Ok(()), Err));
                    self.machine.tell(told).map_err(|_| ended())?;
                    if trouble.is_none() {
                        return done;
                    }
                    last = Some(done);
                }
                Some(Verdict::Leave(refused)) => {
                    return last.unwrap_or_else(|| Err(Wrong::Failed(refused.to_string())));
                }
                None => return Err(ended()),
            }
        }
    }
}

fn said(failure: &Failure) -> Wrong {
    Wrong::Failed(failure.to_string())
}

/// The tape in a drive, each of whose orders is asked for first.
struct Guarded<'a> {
    spindle: &'a mut Spindle,
    loan: Loan,
}

impl Guarded<'_> {
    fn order<R>(
        &mut self,
        order: Order,
        mut act: impl FnMut(&mut Mounted<Cable>) -> Result<R, Wrong>,
    ) -> Result<R, Wrong> {
        self.spindle.order(self.loan, order, |mounted| {
            let Some(mounted) = mounted else {
                let empty = Wrong::Failed("there is no tape in the drive".to_owned());
                return (Err(empty), Some(Trouble::Empty));
            };
            let done = act(mounted);
            let failure = mounted.failure();
            let trouble = failure.filter(|_| done.is_err());
            (done, trouble.as_ref().and_then(trouble::of))
        })
    }
}

impl Medium for Guarded<'_> {
    fn write(&mut self, block: &[u8]) -> Result<Written, Wrong> {
        self.order(Order::Write, |tape| tape.write(block))
    }

    fn filemark(&mut self) -> Result<Written, Wrong> {
        self.order(Order::Mark { flushes: false }, Medium::filemark)
    }

    fn flush(&mut self) -> Result<(), Wrong> {
        self.order(Order::Mark { flushes: true }, Medium::flush)
    }

    fn position(&mut self) -> Result<Option<u64>, Wrong> {
        self.order(Order::Position, Medium::position)
    }

    fn locate(&mut self, address: u64) -> Result<(), Wrong> {
        self.order(Order::Locate, |tape| tape.locate(address))
    }

    fn rewind(&mut self) -> Result<(), Wrong> {
        self.order(Order::Rewind, Medium::rewind)
    }

    fn space(&mut self, way: Space) -> Result<(), Wrong> {
        self.order(Order::Locate, |tape| tape.space(way))
    }

    fn erase(&mut self, erase: Erase) -> Result<(), Wrong> {
        self.order(Order::Erase, |tape| tape.erase(erase))
    }

    fn read(&mut self) -> Result<Read, format::Fault> {
        self.order(Order::Read, Medium::read)
    }
}
