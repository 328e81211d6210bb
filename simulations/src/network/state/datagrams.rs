//! Datagrams: each finds its own way, or none.

use std::task::Waker;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;

use super::State;
use crate::network::schedule::Event;
use crate::trace::Micros;

/// Datagrams that wait for their node at most; beyond them they are lost, as in a socket's buffer.
const WAITING: usize = 256;
/// Microseconds for which a datagram may wait for a wire that is busy; it is lost instead.
const QUEUE: Micros = 100_000;

impl State {
    /// The number of a node's present life.
    pub(in crate::network) fn life(&self, node: NodeId) -> u64 {
        self.nodes.get(&node).map_or(0, |harbour| harbour.life)
    }

    /// Sends a datagram.
    pub(in crate::network) fn post(&mut self, from: NodeId, to: NodeId, body: Bytes, now: Micros) {
        let wire = self.wire_time(from, to, body.len());
        let lane = self.lane(from, to);
        let is_full = lane.busy > now + QUEUE;
        if !is_full {
            lane.busy = lane.busy.max(now) + wire;
        }
        let sent = lane.busy;
        let muted = self.mutes.get(&(from, to));
        let is_cut = self.cuts.contains_key(&(from, to)) || muted.is_some_and(|until| now < *until);
        let lost = self.spoil.lost;
        if is_cut || is_full || (lost > 0 && self.spoils.one_in(lost)) {
            self.counts.lost += 1;
            return;
        }
        let twice = self.spoil.twice;
        let copies = if twice > 0 && self.spoils.one_in(twice) {
            2
        } else {
            1
        };
        for _ in 0..copies {
            let at = sent.max(now) + self.way(from, to);
            let body = body.clone();
            self.schedule.add(at, Event::Datagram { from, to, body });
        }
    }

    /// Whether a datagram may still reach a node: it is up, and what it sleeps through is no more
    /// than its socket holds.
    pub(super) fn reaches(&self, node: NodeId) -> bool {
        let slept = self.dreams.iter().filter(|event| event.node() == node);
        self.is_up(node) && (!self.asleep.contains_key(&node) || slept.count() < WAITING)
    }

    /// A datagram reaches its node; false if that has no room for it.
    pub(super) fn put(&mut self, from: NodeId, to: NodeId, body: Bytes) -> bool {
        let harbour = self.nodes.get_mut(&to).filter(|harbour| harbour.is_up);
        let Some(harbour) = harbour.filter(|it| it.letters.len() < WAITING) else {
            self.counts.lost += 1;
            return false;
        };
        harbour.letters.push_back((from, body));
        if let Some(reader) = harbour.reader.take() {
            reader.wake();
        }
        self.counts.arrived += 1;
        true
    }

    /// The next datagram that reached a node; its reader is woken once there is one.
    pub(in crate::network) fn fetch(
        &mut self,
        node: NodeId,
        reader: &Waker,
    ) -> Option<(NodeId, Bytes)> {
        let harbour = self.nodes.get_mut(&node)?;
        let letter = harbour.letters.pop_front();
        if letter.is_none() {
            harbour.reader = Some(reader.clone());
        }
        letter
    }
}
