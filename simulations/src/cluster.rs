//! Whole nodes as one cluster, under everything that can go wrong.
//!
//! Every node runs what production runs: the replicated catalog, the replicas of extents, and the
//! domain on top of both, put together by the same code. Clients of all tenants are at every node
//! and work there while their tenant is at home; what they were told goes into one book.

mod book;
mod client;
mod invariants;
mod node;
mod office;
mod planted;
mod run;
mod split;
mod watch;

pub(crate) use client::tenant;
pub(crate) use planted::Flaw;
pub(crate) use run::{Shape, run};
