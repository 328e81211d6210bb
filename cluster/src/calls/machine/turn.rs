//! What one step of the machine comes to, gathered so that much of a kind is one act.

use std::collections::BTreeSet;

use bytes::Bytes;
use holdfast_actors::kernel::{Acts, Instant, NodeId, Ticket};

use super::{Effect, Execution, Switchboard};
use crate::calls::envelope::Envelope;
use crate::calls::{CallError, Passing};

/// When a frame is full: it goes when one more envelope would make it longer.
const FRAME_FULL: usize = 64 << 10;

/// One step.
pub(super) struct Turn {
    pub(super) now: Instant,
    /// Peers for whom something may be ready.
    pub(super) touched: BTreeSet<NodeId>,
    sends: Vec<(NodeId, Vec<Envelope>)>,
    pub(super) concluded: Vec<(Ticket, Result<Bytes, CallError>)>,
    pub(super) executed: Vec<Execution>,
    pub(super) dropped: Vec<(NodeId, Ticket)>,
    pub(super) mourned: Vec<(NodeId, Ticket, Bytes)>,
    pub(super) told: Vec<(Ticket, Passing)>,
}

impl Turn {
    pub(super) const fn at(now: Instant) -> Self {
        Self {
            now,
            touched: BTreeSet::new(),
            sends: Vec::new(),
            concluded: Vec::new(),
            executed: Vec::new(),
            dropped: Vec::new(),
            mourned: Vec::new(),
            told: Vec::new(),
        }
    }

    pub(super) fn touch(&mut self, peer: NodeId) {
        self.touched.insert(peer);
    }

    /// Packs envelopes into frames.
    pub(super) fn send(&mut self, to: NodeId, envelopes: Vec<Envelope>) {
        let total: usize = envelopes.iter().map(Envelope::length).sum();
        if total <= FRAME_FULL {
            self.sends.push((to, envelopes));
            return;
        }
        let (mut frame, mut length) = (Vec::new(), 0);
        for envelope in envelopes {
            if length + envelope.length() > FRAME_FULL && !frame.is_empty() {
                self.sends.push((to, std::mem::take(&mut frame)));
                length = 0;
            }
            length += envelope.length();
            frame.push(envelope);
        }
        self.sends.push((to, frame));
    }

    /// Asks for all of it.
    pub(super) fn end(self, acts: &mut Acts<Switchboard>) {
        // What nobody waits for is dropped before anything new begins.
        if !self.dropped.is_empty() {
            acts.show(Effect::Drop(self.dropped));
        }
        for (from, ticket, path) in self.mourned {
            acts.show(Effect::Mourn { from, ticket, path });
        }
        for (to, envelopes) in self.sends {
            acts.show(Effect::Send { to, envelopes });
        }
        if !self.concluded.is_empty() {
            acts.show(Effect::Conclude(self.concluded));
        }
        for (ticket, passing) in self.told {
            acts.show(Effect::Tell(ticket, passing));
        }
        if !self.executed.is_empty() {
            acts.show(Effect::Execute(self.executed));
        }
    }
}
