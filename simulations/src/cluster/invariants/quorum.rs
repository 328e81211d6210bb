//! Without a majority nothing is acknowledged: who cannot know that nobody else owns a repository
//! does not write to it. Leases that were held when the majority was lost may run to their end.
//!
//! Judged by nodes that are down, and only while nobody was let in or removed.

use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-quorum";

/// How long leases run that were held, and what clocks may be wrong.
const LEASE: Micros = 2_500_000;

/// An upload that began then is acknowledged now.
pub(in crate::cluster) fn check(pages: &mut Pages, node: NodeId, began: Micros, now: Micros) {
    let Some(since) = pages.minority.filter(|_| pages.given == 0) else {
        return;
    };
    if began > since + LEASE {
        let up = pages.up.len();
        let story = format_args!("{node} wrote, {up} nodes being up since {since} µs");
        pages.breach(ID, now, story);
    }
}
