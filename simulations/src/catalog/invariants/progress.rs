//! Nothing hangs for ever: once nothing goes wrong any more, clients on every node write and read
//! within [`PATIENCE`]; and no replica ends by itself but for a fault of its disk.

use holdfast_actors::kernel::NodeId;

use super::super::book::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::catalog) const ID: &str = "catalog-progress";

/// How long a client may need once all is calm, in microseconds.
pub(in crate::catalog) const PATIENCE: Micros = 60_000_000;

/// It has been calm for long enough.
pub(in crate::catalog) fn check(pages: &mut Pages, nodes: &[NodeId], now: Micros) {
    let stuck = nodes
        .iter()
        .filter(|node| !pages.settled.contains_key(node));
    let stuck: Vec<NodeId> = stuck.copied().collect();
    if !stuck.is_empty() {
        pages.breach(ID, now, format_args!("{stuck:?} got no answers in a calm"));
    }
}
