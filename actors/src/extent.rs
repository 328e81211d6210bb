//! One append-only file of a repository, while it is open.
//!
//! The repository says at which offset its bytes go; the extent refuses what does not fit its end
//! or comes from another epoch, writes in order, and syncs once for all that arrived during the
//! last sync. After a failed write or sync it takes nothing more: its repository goes on in another
//! extent.

mod hands;
mod machine;

pub use hands::{Hands, Message, folder, named, path};
pub use machine::{Append, Effect, Event, Extent, Sealed, Trouble};
