//! All that lies between this node and one other, as long as their connection lives.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use holdfast_actors::kernel::{Instant, NodeId, Ticket};

use super::calling::Lane;
use super::serving::Served;
use super::turn::Turn;
use super::{GREET, Outcome, Switchboard};
use crate::calls::envelope::Envelope;

/// One peer.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// The link has refused a frame.
    pub(super) is_blocked: bool,
    /// Its window, once it has greeted on this connection.
    pub(super) greeting: Option<u16>,
    /// It wants to be greeted.
    pub(super) owes_greeting: bool,
    /// When it was greeted last because calls wait.
    pub(super) greeted: Option<Instant>,
    /// Small envelopes that wait, in order.
    pub(super) urgent: VecDeque<Envelope>,
    /// Calls to its services.
    pub(super) lanes: BTreeMap<&'static str, Lane>,
    /// Its calls to services of this node.
    pub(super) serving: BTreeMap<Ticket, Served>,
    /// How many of them there are of each service.
    pub(super) taken: BTreeMap<&'static str, u16>,
    /// Those that are answered; the answer has not been sent.
    pub(super) answered: BTreeSet<Ticket>,
    /// Actors of this node that it watches.
    pub(super) mourned: BTreeSet<Ticket>,
}

impl Peer {
    /// Calls to it that were not sent.
    pub(super) fn waiting(&self) -> usize {
        self.lanes.values().map(|lane| lane.waiting.len()).sum()
    }

    /// Whether calls wait only because it has not greeted.
    pub(super) fn waits_for_greeting(&self) -> bool {
        self.greeting.is_none() && self.lanes.values().any(|lane| !lane.waiting.is_empty())
    }

    /// When the first of its calls is over that is not answered.
    pub(super) fn first_lapse(&self) -> Option<Instant> {
        let served = self.serving.values().filter(|it| it.outcome.is_none());
        served.map(|it| it.until).min()
    }

    /// One call of it to a service is no more under way.
    pub(super) fn give_back(&mut self, service: &'static str) {
        if let Some(taken) = self.taken.get_mut(service) {
            *taken = taken.saturating_sub(1);
        }
    }
}

impl Switchboard {
    /// Takes what can be said to a peer now; `None` if there is nothing.
    pub(super) fn ready(&mut self, to: NodeId, turn: &Turn) -> Option<Vec<Envelope>> {
        let (window, is_own) = (self.limits.window, to == self.me);
        let peer = self.peers.get_mut(&to).filter(|peer| !peer.is_blocked)?;
        let mut ready = Vec::new();
        if is_own {
            peer.greeting = Some(window);
        }
        let is_due = peer.greeted.is_none_or(|at| at + GREET <= turn.now);
        let greets = peer.waits_for_greeting() && is_due;
        if greets || std::mem::take(&mut peer.owes_greeting) {
            let is_greeted = peer.greeting.is_some();
            ready.push(Envelope::Credit { window, is_greeted });
        }
        if greets {
            peer.greeted = Some(turn.now);
        }
        ready.extend(peer.urgent.drain(..));
        for id in std::mem::take(&mut peer.answered) {
            if let Some(served) = peer.serving.remove(&id) {
                peer.give_back(served.service);
                ready.push(reply(id, served.outcome));
            }
        }
        if let Some(window) = peer.greeting {
            for (service, lane) in &mut peer.lanes {
                lane.go(service, window, turn.now, &mut self.calls, &mut ready);
            }
        }
        if greets {
            self.expect(turn.now + GREET);
        }
        (!ready.is_empty()).then_some(ready)
    }
}

fn reply(id: Ticket, outcome: Option<Outcome>) -> Envelope {
    match outcome {
        Some(Outcome::Answer(body)) => Envelope::Answer { id, body },
        Some(Outcome::Rejected(why)) => {
            let why = Bytes::from(why);
            Envelope::Rejected { id, why }
        }
        Some(Outcome::Lost) | None => Envelope::Lost { id },
    }
}
