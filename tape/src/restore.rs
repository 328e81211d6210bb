//! Restores from tape (domain, 10.11): repositories as they were archived, back where they were, in
//! another repository, or in a folder. The fourth way, handing over the cartridges, needs nobody.
//!
//! [`plan`] says which cartridges are loaded and what is read of each, [`Restore`] decides how a
//! restore goes and what becomes of errors, [`RestoreHands`] do it. What is restored is noted in
//! the catalog, so that whoever starts after a crash goes on with it, and no tenant stays shut out.
//!
//! Invariant: nothing is visible at a destination before its bytes were seen to be those that were
//! archived.

mod folder;
mod hands;
mod machine;
mod order;
pub mod plan;
mod route;
mod stream;
mod words;

pub use hands::{Folders, Message, RestoreHands, Tools};
pub use machine::{Restore, TRIES};
pub use order::{Shelved, Unready, order, shelved};
pub use words::{Effect, Event, Got, Held, Order, Part, Target};

#[cfg(test)]
mod tests;
