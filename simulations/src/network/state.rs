//! All pairs, all nodes, and the rules by which frames pass.

mod arrivals;
mod datagrams;
mod trouble;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::{Arrival, PERMITS, Unsent};
use tokio::sync::Notify;

use super::pair::{End, Lane, Pair};
use super::schedule::{Event, Schedule};
use super::{Counts, Spoil};
use crate::dice::Dice;
use crate::plan::Wire;
use crate::trace::Micros;

/// Once in so many frames the tail of the delays is drawn again.
const TAIL: u64 = 4;
/// Distances are powers of two below this one's.
const DISTANCES: u64 = 6;

/// The network's state.
#[derive(Debug)]
pub(super) struct State {
    wire: Wire,
    delays: Dice,
    distances: Dice,
    losses: Dice,
    notices: Dice,
    spoils: Dice,
    pub(super) spoil: Spoil,
    /// Directions on which datagrams are lost for a moment, and until when.
    mutes: BTreeMap<(NodeId, NodeId), Micros>,
    pub(super) schedule: Schedule,
    pub(super) counts: Counts,
    nodes: BTreeMap<NodeId, Harbour>,
    pairs: BTreeMap<(NodeId, NodeId), Pair>,
    /// Directions on which nothing passes, and since when.
    cuts: BTreeMap<(NodeId, NodeId), Micros>,
    /// Nodes that stand still, and since when.
    asleep: BTreeMap<NodeId, Micros>,
    /// What reaches nodes that are asleep once they wake.
    dreams: Vec<Event>,
}

/// Where a node's arrivals wait for it.
#[derive(Debug, Default)]
struct Harbour {
    life: u64,
    is_up: bool,
    /// Each with the connection whose permit it holds.
    arrivals: VecDeque<(Arrival, u64)>,
    bell: Arc<Notify>,
    /// Datagrams, and who waits for one.
    letters: VecDeque<(NodeId, Bytes)>,
    reader: Option<Waker>,
}

fn ends(from: NodeId, to: NodeId) -> ((NodeId, NodeId), End) {
    if from < to {
        ((from, to), End::Low)
    } else {
        ((to, from), End::High)
    }
}

impl State {
    pub(super) fn new(wire: Wire, dice: &Dice) -> Self {
        Self {
            wire,
            delays: dice.fork("delays"),
            distances: dice.fork("distances"),
            losses: dice.fork("losses"),
            notices: dice.fork("notices"),
            spoils: dice.fork("spoils"),
            spoil: Spoil::default(),
            mutes: BTreeMap::new(),
            schedule: Schedule::default(),
            counts: Counts::default(),
            nodes: BTreeMap::new(),
            pairs: BTreeMap::new(),
            cuts: BTreeMap::new(),
            asleep: BTreeMap::new(),
            dreams: Vec::new(),
        }
    }

    /// A node's life begins; its number, and what rings when something arrives.
    pub(super) fn join(&mut self, node: NodeId) -> (u64, Arc<Notify>) {
        let harbour = self.nodes.entry(node).or_default();
        harbour.life += 1;
        harbour.is_up = true;
        harbour.arrivals.clear();
        harbour.bell = Arc::default();
        harbour.letters.clear();
        harbour.reader = None;
        (harbour.life, Arc::clone(&harbour.bell))
    }

    pub(super) fn is_alive(&self, node: NodeId, life: u64) -> bool {
        let harbour = self.nodes.get(&node);
        harbour.is_some_and(|harbour| harbour.is_up && harbour.life == life)
    }

    fn is_up(&self, node: NodeId) -> bool {
        self.nodes.get(&node).is_some_and(|harbour| harbour.is_up)
    }

    /// Hands a frame over; see [`Link::send`](holdfast_actors::ports::Link::send).
    pub(super) fn send(
        &mut self,
        from: NodeId,
        to: NodeId,
        body: Bytes,
        now: Micros,
    ) -> Result<(), Unsent> {
        let is_there = self.is_up(to) && from != to;
        let (key, end) = ends(from, to);
        let pair = self.pairs.entry(key).or_default();
        let lane = pair.lane(end);
        if lane.under_way >= PERMITS {
            lane.is_refused = true;
            return Err(Unsent::NoPermit);
        }
        let (number, is_new) = pair.open(end);
        pair.lane(end).under_way += 1;
        let is_dead = pair.dead || from == to;
        let is_forgotten = pair.has_ended(end.other(), number);
        let passes = self.passes(from, to);
        if is_new && !(is_there && passes) {
            self.listen(from, to, number, now);
        }
        if is_dead {
            self.counts.lost += 1;
            if is_forgotten && is_there && passes {
                // The peer says that it knows nothing of this connection.
                let back = now + self.way(from, to) + self.way(to, from);
                self.dies(from, to, number, back);
            }
        } else if passes {
            self.fly(from, to, number, body, now);
        } else {
            self.lane(from, to).held.push_back((number, body));
        }
        Ok(())
    }

