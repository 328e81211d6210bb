//! What must always be true of a cluster, one file each.

pub(super) mod current;
pub(super) mod kept;
pub(super) mod progress;
