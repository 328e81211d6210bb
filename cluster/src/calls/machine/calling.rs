//! Calls of this node, from the question to its one result.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{Instant, NodeId, Ticket};
use holdfast_actors::ports::Unsent;

use super::turn::Turn;
use super::{Ask, Switchboard};
use crate::calls::CallError;
use crate::calls::envelope::{Envelope, TEXT_MAX};

/// A call that somebody on this node waits for.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) to: NodeId,
    pub(super) service: &'static str,
    pub(super) deadline: Instant,
    pub(super) is_sent: bool,
    /// Here until it is sent.
    body: Bytes,
}

/// Calls to one service of one peer.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// Sent and not answered.
    under_way: u16,
    /// Not sent, in the order of asking.
    pub(super) waiting: BTreeSet<Ticket>,
    /// Of their bodies.
    bytes: usize,
}

impl Lane {
    /// Sends as many as the window has places for.
    pub(super) fn go(
        &mut self,
        service: &'static str,
        window: u16,
        now: Instant,
        calls: &mut BTreeMap<Ticket, Open>,
        ready: &mut Vec<Envelope>,
    ) {
        while self.under_way < window
            && let Some(id) = self.waiting.pop_first()
        {
            let Some(open) = calls.get_mut(&id) else {
                continue;
            };
            let body = std::mem::take(&mut open.body);
            self.bytes -= body.len();
            self.under_way += 1;
            open.is_sent = true;
            // Never less than is left: the peer must not give up before the caller does.
            let left = now.until(open.deadline) + Duration::from_micros(999);
            ready.push(Envelope::Call {
                id,
                within: left,
                service: Bytes::from_static(service.as_bytes()),
                body,
            });
        }
    }

    /// Whether nobody waits for anything.
    #[cfg(test)]
    pub(super) fn is_idle(&self) -> bool {
        self.under_way == 0 && self.waiting.is_empty() && self.bytes == 0
    }

    fn wait(&mut self, id: Ticket, bytes: usize) {
        self.waiting.insert(id);
        self.bytes += bytes;
    }
}

impl Switchboard {
    /// Somebody calls.
    pub(super) fn asked(&mut self, ask: Ask, turn: &mut Turn) {
        let Ask {
            ticket: id,
            to,
            service,
            body,
            within,
        } = ask;
        let call = Envelope::Call {
            id,
            within,
            service: Bytes::from_static(service.as_bytes()),
            body: body.clone(),
        };
        let refusal = if service.len() > TEXT_MAX {
            Some(CallError::NoService(to, service.to_owned()))
        } else if !call.fits() {
            Some(CallError::TooLarge(body.len()))
        } else if self.is_closed && to != self.me {
            Some(CallError::Unreachable(to))
        } else {
            let lane = self.peers.entry(to).or_default().lanes.entry(service);
            let lane = lane.or_default();
            let is_full = lane.waiting.len() >= self.limits.waiting
                || lane.bytes + body.len() > self.limits.waiting_bytes;
            is_full.then_some(CallError::Unreachable(to))
        };
        if let Some(refusal) = refusal {
            turn.concluded.push((id, Err(refusal)));
            return;
        }
        if let Some(lane) = self.lane(to, service) {
            lane.wait(id, body.len());
        }
        let deadline = turn.now + within;
        let open = Open {
            to,
            service,
            deadline,
            is_sent: false,
            body,
        };
        self.calls.insert(id, open);
        self.expect(deadline);
        turn.touch(to);
    }

    /// A peer has answered, or has let be known that it will not.
    pub(super) fn answered(
        &mut self,
        from: NodeId,
        id: Ticket,
        result: Result<Bytes, CallError>,
        turn: &mut Turn,
    ) {
        if !self.is_sent_to(from, id) {
            self.late += 1;
            return;
        }
        self.close(id, turn);
        turn.concluded.push((id, result));
    }

    /// A peer has no service of the name that was called.
    pub(super) fn not_served(&mut self, from: NodeId, id: Ticket, turn: &mut Turn) {
        if let Some(open) = self.calls.get(&id) {
            let error = CallError::NoService(from, open.service.to_owned());
            self.answered(from, id, Err(error), turn);
        }
    }

    /// Whoever called does not wait any more. False if it was no call.
    pub(super) fn call_turned_away(&mut self, id: Ticket, turn: &mut Turn) -> bool {
        let Some((to, was_sent)) = self.close(id, turn) else {
            return false;
        };
        if was_sent {
            self.say(to, Envelope::Cancel { id }, turn);
        }
        true
    }

    /// Calls whose time is over have no answer.
    pub(super) fn expire_calls(&mut self, turn: &mut Turn) {
        let due = self
            .calls
            .iter()
            .filter(|(_, open)| open.deadline <= turn.now);
        let due: Vec<Ticket> = due.map(|(id, _)| *id).collect();
        for id in due {
            let Some((to, was_sent)) = self.close(id, turn) else {
                continue;
            };
            let error = if was_sent {
                self.say(to, Envelope::Cancel { id }, turn);
                CallError::Unknown(to)
            } else {
                CallError::Unreachable(to)
            };
            turn.concluded.push((id, Err(error)));
        }
    }

    /// The link did not take a frame: what was in it was not said.
    pub(super) fn unsent(
        &mut self,
        to: NodeId,
        envelopes: Vec<Envelope>,
        why: Unsent,
        turn: &mut Turn,
    ) {
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.is_blocked |= why == Unsent::NoPermit;
        }
        let mut first = Vec::new();
        for envelope in envelopes {
            let Envelope::Call { id, body, .. } = envelope else {
                first.push(envelope);
                continue;
            };
            if why == Unsent::NoPermit {
                self.wait_again(to, id, body);
            } else if self.is_sent_to(to, id) {
                self.close(id, turn);
                turn.concluded.push((id, Err(CallError::Unreachable(to))));
            }
        }
        if let Some(peer) = self.peers.get_mut(&to).filter(|_| why == Unsent::NoPermit) {
            for envelope in first.into_iter().rev() {
                peer.urgent.push_front(envelope);
            }
        }
    }

    /// A call that was thought to be sent waits again, if anybody waits for it.
    fn wait_again(&mut self, to: NodeId, id: Ticket, body: Bytes) {
        if !self.is_sent_to(to, id) {
            return;
        }
        let bytes = body.len();
        let Some(open) = self.calls.get_mut(&id) else {
            return;
        };
        (open.is_sent, open.body) = (false, body);
        let service = open.service;
        if let Some(lane) = self.lane(to, service) {
            lane.under_way = lane.under_way.saturating_sub(1);
            lane.wait(id, bytes);
        }
    }

    fn is_sent_to(&self, to: NodeId, id: Ticket) -> bool {
        let open = self.calls.get(&id);
        open.is_some_and(|open| open.to == to && open.is_sent)
    }

    /// Nobody waits for a call any more: to whom it went, and whether it was sent.
    fn close(&mut self, id: Ticket, turn: &mut Turn) -> Option<(NodeId, bool)> {
        let open = self.calls.remove(&id)?;
        if let Some(lane) = self.lane(open.to, open.service) {
            if open.is_sent {
                lane.under_way = lane.under_way.saturating_sub(1);
            } else if lane.waiting.remove(&id) {
                lane.bytes -= open.body.len();
            }
        }
        turn.touch(open.to);
        Some((open.to, open.is_sent))
    }

    fn lane(&mut self, to: NodeId, service: &'static str) -> Option<&mut Lane> {
        self.peers.get_mut(&to)?.lanes.get_mut(service)
    }
}
