//! Orders that another node carries out: what an operator asks on one node goes to the office of
//! the node that has what is asked about.
//!
//! ```text
//! admin socket ── Office of A ── route ─┬ here       carried out by A
//!                                       ├ at B       the order as it is, with who speaks
//!                                       └ at each    the same; A joins the parts
//!                                            │
//!             calls between nodes, service "office":  Begin ─▶ lines, a ticket if there are more
//!                                                     Go ────▶ lines, …
//!                                            ▼
//!                     Office of B: is A a node, is that an operator, is it here ── carried out
//! ```
//!
//! - The operator is the one whom A's office recognised. B believes a node, nobody else, and looks
//!   up by itself what that operator may do. Nothing of a tenant's gets here.
//! - B waits until it knows what A knew of the catalog, so that an order that follows another does
//!   not come before it.
//! - An order is passed once. If B has not what is asked about either, it says so.
//! - Each call is short and carries little; B works on an order only while A asks for more, so an
//!   operator who turns away ends it, and so does the death of either node.

mod counter;
mod passing;
mod wire;

use holdfast_actors::kernel::{Instant, NodeId, Sequence};
use holdfast_actors::names::OperatorName;
use holdfast_actors::ports::Pending;
use holdfast_cluster::raft::Standing;
use serde_json::Value;

use super::{Items, Problem, ProblemClass};
use crate::commands::Order;

pub use counter::Counter;
pub use passing::Passing;
pub use wire::{REPLY_MAX, SERVICE};

/// An order on its way, with who gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Errand {
    /// Whom the office that passes it recognised.
    pub by: OperatorName,
    /// How much of the catalog that office knew.
    pub seen: Sequence,
    /// What to do.
    pub order: Order,
}

/// The offices of the other nodes.
pub trait Others: Send + Sync + 'static {
    /// Which node this one is.
    fn node(&self) -> NodeId;
    /// How consensus stands, as far as this node knows.
    fn standing(&self) -> Standing;
    /// Whether this node holds its lease at this moment. The rows cannot tell: where nothing is
    /// heard from the others, the time in them stands still.
    fn holds_lease(&self, now: Instant) -> bool;
    /// Has a node carry an order out; `items` takes its rows and its progress. Dropping the future
    /// ends the work.
    fn ask(&self, to: NodeId, errand: Errand, items: Items) -> Pending<Result<Value, Problem>>;
}

/// Who carries out what other nodes pass.
pub trait Takes: Send + Sync + 'static {
    /// Carries out an order that a node passed. Dropping the future ends the work.
    fn take(&self, from: NodeId, errand: Errand, items: Items) -> Pending<Result<Value, Problem>>;
}

/// The reason of a node that was not asked: nothing was done.
const UNREACHABLE: &str = "node-unreachable";
/// The reason of a node that did not answer: it may have been done.
const NO_ANSWER: &str = "node-silent";

/// The node was not asked.
pub(super) fn unreachable(node: &str) -> Problem {
    let told = format!("{node} cannot be reached");
    Problem::new(ProblemClass::Failed, UNREACHABLE, told)
}

/// The node was asked, and did not answer.
pub(super) fn no_answer(node: &str) -> Problem {
    let told = format!("{node} did not answer; look whether it was done before you try again");
    Problem::new(ProblemClass::Failed, NO_ANSWER, told)
}

/// Whether another node is silent, rather than saying no.
pub(super) fn is_silence(problem: &Problem) -> bool {
    [UNREACHABLE, NO_ANSWER].contains(&problem.reason.as_str())
}
