//! Nodes that call each other and watch each other's actors over the simulated network, through the
//! calls of production: machine, hands and all.
//!
//! Callers ask numbered questions of services that work at once, slowly, never, or say no; watchers
//! wait for the end of actors that come and go. What everybody was told is in the history, and the
//! invariants judge by that alone.

mod caller;
mod flaw;
mod history;
mod invariants;
mod lodger;
mod node;
mod run;
mod service;

pub(crate) use flaw::Flaw;
pub(crate) use history::History;
pub(crate) use run::{Shape, run};

#[cfg(test)]
mod tests;
