//! The command line as operators meet it: the built program, run with arguments, against a socket.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod arguments;
#[path = "../support/endpoints.rs"]
mod endpoints;
mod eyes;
mod figures;
mod founding;
mod furniture;
mod joining;
mod nodes;
mod office;
mod others;
mod passed;
mod pools;
mod socket;
mod tape;
mod world;
