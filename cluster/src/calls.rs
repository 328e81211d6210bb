//! Calls from node to node: who asks knows a node and the name of a service there, nothing more.
//!
//! A call has exactly one result, at most a tick after its time is over. What is refused says
//! whether anything was done; only [`CallError::Unknown`] leaves that open. Calls to a node wait
//! for its greeting, so that a node that is not there was never asked.

pub mod conformance;
pub mod envelope;
mod exchange;
mod hands;
mod inbox;
pub mod machine;
pub mod pursuit;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Pending;
use holdfast_actors::shell::Path;

pub use exchange::Exchange;
pub use hands::{ExchangeHands, Message};

/// The way to services on other nodes.
pub trait Calls: Send + Sync + 'static {
    /// This node.
    fn node(&self) -> NodeId;

    /// Asks a service and waits for its answer at most so long. A call to this node itself takes
    /// the same path without a link. If the caller turns away, the answer is dropped, and so is the
    /// service's work on it.
    ///
    /// Of one service on one node only so many calls are under way at once (its window); others
    /// wait within their time, in the order of asking, and not in the way of other services' calls.
    ///
    /// # Errors
    /// See [`CallError`]; only [`CallError::Unknown`] leaves open whether the service did it.
    fn call(
        &self,
        to: NodeId,
        service: &'static str,
        body: Bytes,
        within: Duration,
    ) -> Pending<Result<Bytes, CallError>>;

    /// Lets other nodes, and this one, call a service by this name from now on; a second one of the
    /// same name takes the place of the first.
    fn serve(&self, service: &'static str, answers: Arc<dyn Answers>);
}

/// A service.
pub trait Answers: Send + Sync + 'static {
    /// Answers one call of a node. At most a window of calls of one node are under way at once;
    /// each is dropped unfinished when its caller turns away or its connection dies. It may answer
    /// at most once, and one call is never given to it twice. Calls of one node to it are given to
    /// it in the order in which that node made them; what it does before it returns keeps that
    /// order.
    fn answer(&self, from: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>>;
}

/// The way to hear of the end of actors on other nodes, and of nodes.
pub trait Watches: Send + Sync + 'static {
    /// Waits for the end of the actor that runs at a path of a node now, and tells of it once. An
    /// actor that is started there again is another one. Whoever turns away hears nothing more.
    fn watch(&self, node: NodeId, path: &Path) -> Pending<Passing>;

    /// Waits until a node cannot be reached, and tells so once.
    fn watch_node(&self, node: NodeId) -> Pending<Passing>;
}

/// What became of an actor that was watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Passing {
    /// It was asked to stop, or stopped itself.
    Stopped,
    /// A fault ended it.
    Failed,
    /// None ran at this path.
    Absent,
    /// The connection with its node died. The actor may live on and do its work: start another in
    /// its place only by a lease or an epoch, never for this alone.
    NoConnection,
    /// Its node watches for too many already, or does not know how; the actor may live.
    Refused,
}

/// A service understood a call and says no: nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Rejected(pub String);

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The service said no. Nothing was done.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// There is no service of that name there. Nothing was done.
    #[error("{0} has no service {1}")]
    NoService(NodeId, String),
    /// It never left this node, or was not taken: no way there, or no permit within the time.
    /// Nothing was done.
    #[error("{0} cannot be reached")]
    Unreachable(NodeId),
    /// It was sent and no answer came: the connection died, or the time is over. It may have been
    /// done, or may be done yet.
    #[error("{0} did not answer")]
    Unknown(NodeId),
    /// Larger than a frame may be. Nothing was done.
    #[error("a call of {0} bytes is too large")]
    TooLarge(usize),
}

impl CallError {
    /// Whether it is certain that the service did nothing.
    pub const fn nothing_was_done(&self) -> bool {
        !matches!(self, Self::Unknown(_))
    }
}
