//! What must always be true of a cluster, one file each.

pub(super) mod copies;
pub(super) mod current;
pub(super) mod drained;
pub(super) mod equal;
pub(super) mod held;
pub(super) mod holder;
pub(super) mod kept;
pub(super) mod lease;
pub(super) mod mended;
pub(super) mod progress;
pub(super) mod quorum;
pub(super) mod recalled;
pub(super) mod removed;
pub(super) mod time;
