//! What must always be true of a cluster, one file each.

pub(super) mod copies;
pub(super) mod current;
pub(super) mod drained;
pub(super) mod equal;
pub(super) mod kept;
pub(super) mod progress;
pub(super) mod quorum;
pub(super) mod removed;
