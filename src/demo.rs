//! The demonstration.

use crate::cli::{Failure, Screen};
use crate::commands::node::Demo;

/// Shows the main job.
///
/// # Errors
/// Always, until it is there.
pub fn run(_: &Demo, _: &mut Screen) -> Result<(), Failure> {
    Err(Failure::other("absent", "absent"))
}
