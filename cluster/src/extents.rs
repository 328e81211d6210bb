//! Extents that lie on several nodes.
//!
//! An extent has one writer, known by its epoch. The writer sends every append to all replicas and
//! takes it for durable when all of them have it durable. On any trouble it stops, the extent is
//! sealed at what was durable everywhere, and another one begins elsewhere. Whoever takes over
//! *fences* the replicas first: none of them takes anything from an older epoch afterwards, and
//! what the writer was ever told to be durable lies on every replica that answers.
//!
//! The catalog says which nodes have a replica and how long a sealed extent is; a node whose own
//! replica differs from that truncates it, copies it, or takes it away.

mod adopt;
mod fencing;
mod file;
mod remote;
mod shunned;
mod store;
mod tally;
mod unsound;
mod word;

pub use adopt::{Adopted, look, note};
pub use fencing::{Fenced, Fencing, Nobody};
pub use file::Extents;
pub use remote::{Remote, Replicas, SERVICE};
pub use shunned::Shunned;
pub use store::{
    Answer, Effect, Event, Listing, Message, Notes, Refusal, Store, StoreHands, recover,
};
pub use tally::Tally;
pub use unsound::Unsound;
pub use word::{Ask, Copied, Record, Replica, Stage, Tell};
