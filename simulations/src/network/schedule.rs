//! What will reach whom, in order of time: one heap for all nodes.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;

use crate::trace::Micros;

/// A place in the order: the time, and a number for those of one time.
pub(super) type Place = (Micros, u64);

/// Something that reaches a node.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Event {
    /// A datagram, of no connection that the network knows.
    Datagram {
        from: NodeId,
        to: NodeId,
        body: Bytes,
    },
    /// A frame of the connection with this number.
    Frame {
        from: NodeId,
        to: NodeId,
        number: u64,
        body: Bytes,
    },
    /// The node learns that the connection is dead.
    Dead {
        node: NodeId,
        peer: NodeId,
        number: u64,
    },
    /// The node looks whether it has heard of its peer.
    Silence {
        node: NodeId,
        peer: NodeId,
        number: u64,
    },
    /// The node learns that its peer takes frames again.
    Room {
        node: NodeId,
        peer: NodeId,
        number: u64,
    },
}

impl Event {
    /// Whom it reaches.
    pub(crate) const fn node(&self) -> NodeId {
        match self {
            Self::Frame { to, .. } | Self::Datagram { to, .. } => *to,
            Self::Dead { node, .. } | Self::Silence { node, .. } | Self::Room { node, .. } => *node,
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame { from, to, body, .. } => {
                write!(f, "{to} <- {from}: {} B {:08x}", body.len(), sum(body))
            }
            Self::Datagram { from, to, body } => {
                let (length, sum) = (body.len(), sum(body));
                write!(f, "{to} <- {from}: datagram of {length} B {sum:08x}")
            }
            Self::Dead { node, peer, .. } | Self::Silence { node, peer, .. } => {
                write!(f, "{node} lost {peer}")
            }
            Self::Room { node, peer, .. } => write!(f, "{node} may send to {peer} again"),
        }
    }
}

/// Tells bodies apart in a trace.
fn sum(body: &[u8]) -> u32 {
    body.iter().fold(0_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    })
}

/// All that has not happened yet.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    events: BTreeMap<Place, Event>,
    last: u64,
}

impl Schedule {
    /// Adds an event; events of one time keep the order in which they were added.
    pub(super) fn add(&mut self, at: Micros, event: Event) -> Place {
        self.last += 1;
        let place = (at, self.last);
        self.events.insert(place, event);
        place
    }

    /// Takes the first event before `end`.
    pub(super) fn pop_before(&mut self, end: Micros) -> Option<(Place, Event)> {
        let first = self.events.first_entry()?;
        (first.key().0 < end).then(|| first.remove_entry())
    }

    /// Takes one event away.
    pub(super) fn cancel(&mut self, place: Place) -> Option<Event> {
        self.events.remove(&place)
    }
}
