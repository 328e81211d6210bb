//! Calls from node to node: who asks knows a node and the name of a service there, nothing more.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use holdfast_actors::kernel::NodeId;
use holdfast_actors::ports::Pending;

/// The way to services on other nodes.
pub trait Calls: Send + Sync + 'static {
    /// This node.
    fn node(&self) -> NodeId;

    /// Asks a service and waits for its answer at most so long. A call to this node itself takes
    /// the same path without a link. If the caller turns away, the answer is dropped.
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
    /// Answers one call of a node. At most so many calls of one node are under way at once as the
    /// link has permits; it is dropped unfinished when the caller's connection dies.
    fn answer(&self, from: NodeId, body: Bytes) -> Pending<Result<Bytes, Rejected>>;
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
    /// It never left this node: no way there, or no permit within the time. Nothing was done.
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