    /// Puts a frame on the wire.
    fn fly(&mut self, from: NodeId, to: NodeId, number: u64, body: Bytes, now: Micros) {
        let (key, end) = ends(from, to);
        let (wire, mut way) = (self.wire_time(from, to, body.len()), self.way(from, to));
        let pair = self.pairs.entry(key).or_default();
        if !pair.established && pair.lane(end).flying.is_empty() {
            // Nothing passes before both have greeted.
            way += self.way(to, from) + self.way(from, to);
        }
        let lane = self.lane(from, to);
        lane.busy = lane.busy.max(now) + wire;
        lane.last = lane.last.max(lane.busy + way);
        let at = lane.last;
        let event = Event::Frame {
            from,
            to,
            number,
            body,
        };
        let place = self.schedule.add(at, event);
        self.lane(from, to).flying.push_back(place);
    }

    /// Whether a frame sent now goes on the wire at once.
    fn passes(&self, from: NodeId, to: NodeId) -> bool {
        let is_established = self
            .pairs
            .get(&ends(from, to).0)
            .is_some_and(|pair| pair.established);
        let is_open = self.cut_since(from, to).is_none();
        is_open && (is_established || self.cut_since(to, from).is_none())
    }

    /// Since when nothing passes in this direction.
    fn cut_since(&self, from: NodeId, to: NodeId) -> Option<Micros> {
        let nodes = [from, to].map(|node| self.asleep.get(&node).copied());
        let cut = self.cuts.get(&(from, to)).copied();
        cut.into_iter().chain(nodes.into_iter().flatten()).min()
    }

    /// How long a frame is on its way.
    fn way(&mut self, from: NodeId, to: NodeId) -> Micros {
        let least = self.wire.least * self.distance(from, to);
        let mut way = least + self.delays.below(self.wire.more + 1);
        while self.wire.has_tail && self.delays.one_in(TAIL) {
            way += self.wire.more;
        }
        way * self.slowness(from, to)
    }

    /// How many times as far apart two nodes are as the nearest: up to 32.
    fn distance(&mut self, from: NodeId, to: NodeId) -> u64 {
        if !self.wire.is_uneven {
            return 1;
        }
        let (low, high) = ends(from, to).0;
        let pair = self.pairs.entry((low, high)).or_default();
        if pair.distance == 0 {
            let mut dice = self.distances.fork(&format!("{low} {high}"));
            pair.distance = 1 << dice.below(DISTANCES);
        }
        pair.distance
    }

    /// How long a frame keeps the wire busy.
    fn wire_time(&self, from: NodeId, to: NodeId, length: usize) -> Micros {
        let time = |kib: u64| (length as u64 * 1_000_000).div_ceil(kib.max(1) << 10);
        self.wire.kib_per_second.map_or(0, time) * self.slowness(from, to)
    }

    fn slowness(&self, from: NodeId, to: NodeId) -> u64 {
        let pair = self.pairs.get(&ends(from, to).0);
        pair.map_or(1, |pair| pair.slowness.max(1))
    }

    fn lane(&mut self, from: NodeId, to: NodeId) -> &mut Lane {
        let (key, end) = ends(from, to);
        self.pairs.entry(key).or_default().lane(end)
    }

    /// A node will look, after the time of silence, whether its connection is alive.
    fn listen(&mut self, node: NodeId, peer: NodeId, number: u64, now: Micros) {
        let at = now + self.wire.silence * 1_000;
        let event = Event::Silence { node, peer, number };
        self.schedule.add(at, event);
    }

    /// A node will learn that its connection is dead.
    fn dies(&mut self, node: NodeId, peer: NodeId, number: u64, at: Micros) {
        let event = Event::Dead { node, peer, number };
        self.schedule.add(at, event);
    }

    /// All that a node ever had to do with.
    fn peers(&self, node: NodeId) -> Vec<NodeId> {
        let of = |(low, high): &(NodeId, NodeId)| match node {
            _ if *low == node => Some(*high),
            _ if *high == node => Some(*low),
            _ => None,
        };
        self.pairs.keys().filter_map(of).collect()
    }
}
