//! A node that was removed can write nothing: what begins there later than the lease that it may
//! still believe in is never acknowledged.

use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::cluster) const ID: &str = "cluster-removed";

/// How long a node may not have heard that it is removed: a lease, and what clocks may be wrong.
const LEASE: Micros = 2_500_000;

/// Something that began then at a node is acknowledged now.
pub(in crate::cluster) fn check(pages: &mut Pages, node: NodeId, began: Micros, now: Micros) {
    let Some(since) = pages.removed(node) else {
        return;
    };
    if began > since + LEASE {
        let story =
            format_args!("{node} was removed at {since} µs, and wrote what began at {began} µs");
        pages.breach(ID, now, story);
    }
}
