//! What must be true of the register, one file each.

pub(super) mod kept;
pub(super) mod linear;
pub(super) mod progress;
pub(super) mod writers;

use super::history::Pages;
use crate::trace::Micros;

/// Checks everything that follows from what clients were told.
pub(super) fn check(pages: &mut Pages, now: Micros) {
    linear::check(pages, now);
    writers::check(pages, now);
}
