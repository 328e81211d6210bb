//! Of one peer's calls to one service at most a window is under way at once.

use holdfast_actors::kernel::NodeId;

use super::super::history::Pages;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::calls) const ID: &str = "calls-window";

/// A service of a node takes up a call of a node.
pub(in crate::calls) fn check(
    pages: &mut Pages,
    at: (NodeId, NodeId, &'static str),
    window: u16,
    now: Micros,
) {
    let under_way = pages.under_way.entry(at).or_default();
    *under_way += 1;
    let count = *under_way;
    if count > window {
        let (node, from, service) = at;
        let story = format_args!("{node} works on {count} calls of {from} to {service}");
        pages.breach(ID, now, story);
    }
}
