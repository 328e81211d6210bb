//! The second tier: the link of production, QUIC and TLS and all, over datagrams that are late,
//! lost, doubled and overtaken.
//!
//! Nodes are those of the kind `calls`, which call each other over the link's class for
//! calls. Beside them chatterers send numbered frames on the two other classes, and bytes on
//! streams, and write down what was sent and what came; what a link promises is judged by that.
//! Whatever the link leaves to chance comes from the seed, and each datagram's sum is in the trace,
//! so that a byte of another chance shows at once.

mod berth;
mod book;
mod chatter;
mod flaw;
mod identity;
mod invariants;

pub(crate) use berth::Berth;
pub(crate) use book::Book;
pub(crate) use flaw::Flaw;
pub(crate) use identity::NODES_MAX;
pub(crate) use invariants::{complete, progress};

#[cfg(test)]
mod tests;
