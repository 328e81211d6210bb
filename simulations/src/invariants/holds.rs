//! What was visible within a repository's hold stays restorable, whatever the bin says (I8).
//!
//! As the bin's invariant, with the hold days that the repository had when the object was deleted.

use super::{Seen, bin};
use crate::world::Scene;

/// The id of this invariant.
pub(crate) const ID: &str = "I8";

/// Nobody works: looks for everything that is held.
pub(crate) async fn check(scene: &Scene, seen: &Seen) {
    bin::kept(scene, seen, ID, |deletion| deletion.hold_days).await;
}
