//! Calls of peers to services of this node.

use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{Instant, NodeId, Ticket};

use super::turn::Turn;
use super::{Execution, Outcome, Switchboard};
use crate::calls::envelope::{Envelope, TEXT_MAX};

/// A call that a service works on, or has answered.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) service: &'static str,
    /// When nobody waits for it any more, whatever became of the caller.
    pub(super) until: Instant,
    /// What came of it, until that is sent.
    pub(super) outcome: Option<Outcome>,
}

impl Switchboard {
    /// A peer calls.
    pub(super) fn serve(
        &mut self,
        from: NodeId,
        id: Ticket,
        within: Duration,
        service: &Bytes,
        body: Bytes,
        turn: &mut Turn,
    ) {
        let Some(service) = self.services.get(service.as_ref()).copied() else {
            return self.say(from, Envelope::NoService { id }, turn);
        };
        let peer = self.peers.entry(from).or_default();
        if peer.serving.contains_key(&id) {
            // One call is never given to a service twice.
            return;
        }
        let taken = peer.taken.entry(service).or_default();
        if *taken >= self.limits.window {
            return self.say(from, Envelope::Busy { id }, turn);
        }
        *taken += 1;
        let until = turn.now + within;
        let served = Served {
            service,
            until,
            outcome: None,
        };
        peer.serving.insert(id, served);
        self.expect(until);
        turn.executed.push(Execution {
            from,
            ticket: id,
            service,
            body,
        });
    }

    /// A service has done with a call.
    pub(super) fn done(&mut self, from: NodeId, id: Ticket, outcome: Outcome, turn: &mut Turn) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        let Some(served) = peer.serving.get_mut(&id) else {
            // Nobody waits for it any more.
            return;
        };
        served.outcome = Some(fitting(id, outcome));
        peer.answered.insert(id);
        turn.touch(from);
    }

    /// A peer does not wait any more for a call, or for the end of an actor.
    pub(super) fn cancelled(&mut self, from: NodeId, id: Ticket, turn: &mut Turn) {
        let Some(peer) = self.peers.get_mut(&from) else {
            return;
        };
        if let Some(served) = peer.serving.remove(&id) {
            peer.give_back(served.service);
            peer.answered.remove(&id);
            turn.dropped.push((from, id));
            turn.executed
                .retain(|it| (it.from, it.ticket) != (from, id));
        } else if peer.mourned.remove(&id) {
            turn.dropped.push((from, id));
            turn.mourned
                .retain(|(whose, it, _)| (*whose, *it) != (from, id));
        }
    }

    /// Calls whose time is over are dropped, should their callers not have said so.
    pub(super) fn expire_served(&mut self, turn: &mut Turn) {
        for (from, peer) in &mut self.peers {
            let is_over = |it: &Served| it.outcome.is_none() && it.until <= turn.now;
            let over = peer.serving.iter().filter(|(_, it)| is_over(it));
            let over: Vec<Ticket> = over.map(|(id, _)| *id).collect();
            for id in over {
                if let Some(served) = peer.serving.remove(&id) {
                    peer.give_back(served.service);
                    turn.dropped.push((*from, id));
                }
            }
        }
    }
}

/// An answer that can be sent: one that is too large is lost.
fn fitting(id: Ticket, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Answer(body) => {
            let answer = Envelope::Answer {
                id,
                body: body.clone(),
            };
            if answer.fits() {
                Outcome::Answer(body)
            } else {
                Outcome::Lost
            }
        }
        Outcome::Rejected(mut why) => {
            why.truncate(why.floor_char_boundary(TEXT_MAX));
            Outcome::Rejected(why)
        }
        Outcome::Lost => Outcome::Lost,
    }
}
