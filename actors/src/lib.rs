//! The domain of Holdfast: machines that decide, hands that act, and the shell that joins them.
//!
//! Nothing here knows of sockets, files, threads, clocks or dice: all of that comes through
//! [`ports`], so that the very same actors run in production and in simulation.

pub mod catalog;
pub mod extent;
pub mod frame;
pub mod journal;
pub mod kernel;
pub mod names;
pub mod object;
pub mod ports;
pub mod refusal;
pub mod repository;
pub mod schema;
pub mod service;
pub mod shell;
