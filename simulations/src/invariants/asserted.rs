//! No actor notices that it broke one of its own invariants: what a node in production counts
//! instead of stopping stays at none.
//!
//! A tenant lets nobody write whose lease has ended; a repository's uploads hold no more than was
//! announced, and its figures are what comes of counting; the catalog's log rises, and its day
//! goes back only when an operator says so.

use crate::world::Scene;

/// The id of this invariant.
pub(crate) const ID: &str = "asserted";

/// Asks the node for its count.
pub(crate) fn check(scene: &Scene) {
    for (invariant, count) in scene.directory.violations() {
        let story = format_args!("the node counted {count} times that {invariant} was broken");
        scene.ledger.breach(ID, story);
    }
}
