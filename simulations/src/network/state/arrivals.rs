//! What reaches a node, and what that means for its connections.

use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Arrival, PERMITS};

use super::{State, ends};
use crate::network::schedule::Event;
use crate::trace::Micros;

impl State {
    /// Takes everything that reaches a node before `end`.
    pub(in crate::network) fn due(&mut self, end: Micros) -> Vec<(Micros, Event)> {
        let mut due = Vec::new();
        while let Some(((at, _), event)) = self.schedule.pop_before(end) {
            let node = event.node();
            if let Event::Frame { from, number, .. } = event {
                self.lane(from, node).flying.pop_front();
                if !self.is_up(node) {
                    self.lost(from, node, number);
                    continue;
                }
            } else if let Event::Datagram { .. } = event {
                if !self.reaches(node) {
                    self.counts.lost += 1;
                    continue;
                }
                if self.asleep.contains_key(&node) {
                    self.dreams.push(event);
                    continue;
                }
            } else if self.asleep.contains_key(&node) {
                self.dreams.push(event);
                continue;
            }
            due.push((at, event));
        }
        due
    }

    /// Something reaches its node; false if that changed nothing.
    pub(in crate::network) fn deliver(&mut self, event: Event, now: Micros) -> bool {
        match event {
            Event::Frame {
                from,
                to,
                number,
                body,
            } => {
                if !self.is_up(to) || !self.admits(to, from, number) {
                    self.lost(from, to, number);
                    self.reset(from, to, number, now);
                    return false;
                }
                self.counts.arrived += 1;
                self.push(to, Arrival::Frame { from, body }, number);
                true
            }
            Event::Datagram { from, to, body } => self.put(from, to, body),
            Event::Dead { node, peer, number } => self.down(node, peer, number),
            Event::Silence { node, peer, number } => {
                if !self.is_silent(node, peer, number, now) || !self.down(node, peer, number) {
                    return false;
                }
                if self.cut_since(node, peer).is_none() {
                    let at = now + self.way(node, peer);
                    self.dies(peer, node, number, at);
                }
                true
            }
            Event::Room { node, peer, number } => {
                let (key, end) = ends(node, peer);
                let pair = self.pairs.entry(key).or_default();
                let believes = pair.believes(end, number);
                if believes {
                    self.push(node, Arrival::Room(peer), 0);
                }
                believes
            }
        }
    }

    /// The next arrival of a node, which gives its permit back.
    pub(in crate::network) fn take(&mut self, node: NodeId, now: Micros) -> Option<Arrival> {
        let harbour = self.nodes.get_mut(&node)?;
        let (arrival, number) = harbour.arrivals.pop_front()?;
        if let Arrival::Frame { from, .. } = &arrival {
            let (key, end) = ends(*from, node);
            let pair = self.pairs.entry(key).or_default();
            if pair.believes(end, number) {
                let lane = pair.lane(end);
                lane.under_way = lane.under_way.saturating_sub(1);
                if lane.is_refused && lane.under_way <= PERMITS / 2 {
                    lane.is_refused = false;
                    let at = now + self.way(node, *from);
                    let (node, peer) = (*from, node);
                    self.schedule.add(at, Event::Room { node, peer, number });
                }
            }
        }
        Some(arrival)
    }

    /// Whether a node takes a frame of this connection: a later one replaces the one it knows.
    fn admits(&mut self, node: NodeId, from: NodeId, number: u64) -> bool {
        let (key, end) = ends(node, from);
        let pair = self.pairs.entry(key).or_default();
        if pair.has_ended(end, number) {
            return false;
        }
        match pair.view(end).open {
            Some(open) if open > number => return false,
            Some(open) if open == number => {}
            Some(open) => {
                self.down(node, from, open);
                self.pairs.entry(key).or_default().begin(end, number);
            }
            None => pair.begin(end, number),
        }
        let pair = self.pairs.entry(key).or_default();
        pair.established |= pair.number == number;
        true
    }

    /// The connection is dead for this node; false if the node did not believe in it.
    fn down(&mut self, node: NodeId, peer: NodeId, number: u64) -> bool {
        let (key, end) = ends(node, peer);
        let ended = self.pairs.entry(key).or_default().end(end, number);
        if ended {
            self.push(node, Arrival::Down(peer), 0);
        }
        ended
    }

    /// A frame did not arrive, so nothing behind it may.
    fn lost(&mut self, from: NodeId, to: NodeId, number: u64) {
        self.counts.lost += 1;
        let pair = self.pairs.entry(ends(from, to).0).or_default();
        pair.dead |= pair.number == number;
    }

    /// A node that is up tells the sender that it does not know the connection.
    fn reset(&mut self, from: NodeId, to: NodeId, number: u64, now: Micros) {
        if self.is_up(to) && self.cut_since(to, from).is_none() {
            let at = now + self.way(to, from);
            self.dies(from, to, number, at);
        }
    }

    /// Whether a node has heard nothing of its peer for too long.
    fn is_silent(&self, node: NodeId, peer: NodeId, number: u64, now: Micros) -> bool {
        let (key, end) = ends(node, peer);
        let Some(pair) = self.pairs.get(&key) else {
            return false;
        };
        let since = now.saturating_sub(self.wire.silence * 1_000);
        let is_cut = |from, to| self.cut_since(from, to).is_some();
        let never_heard = !pair.established && (is_cut(peer, node) || is_cut(node, peer));
        never_heard
            || pair.number != number
            || pair.dead
            || pair.has_ended(end.other(), number)
            || !self.is_up(peer)
            || self.cut_since(peer, node).is_some_and(|cut| cut <= since)
    }

    fn push(&mut self, node: NodeId, arrival: Arrival, number: u64) {
        if let Some(harbour) = self.nodes.get_mut(&node).filter(|harbour| harbour.is_up) {
            harbour.arrivals.push_back((arrival, number));
            harbour.bell.notify_one();
        }
    }
}
