//! What must be true of calls, one file each.

pub(super) mod belong;
pub(super) mod end;
pub(super) mod nothing;
pub(super) mod once;
pub(super) mod progress;
pub(super) mod told;
pub(super) mod window;
