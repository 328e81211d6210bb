//! What goes wrong with a network, and its end.

use std::collections::VecDeque;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;

use super::{State, ends};
use crate::network::schedule::Event;
use crate::trace::Micros;

/// Microseconds for which a node's datagrams are lost on their way to who is not to notice.
const MUTE: u64 = 200_000;
/// Microseconds within which a broken connection is noticed.
const NOTICE: u64 = 20_000;

impl State {
    /// A node's life ends.
    pub(in crate::network) fn leave(&mut self, node: NodeId, now: Micros) {
        self.wake(node, now);
        if let Some(harbour) = self.nodes.get_mut(&node) {
            harbour.is_up = false;
            harbour.arrivals.clear();
            // Whoever still waits for arrivals hears that there will be none.
            harbour.bell.notify_one();
        }
        for peer in self.peers(node) {
            let (key, end) = ends(node, peer);
            self.lose(node, peer);
            let pair = self.pairs.entry(key).or_default();
            let number = pair.number;
            pair.forget(end);
            if pair.believes(end.other(), number) {
                self.listen(peer, node, number, now);
            }
        }
    }

    /// Nothing passes in one direction from now on.
    pub(in crate::network) fn cut(&mut self, from: NodeId, to: NodeId, now: Micros) {
        self.cuts.entry((from, to)).or_insert(now);
        self.holds(from, to, now);
    }

    /// Everything passes again.
    pub(in crate::network) fn heal(&mut self, now: Micros) {
        self.cuts.clear();
        let pairs: Vec<_> = self.pairs.keys().copied().collect();
        for (low, high) in pairs {
            let pair = self.pairs.entry((low, high)).or_default();
            if std::mem::take(&mut pair.slowness) > 1 {
                self.hasten(low, high, now);
                self.hasten(high, low, now);
            }
            self.release(low, high, now);
            self.release(high, low, now);
        }
    }

    /// What is on a wire that was slow goes on as if it were sent now.
    fn hasten(&mut self, from: NodeId, to: NodeId, now: Micros) {
        let lane = self.lane(from, to);
        (lane.busy, lane.last) = (now, now);
        let flying = std::mem::take(&mut lane.flying);
        for place in flying {
            if let Some(Event::Frame { number, body, .. }) = self.schedule.cancel(place) {
                self.fly(from, to, number, body, now);
            }
        }
    }

    /// The connection between two nodes dies. The node soon knows; the peer too, or only by the
    /// silence.
    pub(in crate::network) fn kill(
        &mut self,
        node: NodeId,
        peer: NodeId,
        now: Micros,
        both_know: bool,
    ) {
        if !both_know {
            self.mutes.insert((node, peer), now + MUTE);
        }
        let (key, end) = ends(node, peer);
        self.lose(node, peer);
        self.lose(peer, node);
        let pair = self.pairs.entry(key).or_default();
        let number = pair.number;
        pair.dead = true;
        let believes = [
            pair.believes(end, number),
            pair.believes(end.other(), number),
        ];
        let notices = [0; 2].map(|_| now + 1 + self.notices.below(NOTICE));
        if believes[0] {
            self.dies(node, peer, number, notices[0]);
        }
        if believes[1] && both_know {
            self.dies(peer, node, number, notices[1]);
        } else if believes[1] {
            self.listen(peer, node, number, now);
        }
    }

    /// Everything between two nodes takes so many times as long.
    pub(in crate::network) fn slow(&mut self, one: NodeId, other: NodeId, times: u64) {
        self.pairs.entry(ends(one, other).0).or_default().slowness = times;
    }

    /// A node stands still from now on.
    pub(in crate::network) fn sleep(&mut self, node: NodeId, now: Micros) {
        self.asleep.entry(node).or_insert(now);
        for peer in self.peers(node) {
            self.holds(node, peer, now);
            self.holds(peer, node, now);
        }
    }

    /// A node goes on, and hears all at once what it slept through.
    pub(in crate::network) fn wake(&mut self, node: NodeId, now: Micros) {
        if self.asleep.remove(&node).is_none() {
            return;
        }
        for peer in self.peers(node) {
            self.release(node, peer, now);
            self.release(peer, node, now);
        }
        let dreams = std::mem::take(&mut self.dreams);
        let (own, others): (Vec<Event>, _) = dreams.into_iter().partition(|it| it.node() == node);
        self.dreams = others;
        for event in own {
            self.schedule.add(now, event);
        }
    }

    /// What is under way in a direction that was cut waits, and who hears nothing any more looks
    /// at the clock.
    fn holds(&mut self, from: NodeId, to: NodeId, now: Micros) {
        let (key, end) = ends(from, to);
        let Some(pair) = self.pairs.get(&key) else {
            return;
        };
        let (number, is_established) = (pair.number, pair.established);
        let believes = [
            pair.believes(end, number),
            pair.believes(end.other(), number),
        ];
        self.hold(from, to);
        if !is_established {
            self.hold(to, from);
        }
        if believes[1] {
            self.listen(to, from, number, now);
        }
        if believes[0] && !is_established {
            self.listen(from, to, number, now);
        }
    }

    /// Takes what is on the wire off it.
    fn hold(&mut self, from: NodeId, to: NodeId) {
        let flying = std::mem::take(&mut self.lane(from, to).flying);
        let mut held = VecDeque::new();
        for place in flying {
            if let Some(Event::Frame { number, body, .. }) = self.schedule.cancel(place) {
                held.push_back((number, body));
            }
        }
        let lane = self.lane(from, to);
        held.append(&mut lane.held);
        lane.held = held;
    }

    /// Puts what waited on the wire, if it passes now.
    fn release(&mut self, from: NodeId, to: NodeId, now: Micros) {
        if !self.passes(from, to) {
            return;
        }
        let held: VecDeque<(u64, Bytes)> = std::mem::take(&mut self.lane(from, to).held);
        for (number, body) in held {
            self.fly(from, to, number, body, now);
        }
    }

    /// A suffix of what is on its way from one node to another is lost.
    fn lose(&mut self, from: NodeId, to: NodeId) {
        let flying = self.lane(from, to).flying.len() as u64;
        let kept = self.losses.below(flying + 1) as usize;
        let lane = self.lane(from, to);
        let waiting = lane.held.len() as u64;
        lane.held.clear();
        let lost: Vec<_> = lane.flying.drain(kept..).collect();
        self.counts.lost += waiting + lost.len() as u64;
        for place in lost {
            self.schedule.cancel(place);
        }
    }
}
