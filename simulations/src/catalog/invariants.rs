//! What must always be true of the replicated catalog, one file each.

pub(super) mod day;
pub(super) mod equal;
pub(super) mod kept;
pub(super) mod leaders;
pub(super) mod lease;
pub(super) mod linear;
pub(super) mod progress;
pub(super) mod time;
