//! The catalog: what is rare and precious, and changes only by commands.
//!
//! Tenants, leases, quotas, credentials, repositories, extents, approvals, events, the clock. The
//! same machine runs on one node, over its journal, and in a cluster, over consensus.

mod addresses;
mod anew;
mod answer;
mod applied;
mod approvals;
mod cluster;
pub mod command;
mod contract;
mod credentials;
mod draft;
mod events;
mod extents;
#[cfg(test)]
mod fixture;
mod hands;
mod joining;
mod leaving;
mod machine;
mod nodes;
mod operators;
mod outcome;
mod owners;
mod pools;
#[cfg(test)]
mod properties;
mod queries;
mod record;
mod repositories;
mod roles;
pub mod rows;
mod scrubs;
mod service;
mod subtenants;
pub mod table;
pub mod tape;
mod tenants;
mod time;
mod turned;
mod versions;

pub use addresses::{AddressRefused, Family};
pub use anew::Home;
pub use answer::Refused;
pub use applied::apply;
pub use draft::decide;
pub use events::Code;
pub use hands::{Catalog, Door, Message, SubmitError, start};
pub use machine::{Answer, Effect, Event, Keeper};
pub use nodes::{LEASE, TICK};
pub use outcome::{Class, Outcome};
pub use pools::PoolRefused;
pub use record::{Record, RecoverError, restore, snapshot};
pub use roles::{Deed, may};
pub use tape::TapeRefused;
