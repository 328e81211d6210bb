//! What every adapter of a port must do, whoever wrote it.
//!
//! One suite per port, run on the real adapter and on the simulated one. A suite asserts what the
//! port's documentation promises to a process that goes on living; what a crash may take is judged
//! in `simulations`.

mod clock;
mod disk;
mod entropy;
mod index;
mod link;

pub use clock::clock;
pub use disk::disk;
pub use entropy::entropy;
pub use index::index;
pub use link::{Ends, link};
