//! The admin socket: how the command line orders a running node about.
//!
//! `DIR/admin.sock` has the mode 0600, and a peer is admitted only if the kernel says that it is
//! root or the owner of DIR. When it is shared with a group it has the mode 0660, and whoever else
//! comes through speaks as the operator whose row has their uid, or not at all. One connection
//! carries one order, a line of JSON, and its answer:
//!
//! ```text
//! → {"version":1,"as":"mara","command":{"tenant":{"show":{"name":"acme"}}}}
//! ← {"item":{…}}                           none or many: rows of a list, or events
//! ← {"progress":{"done":3,"total":17,…}}   now and then, while it takes long
//! ←                                        an empty line while there is nothing to say
//! ← {"done":{…}}                           or {"error":{"reason":…,"message":…,"class":…}}
//! ```
//!
//! Nothing is decided here: the socket carries, an [`Operations`] answers.

pub mod answers;
pub mod books;
pub mod client;
pub mod group;
pub mod office;
pub mod others;
pub mod protocol;
pub mod server;
mod socket;

use holdfast_actors::names::OperatorName;
use holdfast_actors::ports::Pending;
use serde_json::Value;

use crate::commands::Order;

pub use protocol::{Problem, ProblemClass, Progress};
pub use server::{Door, Items};

/// Who gives an order, as far as the kernel and the order itself say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The peer's user, from the kernel.
    pub uid: u32,
    /// Whether that is root or the owner of the node's directory, who could do without the socket.
    pub owns: bool,
    /// As which operator they want to speak; whether they may is the callee's to say.
    pub operator: Option<OperatorName>,
}

/// Who carries orders out.
pub trait Operations: Send + Sync + 'static {
    /// Carries one order out; `items` takes the rows of a list and the progress on the way. The
    /// future is dropped when the caller hangs up.
    fn perform(
        &self,
        caller: Caller,
        order: Order,
        items: Items,
    ) -> Pending<Result<Value, Problem>>;
}
