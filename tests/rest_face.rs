//! The restic REST face over real sockets and TLS, with a service in memory behind it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "rest_face/abuse.rs"]
mod abuse;
#[path = "rest_face/listening.rs"]
mod listening;
#[path = "support/memory.rs"]
mod memory;
#[path = "rest_face/native.rs"]
mod native;
#[path = "rest_face/restic.rs"]
mod restic;
#[path = "rest_face/vectors.rs"]
mod vectors;
#[path = "rest_face/world.rs"]
mod world;
