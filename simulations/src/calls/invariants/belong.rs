//! An answer belongs to its question, and comes from the node that was asked.

use super::super::history::{Number, Pages};
use crate::trace::Micros;

/// The id of this invariant.
pub(in crate::calls) const ID: &str = "calls-belong";

/// A caller has got another answer than that to its question.
pub(in crate::calls) fn breach(pages: &mut Pages, number: Number, now: Micros) {
    let story = format_args!("{number} got the answer to something else");
    pages.breach(ID, now, story);
}
