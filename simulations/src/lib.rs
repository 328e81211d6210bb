//! Holdfast's own actors in a world of its own: one seed, one history.
//!
//! The world makes the ports (disk, index, clock, chance) and plays everybody outside of the node:
//! tenants' clients, operators, the power supply. The actors are those of production, shells and
//! all. A [`plan::Plan`] says what will happen; a run of it ends in a [`verdict::Verdict`]. The
//! oracle knows only what clients and operators were told; each invariant has a file of its own.
//!
//! Nothing here reads a real clock, draws real chance, or starts a thread.

mod calls;
mod catalog;
pub mod clock;
mod cluster;
pub mod coverage;
pub mod dice;
pub mod disk;
pub mod entropy;
pub mod expect;
pub mod extents;
mod fleet;
pub mod index;
mod invariants;
mod ledger;
pub mod line;
pub mod mutation;
mod network;
mod office;
mod oracle;
mod passwords;
pub mod plan;
pub mod record;
mod register;
pub mod repair;
mod runtime;
pub mod scenario;
pub mod script;
pub mod shrink;
pub mod story;
mod tape;
mod threads;
mod timepiece;
pub mod trace;
pub mod verdict;
pub mod wire;
pub mod witness;
mod workload;
pub mod world;
pub mod yardstick;
mod yields;
