//! The simulator's tool: many runs in processes of their own, and one run looked at closely.
//!
//! A run is a function of its plan, so everything here is: run it again, and look elsewhere. A
//! world must not share a process with another that runs at the same time, so the pool starts this
//! very program once for each plan. Exit codes are those of the command line; a broken promise
//! is 1, and 130 stands for an interrupt.
//!
//! This is the only door from the program to the simulated world.

mod arguments;
mod child;
mod corpus;
mod coverage;
mod debug;
mod explain;
mod interrupt;
mod pool;
mod replay;
mod shrink;
mod source;
mod sweep;

use crate::cli::{Failure, Screen};

pub use arguments::Sim;

/// Does what was asked of the simulator.
///
/// # Errors
/// When a file is missing or wrong, when a promise was broken, and when a process cannot be run.
pub fn run(sim: &Sim, screen: &mut Screen) -> Result<(), Failure> {
    match sim {
        Sim::Run(run) => sweep::run(run, screen),
        Sim::Replay(replay) => replay::run(replay, screen),
        Sim::Shrink(shrink) => shrink::run(shrink, screen),
        Sim::Explain(explain) => explain::run(explain, screen),
        Sim::Shell(debug) => debug::run(debug, screen),
        Sim::Coverage(coverage) => coverage::run(coverage, screen),
        Sim::Child(child) => child::serve(child, screen),
    }
}

/// A promise was broken: what this program is for, and yet no success.
fn broken(message: impl std::fmt::Display) -> Failure {
    Failure::other("violation", message)
}

/// Something of this machine went wrong.
fn wrong(error: impl std::fmt::Display) -> Failure {
    Failure::other("io", error)
}
