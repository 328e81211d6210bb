//! The link between nodes, over QUIC.

pub mod class;
pub mod frame;
pub mod hello;
pub mod lives;
mod pair;
pub mod permits;
