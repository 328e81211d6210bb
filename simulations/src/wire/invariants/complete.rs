//! What was sent comes, or who sent it is told that the connection died: nothing is lost in
//! silence.

use super::super::book::Book;
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::wire) const ID: &str = "wire-complete";

/// Whether nothing is under way.
pub(crate) fn is_settled(book: &Book) -> bool {
    let pages = book.pages();
    pages.under_way.values().all(|marks| marks.is_empty())
}

/// All has been healed for long, and nobody has sent anything for long.
pub(crate) fn finish(book: &Book, now: Micros) {
    let late: Vec<_> = {
        let pages = book.pages();
        let first = |(way, marks): (&_, &std::collections::BTreeMap<_, Micros>)| {
            let (mark, at) = marks.first_key_value()?;
            Some((*way, *mark, *at))
        };
        pages.under_way.iter().filter_map(first).collect()
    };
    for ((from, to, class), mark, at) in late {
        let story =
            format_args!("{from} sent {mark:?} to {to} for {class} at {at} µs: it never came");
        book.breach(ID, now, story);
    }
}
