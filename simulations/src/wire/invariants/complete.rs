//! What was sent comes, or who sent it is told that the connection died: nothing is lost in
//! silence.

use super::super::book::Book;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::wire) const ID: &str = "wire-complete";

/// Microseconds in which a frame may be under way when nothing goes wrong.
const PATIENCE: Micros = 10_000_000;

/// All has been healed for long.
pub(crate) fn finish(book: &Book, now: Micros) {
    let late: Vec<_> = {
        let pages = book.pages();
        let first = |(way, marks): (&_, &std::collections::BTreeMap<_, Micros>)| {
            let old = marks.iter().find(|(_, at)| **at + PATIENCE < now)?;
            Some((*way, *old.0, *old.1))
        };
        pages.under_way.iter().filter_map(first).collect()
    };
    for ((from, to, class), mark, at) in late {
        let story =
            format_args!("{from} sent {mark:?} to {to} for {class} at {at} µs: it never came");
        book.breach(ID, now, story);
    }
}
