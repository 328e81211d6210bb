//! The catalog: what is rare and precious, and changes only by commands.
//!
//! Tenants, leases, quotas, credentials, repositories, extents, approvals, events, the clock. The
//! same machine runs on one node, over its journal, and in a cluster, over consensus.

mod answer;
pub mod command;
pub mod rows;

pub use answer::{Class, Outcome, Refused};
