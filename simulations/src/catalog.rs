//! The replicated catalog under everything that can go wrong.
//!
//! Every node runs the production replica: consensus, its log on the simulated disk, the catalog's
//! rules, its lease. Clients on each node write a value into the catalog and read it back, through
//! whichever replica is theirs; what they were told is judged as one history.

mod book;
mod calls;
mod client;
mod invariants;
mod node;
mod planted;
mod run;
mod setback;

pub(crate) use planted::Flaw;
pub(crate) use run::{Shape, run};

/// What clients write; 0 is what they read before anybody wrote.
type Value = u64;
