//! What must be true of the link, one file each.

pub(crate) mod complete;
pub(super) mod order;
pub(crate) mod progress;
pub(super) mod welcome;
