//! The hands of recall: they put repositories together and show them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tokio::sync::oneshot;

use super::following::Following;
use super::machine::{Effect, Event, Recall};
use super::unknown;
use crate::kernel::{Instant, Never, RepositoryId, Ticket};
use crate::ports::{Pending, Ports};
use crate::refusal::Refusal;
use crate::repository::{Reader, Register, Snapshot, Standby};
use crate::shell::{Context, Fault, Hands};

/// A repository as this node still knows it.
#[derive(Clone)]
pub struct Recalled {
    /// What it held.
    pub held: Snapshot,
    /// Reads its objects.
    pub reader: Reader,
}

/// What recall is told.
pub enum Message {
    /// Somebody is to read a repository, on a node that is cut off since then.
    Read(
        RepositoryId,
        Instant,
        oneshot::Sender<Result<Recalled, Refusal>>,
    ),
    /// One was put together, or could not be.
    Loaded(RepositoryId, Option<Snapshot>),
}

/// Belongs to the one recall of a node.
pub struct RecallHands {
    register: Arc<dyn Register>,
    there: BTreeMap<RepositoryId, Recalled>,
    askers: BTreeMap<Ticket, oneshot::Sender<Result<Recalled, Refusal>>>,
    last: Ticket,
}

impl fmt::Debug for RecallHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecallHands({} there)", self.there.len())
    }
}

impl RecallHands {
    /// Of a node that asks this of its catalog.
    pub fn new(register: Arc<dyn Register>) -> Self {
        Self {
            register,
            there: BTreeMap::new(),
            askers: BTreeMap::new(),
            last: Ticket::default(),
        }
    }

    fn load(&self, id: RepositoryId, ports: &Ports) -> Pending<Message> {
        let extents = self.register.extents(id);
        let ports = Ports {
            disk: Arc::new(Following(Arc::clone(&ports.disk))),
            ..ports.clone()
        };
        Box::pin(async move {
            let held = Standby::recall(&ports, id, &extents).await;
            let held = held.inspect_err(|error| {
                let error = Fault::of(error);
                tracing::warn!(repository = %id, %error, "not read without a majority");
            });
            Message::Loaded(id, held.ok())
        })
    }

    fn answer(&mut self, ticket: Ticket, answer: Result<Recalled, Refusal>) {
        if let Some(asker) = self.askers.remove(&ticket) {
            // Who went away reads nothing.
            let _ = asker.send(answer);
        }
    }
}

impl Hands for RecallHands {
    type Machine = Recall;
    type Message = Message;

    fn admit(&mut self, message: Message, context: &Context<Self>) -> Option<Event> {
        Some(match message {
            Message::Read(id, since, asker) => {
                self.last = self.last.next();
                self.askers.insert(self.last, asker);
                let ticket = self.last;
                Event::Asked { id, since, ticket }
            }
            Message::Loaded(id, held) => {
                let objects = held.as_ref().map(Snapshot::count);
                if let Some(held) = held {
                    let disk = Arc::new(Following(Arc::clone(&context.ports.disk)));
                    let reader = Reader::new(disk, id, Arc::clone(&self.register));
                    self.there.insert(id, Recalled { held, reader });
                }
                Event::Loaded { id, objects }
            }
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
            Effect::Load(id) => return Ok(Some(self.load(id, &context.ports))),
            Effect::Give(id, ticket) => {
                let recalled = self.there.get(&id).cloned();
                self.answer(ticket, recalled.ok_or_else(unknown));
            }
            Effect::Refuse(ticket) => self.answer(ticket, Err(unknown())),
            Effect::Forget(id) => drop(self.there.remove(&id)),
        }
        Ok(None)
    }
}
