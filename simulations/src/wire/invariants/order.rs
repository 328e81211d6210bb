//! Frames of a class come whole, in the order in which they were sent, each at most once; and
//! without a gap, unless who takes them was told meanwhile that the connection died. Then so was
//! who sent them: what was sent on the dead connection does not come on the next.

use super::super::book::{Book, Mark, Way};
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::wire) const ID: &str = "wire-order";

/// A frame came; without a mark if it is not whole.
pub(in crate::wire) fn check(book: &Book, way: Way, mark: Option<Mark>, now: Micros) {
    let (from, to, class) = way;
    let Some(mark) = mark else {
        let story = format_args!("a frame of {from} for {class} is not whole at {to}");
        return book.breach(ID, now, story);
    };
    let before = book.pages().comes(way, mark);
    let Some((last, has_died)) = before else {
        return;
    };
    let is_next =
        (mark.life, mark.deaths) == (last.life, last.deaths) && mark.number == last.number + 1;
    let is_of_the_next_connection = mark.life > last.life
        || (mark.life == last.life && mark.deaths > last.deaths && mark.number > last.number);
    let is_good = if has_died {
        is_of_the_next_connection
    } else {
        is_next
    };
    if !is_good {
        let story = format_args!(
            "{to} has {mark:?} of {from} for {class} after {last:?}, a death told between: \
             {has_died}"
        );
        book.breach(ID, now, story);
    }
}
