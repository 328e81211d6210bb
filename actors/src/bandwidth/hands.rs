//! The hands of the node's bandwidth: they keep whom to answer.

use std::collections::BTreeMap;
use std::fmt;

use super::{Bandwidth, Effect, Event};
use crate::kernel::{Never, Size, Ticket};
use crate::names::TenantName;
use crate::ports::Pending;
use crate::shell::{Context, Fault, Hands};
use crate::tenant::Answer;

/// What it is told.
#[derive(Debug)]
pub enum Message {
    /// So many bytes of a tenant want to come in.
    Charge(TenantName, Size, Answer),
}

/// Belongs to the one bandwidth of a node.
#[derive(Default)]
pub struct BandwidthHands {
    last_ticket: Ticket,
    answers: BTreeMap<Ticket, Answer>,
}

impl fmt::Debug for BandwidthHands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BandwidthHands({} waiting)", self.answers.len())
    }
}

impl BandwidthHands {
    fn answer(&mut self, ticket: Ticket, answer: Result<(), crate::refusal::Refusal>) {
        if let Some(waiting) = self.answers.remove(&ticket) {
            // Whoever asked may have gone; what was kept free for them is lost.
            let _ = waiting.send(answer);
        }
    }
}

impl Hands for BandwidthHands {
    type Machine = Bandwidth;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        let Message::Charge(tenant, size, answer) = message;
        self.last_ticket = self.last_ticket.next();
        self.answers.insert(self.last_ticket, answer);
        Some(Event::Charge(self.last_ticket, tenant, size))
    }

    fn persist(&mut self, record: Never, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        match record {}
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        match effect {
            Effect::Proceed(ticket) => self.answer(ticket, Ok(())),
            Effect::Refuse(ticket, refusal) => self.answer(ticket, Err(refusal)),
        }
        Ok(None)
    }
}
