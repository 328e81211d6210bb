//! The link between nodes, over QUIC.

pub mod class;
pub mod frame;
pub mod hello;
mod lane;
pub mod lives;
pub mod notice;
mod pair;
pub mod permits;
pub mod transport;
mod verify;
