//! What a replica's words become: frames, or messages to itself.

use std::sync::Arc;

use holdfast_actors::ports::{Arrival, Journal, Link, Pending};
use holdfast_actors::shell::{Context, Fault, Hands};

use super::machine::{Effect, Event, Replica};
use super::word::{Record, Word};

/// What reaches a replica.
#[derive(Debug)]
pub(super) enum Message {
    /// Its life begins.
    Begin,
    /// From the network.
    Arrived(Arrival),
    /// From itself.
    Own(Word),
}

/// Ports of one replica's life.
pub(super) struct ReplicaHands {
    pub(super) link: Arc<dyn Link>,
    pub(super) journal: Arc<dyn Journal>,
}

impl Hands for ReplicaHands {
    type Machine = Replica;
    type Message = Message;

    fn admit(&mut self, message: Message, _: &Context<Self>) -> Option<Event> {
        let (from, word) = match message {
            Message::Begin => return Some(Event::Begin),
            Message::Arrived(Arrival::Down(peer)) => return Some(Event::Lost(peer)),
            // Whatever was refused is said again soon.
            Message::Arrived(Arrival::Room(_)) => return None,
            Message::Arrived(Arrival::Frame { from, body }) => (from, Word::decode(&body)?),
            Message::Own(word) => (self.link.node(), word),
        };
        Some(Event::Heard { from, word })
    }

    fn persist(&mut self, record: Record, _: &Context<Self>) -> Pending<Result<(), Fault>> {
        self.journal.append(record.encode())
    }

    fn perform(
        &mut self,
        effect: Effect,
        _: &Context<Self>,
    ) -> Result<Option<Pending<Message>>, Fault> {
        let Effect::Say { to, word } = effect;
        if to == self.link.node() {
            return Ok(Some(Box::pin(std::future::ready(Message::Own(word)))));
        }
        // What finds no permit is said again soon, or its client loses patience.
        let _ = self.link.send(to, word.encode());
        Ok(None)
    }
}
