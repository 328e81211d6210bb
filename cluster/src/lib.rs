//! Many nodes as one: identity, links, membership, the replicated catalog, placement.

pub mod calls;
pub mod extents;
pub mod folder;
pub mod identity;
pub mod join;
pub mod member;
pub mod nodes;
pub mod quic;
pub mod raft;
pub mod repair;
