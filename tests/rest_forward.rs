//! Requests that reach a node and are served by another: two restic faces, the real link between
//! them, and a router that does as it is told.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "support/endpoints.rs"]
mod endpoints;
#[path = "rest_forward/holding.rs"]
mod holding;
#[path = "rest_forward/losses.rs"]
mod losses;
#[path = "support/memory.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod memory;
#[path = "support/pair.rs"]
mod pair;
#[path = "rest_forward/requests.rs"]
mod requests;
#[path = "rest_face/world.rs"]
#[expect(dead_code, reason = "other suites use the rest of it")]
mod world;
