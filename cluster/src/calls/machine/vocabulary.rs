//! What the machine of calls learns, and what it wants done.

use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::{NodeId, Ticket};
use holdfast_actors::ports::Unsent;

use crate::calls::envelope::Envelope;
use crate::calls::{CallError, Passing};

/// One call of this node.
#[derive(Debug)]
pub struct Ask {
    /// Its number: never used before by this node, in no life of it.
    pub ticket: Ticket,
    /// Which node.
    pub to: NodeId,
    /// Which service there.
    pub service: &'static str,
    /// What.
    pub body: Bytes,
    /// How long the caller waits.
    pub within: Duration,
}

/// What a service made of a call.
#[derive(PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Answer(Bytes),
    /// It said no and did nothing.
    Rejected(String),
    /// It ended without an answer.
    Lost,
}

/// One thing that has happened.
pub enum News {
    /// A frame was refused by the link. Told before all that happened after the refusal.
    Unsent {
        /// For whom it was.
        to: NodeId,
        /// What was in it.
        envelopes: Vec<Envelope>,
        /// Why.
        why: Unsent,
    },
    /// A peer said something.
    Heard {
        /// Who.
        from: NodeId,
        /// What, in order.
        envelopes: Vec<Envelope>,
    },
    /// A peer said what nobody can read.
    Garbled(NodeId),
    /// The connection with a peer is dead.
    Down(NodeId),
    /// A peer takes frames again.
    Room(NodeId),
    /// The link is closed: the node is ending.
    Closed,
    /// There is a service of this name from now on.
    Serves(&'static str),
    /// A service has done with a call.
    Done {
        /// Whose call.
        from: NodeId,
        /// Which.
        ticket: Ticket,
        /// What came of it.
        outcome: Outcome,
    },
    /// An actor of this node that a peer watches is no more.
    Ended {
        /// Who watches.
        from: NodeId,
        /// Under which number.
        ticket: Ticket,
        /// What became of it.
        passing: Passing,
    },
    /// Somebody on this node calls.
    Asked(Ask),
    /// Somebody on this node watches.
    Watches {
        /// The number, from the same stream as those of calls.
        ticket: Ticket,
        /// The node of the actor.
        node: NodeId,
        /// Its path as text; empty for the node itself.
        path: Bytes,
    },
    /// Whoever called or watched does not wait any more.
    TurnedAway(Ticket),
}

/// All that has happened since the last step, in order.
pub struct Event(pub Vec<News>);

/// A call of a peer for a service of this node.
#[derive(PartialEq, Eq)]
pub struct Execution {
    /// Who calls.
    pub from: NodeId,
    /// The caller's number.
    pub ticket: Ticket,
    /// Which service.
    pub service: &'static str,
    /// What.
    pub body: Bytes,
}

/// What is to be done.
#[derive(PartialEq, Eq)]
pub enum Effect {
    /// Send these in one frame. If the link refuses it, [`News::Unsent`] is the first news of the
    /// next step, and all later frames to the same node come back in the same way.
    Send {
        /// To whom.
        to: NodeId,
        /// What.
        envelopes: Vec<Envelope>,
    },
    /// Tell callers what became of their calls.
    Conclude(Vec<(Ticket, Result<Bytes, CallError>)>),
    /// Give calls to services.
    Execute(Vec<Execution>),
    /// Nobody waits any more for these calls, or watches these actors.
    Drop(Vec<(NodeId, Ticket)>),
    /// Wait for the end of the actor at a path.
    Mourn {
        /// Who watches.
        from: NodeId,
        /// Under which number.
        ticket: Ticket,
        /// Where.
        path: Bytes,
    },
    /// Tell a watcher.
    Tell(Ticket, Passing),
}
