//! Holdfast: backup and disaster recovery as a service, on a cluster of your own.
//!
//! # Bird's eye
//!
//! A service provider runs a node; its tenants send backups to *cloud repositories* that have a
//! quota and end with a lease. A repository speaks the restic protocol and is a restic repository.
//!
//! Everything that decides is a *machine*: plain data, events in, acts out, time an argument. What
//! acts are *hands*; one generic actor, the *shell*, joins the two. What others can see waits until
//! the facts before it are durable. The same machines, hands and shell run in production and in
//! simulation, over other ports.
//!
//! A request takes this way:
//!
//! ```text
//! restic ─ TLS ─ rest::Face ─ service::Service (front) ┬ gateway     who is it
//!                                                      ├ tenant      may they, how much at once
//!                                                      └ repository  quota, names, bin, place
//!                                                        └ extent    bytes, one sync for many
//! ```
//!
//! # Code map
//!
//! - `actors/`: the domain. [`holdfast_actors::kernel`] is the contract, [`holdfast_actors::shell`]
//!   the one actor, [`holdfast_actors::ports`] all that it asks of a node,
//!   [`holdfast_actors::node`] the domain put together.
//! - `simulations/`: the same domain in a world of its own.
//! - `cluster/`: many nodes as one: the link between them, the replicated catalog, replicas.
//! - `tape/`: drives, changers and what is written on tapes; it knows no tenants, and nothing here
//!   uses it yet.
//! - here: [`node`] puts a process together from the real ports ([`clock`], [`entropy`], [`disk`],
//!   [`store`], [`passwords`]) and the faces: [`rest`] for tenants, [`admin`] and [`inspect`] for
//!   operators, [`metrics`] for monitoring. [`cli`] and [`commands`] are the command line,
//!   [`agent`] is the tenant's own client, [`demo`] shows the main job, [`sim`] runs the
//!   simulated world.
//!
//! # What is durable
//!
//! The journal holds what the catalog was told; extents hold what tenants sent. Both are files of
//! checksummed frames. The index can be deleted at any time: it is built anew from them.
//!
//! # What is absent on purpose
//!
//! No global state. No clock, sleep, spawn or random number outside the edges. No second way to
//! recover: a part that fails is started again from what is durable. No setting that changes
//! behaviour in tests. `actors` names no socket, no file and no thread; `cluster` names no tenant;
//! `tests/tidy.rs` keeps it so.

pub mod admin;
pub mod agent;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod demo;
pub mod disk;
pub mod entropy;
pub mod home;
pub mod inspect;
pub mod keyring;
pub mod metrics;
pub mod node;
pub mod passwords;
pub mod rest;
mod secret;
pub mod selfservice;
pub mod sim;
mod socket;
pub mod store;
pub mod telemetry;
pub mod tls;
mod whole;
