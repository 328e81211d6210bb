//! When all is healed, every node soon answers every other, and itself.

use holdfast_actors::kernel::NodeId;

use super::super::history::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::calls) const ID: &str = "calls-progress";

/// Whether all have got an answer of all.
pub(in crate::calls) fn is_settled(pages: &Pages, nodes: &[NodeId]) -> bool {
    pages.answered.len() == nodes.len() * nodes.len()
}

/// All has been healed for long enough.
pub(in crate::calls) fn finish(pages: &mut Pages, nodes: &[NodeId], now: Micros) {
    for caller in nodes {
        for node in nodes {
            if !pages.answered.contains(&(*node, *caller)) {
                pages.breach(ID, now, format_args!("{caller} gets no answer of {node}"));
            }
        }
    }
}
