//! Nodes whose certificates are good are never refused, whatever becomes of their datagrams: no
//! operator hears of a stranger, a removed node or a copy where there is none.

use holdfast_actors::kernel::NodeId;
use holdfast_cluster::quic::Notice;

use super::super::book::Book;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::wire) const ID: &str = "wire-welcome";

/// An operator of a node would hear something.
pub(in crate::wire) fn check(book: &Book, node: NodeId, notice: &Notice, now: Micros) {
    match notice {
        Notice::Up { .. } | Notice::Down { .. } => {}
        Notice::Refused { .. }
        | Notice::Dismissed { .. }
        | Notice::Outdated { .. }
        | Notice::Doubled { .. } => {
            book.breach(ID, now, format_args!("at {node}: {notice}"));
        }
    }
}
