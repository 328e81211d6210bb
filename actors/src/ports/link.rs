//! The way to other nodes, frame by frame.

use bytes::Bytes;

use super::Pending;
use crate::kernel::NodeId;

/// The most bytes of one frame.
pub const FRAME_MAX: usize = 1 << 20;
/// The most bytes of one part of a frame that are copied behind others, so that small parts make
/// one write. Longer parts travel as they are.
pub const COPIED_MAX: usize = 4 << 10;

/// How many frames to one peer may be under way at least before a send is refused.
pub const PERMITS: usize = 64;

/// The way from this node to the others.
///
/// Frames between two nodes travel on a connection, which the first of them opens. On a connection
/// they arrive at most once, whole, and in the order in which they were sent. When it dies, each
/// side is told once, when it notices: a suffix of what was sent on it is lost, nobody knows how
/// long a one, and nothing of it arrives afterwards. What is sent then travels on the next
/// connection. Frames on the two ways between two nodes have no order among them.
pub trait Link: Send + Sync + 'static {
    /// This node.
    fn node(&self) -> NodeId;

    /// Hands a frame over and never waits. `Ok` says that it may arrive, not that it has.
    ///
    /// A frame holds a permit from here until its receiver has taken it or the connection is dead;
    /// there are at least [`PERMITS`] for each peer.
    ///
    /// # Errors
    /// When the frame is too large, or when no permit is left. Nothing was sent then.
    fn send(&self, to: NodeId, frame: Bytes) -> Result<(), Unsent>;

    /// The same for a frame that lies in parts, which need not be joined for it.
    ///
    /// # Errors
    /// As with [`Link::send`].
    fn send_parts(&self, to: NodeId, parts: Vec<Bytes>) -> Result<(), Unsent> {
        self.send(to, parts.concat().into())
    }

    /// The next that arrives; `None` once the link is closed, and for ever after. For one caller at
    /// a time. If it is dropped before it is ready, nothing is lost.
    fn receive(&self) -> Pending<Option<Arrival>>;
}

/// What a node hears of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A peer sent this.
    Frame {
        /// Who.
        from: NodeId,
        /// What.
        body: Bytes,
    },
    /// The connection with a peer is dead, or there was no way to it. The peer itself may be well,
    /// and may have done all that it was asked.
    Down(NodeId),
    /// A peer to which a send was refused takes frames again. Not told after [`Arrival::Down`],
    /// which frees all permits itself.
    Room(NodeId),
}

/// Why nothing was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// The peer does not take frames as fast as they come; [`Arrival::Room`] tells when it does.
    #[error("too many frames to this node are under way")]
    NoPermit,
    /// Larger than [`FRAME_MAX`].
    #[error("a frame larger than 1 MiB")]
    TooLarge,
    /// This end of the link is closed: its node is ending.
    #[error("the link is closed")]
    Closed,
}
