//! The network between simulated nodes: what arrives, when, and what never does.
//!
//! At the level of frames, where loss of packets shows only as delay: a connection delivers its
//! frames in order until it dies, and then a suffix of them is lost. While one direction is cut,
//! frames on it wait; if the cut lasts longer than the plan's silence, the connection dies, on each
//! side when that side notices. A node that crashed is silent; one that is back knows nothing of
//! the connections of its former life, and says so to whoever uses one.
//!
//! Below that there are datagrams, for nodes that bring connections of their own: each is late by
//! itself, so that they overtake each other, and lost while its direction is cut; some are lost or
//! come twice.
//!
//! Chance has dice by purpose: delays, losses, and how late a death is noticed.

mod link;
mod pair;
mod schedule;
mod socket;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports;
use holdfast_cluster::quic;

use crate::dice::Dice;
use crate::plan::Wire;
use crate::timepiece::Timepiece;
use crate::trace::Micros;
use crate::yields::Yields;

pub(crate) use schedule::Event;
pub(crate) use socket::address;

use link::Link;
use socket::Socket;
use state::State;

/// The network of one world. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Network(Arc<Mutex<State>>);

/// How many frames became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) arrived: u64,
    pub(crate) lost: u64,
}

/// What becomes of datagrams beside being late: a number `n` stands for once in `n`, 0 for never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spoil {
    /// It is lost.
    pub(crate) lost: u64,
    /// It comes twice, each time after a time of its own.
    pub(crate) twice: u64,
}

impl Network {
    /// A network in which nobody is up.
    pub(crate) fn new(wire: Wire, dice: &Dice) -> Self {
        Self(Arc::new(Mutex::new(State::new(wire, dice))))
    }

    /// A node's life begins: its way to the others.
    pub(crate) fn join(
        &self,
        node: NodeId,
        time: Timepiece,
        yields: Yields,
    ) -> Arc<dyn ports::Link> {
        let (life, bell) = self.state().join(node);
        Arc::new(Link {
            network: self.clone(),
            node,
            life,
            bell,
            time,
            yields,
        })
    }

    /// The way of the present life of a node for datagrams.
    pub(crate) fn socket(&self, node: NodeId, time: Timepiece) -> Arc<dyn quic::Datagrams> {
        Arc::new(Socket {
            network: self.clone(),
            node,
            life: self.state().life(node),
            time,
        })
    }

    /// Lets datagrams fare so from now on.
    pub(crate) fn spoil(&self, spoil: Spoil) {
        self.state().spoil = spoil;
    }

    /// A node's life ends: nothing of it sends any more, and what is on its way to it is lost.
    pub(crate) fn leave(&self, node: NodeId, now: Micros) {
        self.state().leave(node, now);
    }

    /// Takes everything that reaches a node before `end`, in order of time.
    pub(crate) fn due(&self, end: Micros) -> Vec<(Micros, Event)> {
        self.state().due(end)
    }

    /// Something reaches its node; false if that changed nothing.
    pub(crate) fn deliver(&self, event: Event, now: Micros) -> bool {
        self.state().deliver(event, now)
    }

    /// Nothing passes from one node to another from now on.
    pub(crate) fn cut(&self, from: NodeId, to: NodeId, now: Micros) {
        self.state().cut(from, to, now);
    }

    /// Everything passes again, at its usual speed.
    pub(crate) fn heal(&self, now: Micros) {
        self.state().heal(now);
    }

    /// Kills the connection between two nodes, and each of them soon knows.
    pub(crate) fn kill(&self, one: NodeId, other: NodeId, now: Micros) {
        self.state().kill(one, other, now, true);
    }

    /// Lets one node lose the connection, while the other believes in it.
    pub(crate) fn forget(&self, node: NodeId, peer: NodeId, now: Micros) {
        self.state().kill(node, peer, now, false);
    }

    /// Everything between two nodes takes so many times as long.
    pub(crate) fn slow(&self, one: NodeId, other: NodeId, times: u64) {
        self.state().slow(one, other, times);
    }

    /// A node stands still: it hears nothing, and nobody hears it.
    pub(crate) fn sleep(&self, node: NodeId, now: Micros) {
        self.state().sleep(node, now);
    }

    /// It goes on.
    pub(crate) fn wake(&self, node: NodeId, now: Micros) {
        self.state().wake(node, now);
    }

    /// What became of frames so far.
    pub(crate) fn counts(&self) -> Counts {
        self.state().counts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
