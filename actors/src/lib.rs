//! The domain of Holdfast: machines that decide, hands that act, and the shell that joins them.
//!
//! Nothing here knows of sockets, files, threads, clocks or dice: all of that comes through
//! [`ports`], so that the very same actors run in production and in simulation.

pub mod bandwidth;
pub mod caretaker;
pub mod catalog;
pub mod extent;
pub mod frame;
pub mod front;
pub mod gateway;
pub mod gateways;
pub mod journal;
pub mod kernel;
pub mod names;
pub mod node;
pub mod object;
pub mod ports;
pub mod recall;
pub mod refusal;
pub mod repositories;
pub mod repository;
pub mod rotation;
pub mod schema;
pub mod service;
pub mod session;
pub mod shell;
pub mod standbys;
pub mod supervision;
pub mod tape;
pub mod tenant;
pub mod tenants;
