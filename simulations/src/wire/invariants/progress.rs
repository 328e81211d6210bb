//! When all is healed, frames of every class soon come from every node to every other.

use holdfast_actors::kernel::NodeId;
use holdfast_cluster::quic::Class;

use super::super::book::{Book, Pages, Way};
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::wire) const ID: &str = "wire-progress";

/// Ways on which nothing came since all is healed.
fn silent(pages: &Pages, nodes: &[NodeId]) -> Vec<Way> {
    let mut silent = Vec::new();
    for class in [Class::Control, Class::Bulk] {
        for from in nodes {
            let others = nodes.iter().filter(|to| *to != from);
            let ways = others.map(|to| (*from, *to, class));
            silent.extend(ways.filter(|way| !pages.came.contains(way)));
        }
    }
    silent
}

/// Whether all have heard of all.
pub(crate) fn is_settled(book: &Book, nodes: &[NodeId]) -> bool {
    silent(&book.pages(), nodes).is_empty()
}

/// All has been healed for long enough.
pub(crate) fn finish(book: &Book, nodes: &[NodeId], now: Micros) {
    let silent = silent(&book.pages(), nodes);
    for (from, to, class) in silent {
        book.breach(
            ID,
            now,
            format_args!("{to} hears nothing of {from} for {class}"),
        );
    }
}
